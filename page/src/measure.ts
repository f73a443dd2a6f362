/** The measurements over the picture: what is, where the time of commands goes, and the last minute. */

import { copyButton } from "./clipboard";
import { h } from "./dom";
import type { Figures } from "./figures";
import { Graph } from "./graph";
import { iconButton } from "./icons";
import type { Follower, Frame } from "./latency";
import { rate, rowsOf, sampleOf, type Report, type Row, type Sample } from "./measured";
import { memory } from "./memory";
import { Waterfall } from "./waterfall";
import type { ServerFigures } from "./wire";

const MINUTE = 60; // samples
const MOST_INTERVALS = 20; // of a second: looking at pictures costs the main thread more than all else here
const KEY = "reactor-measure";
const ANSWER_PATIENCE_MS = 5_000;

export class Measure {
  readonly #button: HTMLButtonElement;
  readonly #rows = h("dl", { class: "measure-rows" });
  readonly #values = new Map<string, HTMLElement>();
  readonly #waterfall = new Waterfall();
  readonly #graph = new Graph(MINUTE);
  #figures: Figures | null = null;
  #shown: Report | undefined; // as it was drawn
  #samples: Sample[] = [];
  #server: { last: ServerFigures | null; before: ServerFigures | null; roundTripMs: number | null } = { last: null, before: null, roundTripMs: null };
  #askedAt: number | undefined;
  #shownAt: { time: number; count: number | undefined } | undefined;
  #intervals: number[] = [];

  /** @param ask Asks the server for its figures. */
  constructor(
    private readonly element: HTMLElement,
    tools: HTMLElement,
    private readonly follower: Follower,
    private readonly model: () => string,
    private readonly ask: () => void,
  ) {
    const toggle = () => this.toggle();
    this.#button = iconButton("measure", "Measure", { "data-testid": "measure-toggle", "aria-keyshortcuts": "i", "aria-controls": element.id, click: toggle });
    tools.append(this.#button);
    const copy = copyButton("Copy as JSON", { "data-testid": "measure-copy" }, () => JSON.stringify(this.#shown, null, 2));
    const close = iconButton("close", "Close", { "data-testid": "measure-close", click: toggle });
    // What is done here is not for the model behind it.
    for (const kind of ["mousedown", "click", "wheel", "contextmenu"]) element.addEventListener(kind, (event) => event.stopPropagation(), { passive: true });
    element.setAttribute("role", "region");
    element.setAttribute("aria-label", "Measurements");
    const body = h("div", { class: "measure-body", tabindex: 0, role: "group", "aria-label": "Figures" });
    body.append(this.#rows, this.#waterfall.element, this.#graph.element);
    element.append(h("div", { class: "measure-head" }, h("h2", {}, "Measure"), copy, close), body);
    this.#open(memory.getItem(KEY) === "open");
  }

  toggle(): void {
    this.#open(Boolean(this.element.hidden));
    keep(!this.element.hidden);
  }

  /** A picture of the track that is measured was shown. Tells whether the next one is to be seen as well. */
  see({ presentationTime, expectedDisplayTime, presentedFrames }: Frame): boolean {
    if (this.element.hidden) return false;
    const time = Math.max(presentationTime, expectedDisplayTime);
    const before = this.#shownAt;
    this.#shownAt = { time, count: presentedFrames };
    // The browser may have shown one between that it did not tell of.
    const isNext = before?.count === undefined || presentedFrames === before.count + 1;
    if (before && isNext) this.#intervals.push(time - before.time);
    return this.#intervals.length < MOST_INTERVALS;
  }

  /** The server answered. */
  hear(figures: ServerFigures): void {
    const roundTripMs = this.#askedAt === undefined ? null : performance.now() - this.#askedAt;
    this.#askedAt = undefined;
    this.#server = { last: figures, before: this.#server.last, roundTripMs };
  }

  /** To be called with every connection: what was counted on another does not go on. */
  reset(): void {
    this.#server = { last: null, before: null, roundTripMs: null };
    this.#askedAt = this.#shownAt = undefined;
  }

  /** To be called once a second, with null while there is no connection. */
  tick(figures: Figures | null): void {
    this.#figures = figures;
    const sample = sampleOf(figures, this.#server, this.follower.takeTotals(), this.#intervals);
    this.#intervals = [];
    this.#samples = [...this.#samples, sample].slice(-MINUTE);
    if (this.element.hidden || document.hidden) return;
    const isPatient = this.#askedAt !== undefined && performance.now() - this.#askedAt < ANSWER_PATIENCE_MS;
    if (figures && !isPatient) {
      this.#askedAt = performance.now();
      this.ask();
    }
    this.#draw();
  }

  #open(isOpen: boolean): void {
    this.element.hidden = !isOpen;
    this.#button.setAttribute("aria-pressed", String(isOpen));
    this.reset();
    if (isOpen) this.#draw();
  }

  #draw(): void {
    this.#shown = this.report();
    for (const row of rowsOf(this.#shown)) this.#show(row);
    this.#waterfall.show(this.follower.recent);
    const values = (name: "shownFps" | "bitrateBps" | "latencyMs") => this.#samples.map((sample) => sample[name]);
    this.#graph.draw([
      { label: "Shown", colour: "#3ecf8e", least: 10, words: (fps) => `${fps.toFixed(0)} fps`, values: values("shownFps") },
      { label: "Bitrate", colour: "#6f8aff", least: 1e5, words: rate, values: values("bitrateBps") },
      { label: "Answer", colour: "#f5b544", least: 20, words: (ms) => `${ms.toFixed(0)} ms`, values: values("latencyMs") },
    ]);
  }

  #show({ id, label, value, title, isLong }: Row): void {
    let shown = this.#values.get(id);
    if (!shown) {
      shown = h("dd", { "data-testid": `measure-${id}` });
      this.#values.set(id, shown);
      this.#rows.append(h("div", { class: isLong ? "long" : "" }, h("dt", {}, label), shown));
    }
    if (shown.textContent !== value) shown.textContent = value;
    shown.parentElement!.title = title;
  }

  /** All that is measured, at this moment. */
  report(): Report {
    const { last } = this.#server;
    const quantiles = this.follower.figures();
    const videos = Object.entries(this.#figures?.tracks ?? {}).filter(([, { kind }]) => kind === "video");
    return {
      at: new Date().toISOString(),
      model: this.model(),
      browser: navigator.userAgent,
      serverVersion: last?.version ?? null,
      transport: this.#figures?.path ?? null,
      answer: quantiles && { p50Ms: quantiles.p50, p95Ms: quantiles.p95 },
      now: this.#samples.at(-1) ?? null,
      tracks: Object.fromEntries(videos.map(([name, { codec, width, height }]) => [name, { codec, width, height, rung: last?.rungs[name] ?? null }])),
      server: last,
      commands: this.follower.recent,
      samples: this.#samples,
    };
  }
}

function keep(isOpen: boolean): void {
  if (isOpen) memory.setItem(KEY, "open");
  else memory.removeItem(KEY);
}
