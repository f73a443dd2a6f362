/** One event: a button, a line or a card, what it sends, and what the answers and the model's state make of it. */

import { pathIn, Unreadable, type Path } from "./complaints";
import { h } from "./dom";
import { fieldOf, isOneLine, type Field } from "./fields";
import { History } from "./history";
import { memory } from "./memory";
import { humanise } from "./names";
import { readAll, stacked } from "./nests";
import type { Parameter } from "./parameters";
import type { Control } from "./schema";
import { Throttle } from "./throttle";
import type { Upload } from "./uploads";
import type { Json, JsonObject } from "./wire";

export interface Means {
  send: (event: string, args: JsonObject) => Promise<void>;
  upload: Upload;
}

const DRAG_INTERVAL_MS = 50;
const TICK_MS = 1_500;
const HOLDS_MORE = new Set(["list", "group", "variants", "json"]);

/** How much room a control takes. */
export type Shape = "button" | "line" | "card";

export function shapeOf({ parameters }: Control): Shape {
  if (!parameters.length) return "button";
  return parameters.length === 1 && isOneLine(parameters[0]!) ? "line" : "card";
}

/** Whether a control follows the hand; anything else may do something each time it is sent, so it waits for its button. */
function followsHand({ event, parameters }: Control): boolean {
  return event.startsWith("set_") || (parameters.length === 1 && !HOLDS_MORE.has(parameters[0]!.widget.kind));
}

export class Card {
  readonly element: HTMLFormElement;
  readonly #fields: Map<string, Field>;
  readonly #error: HTMLElement;
  readonly #tick: HTMLElement;
  readonly #drag: Throttle<void>;
  readonly #isLive: boolean;
  readonly #whenSent: (() => void)[] = [];
  /** What the model is known to have. */
  readonly #known = new Map<string, Json>();
  /** What the model said while an answer was outstanding. */
  readonly #told = new Map<string, Json>();
  #last = { text: "", at: -Infinity };
  #sent = 0;
  #settled = 0;
  #outstanding = 0;
  #fading: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly control: Control,
    private readonly means: Means,
    private readonly model: string,
    private readonly section: string,
  ) {
    const { event, parameters } = control;
    this.#error = h("p", { class: "error", id: `error-${event}`, "data-testid": `error-${event}`, role: "alert" });
    this.#tick = h("span", { class: "tick", "data-testid": `accepted-${event}`, role: "status" });
    this.#isLive = followsHand(control);
    this.#drag = new Throttle(DRAG_INTERVAL_MS, () => void this.#deliver(Infinity, false));
    this.#fields = new Map(parameters.map((parameter) => [parameter.name, this.#fieldOf(parameter)]));
    for (const { name, default: standard } of parameters) if (standard !== undefined) this.#known.set(name, standard);
    this.element = this.#build();
    this.element.addEventListener("submit", (submission) => {
      submission.preventDefault();
      for (const act of this.#whenSent) act();
      // Enter in a number box is a change and a submission: the same values twice at once are sent once.
      void this.#deliver(parameters.length ? DRAG_INTERVAL_MS : 0, true);
    });
    this.element.addEventListener("keydown", (key) => {
      if (key.key !== "Escape" || key.defaultPrevented) return;
      for (const field of this.#fields.values()) field.touched &&= !field.element.contains(key.target as Node);
      this.#putBack();
    });
  }

  /** The model says what one of the parameters is. */
  tell(parameter: string, value: Json): void {
    this.#told.set(parameter, value);
    this.#believe();
  }

  #fieldOf(parameter: Parameter): Field {
    const { event } = this.control;
    const key = `reactor-history:${this.model}:${event}.${parameter.name}`;
    const field = fieldOf({
      parameter,
      id: `field-${event}-${parameter.name}`,
      testId: `control-${event}-${parameter.name}`,
      errorId: `error-${event}`,
      label: shapeOf(this.control) === "line" && !isNamed(this.control) ? this.#title : parameter.label,
      quietLabel: shapeOf(this.control) === "card" && isNamed(this.control),
      whenSent: (act) => this.#whenSent.push(act),
      history: () => new History(memory, key),
      upload: this.means.upload,
      onChange: (settled) => {
        if (!this.#isLive) return;
        if (settled) field.touched = false;
        this.#drag.push();
        if (settled) this.#drag.flush();
      },
    });
    return field;
  }

  /** What the control is called where it is seen: a setter by what it sets, without what the section's title says. */
  get #title(): string {
    const { event, label } = this.control;
    const title = humanise(event.replace(/^set_/, "")) || label;
    const isUnder = this.section !== "" && title.toLowerCase().startsWith(`${this.section.toLowerCase()} `);
    return isUnder ? humanise(title.slice(this.section.length + 1)) : title;
  }

  #build(): HTMLFormElement {
    const { event, label, help, parameters } = this.control;
    const shape = shapeOf(this.control);
    const attributes = { class: shape, "data-testid": `control-${event}`, "aria-label": label, novalidate: true };
    const fields = [...this.#fields.values()];
    const words = help && help !== label && !parameters.some((parameter) => parameter.help === help) && h("p", { class: "help" }, help);
    const button = { "data-testid": `send-${event}`, "aria-describedby": this.#error.id };
    switch (shape) {
      case "button":
        return h("form", attributes, h("button", { ...button, title: help }, label, this.#tick), this.#error);
      case "line": {
        const field = fields[0]!;
        field.element.title = help || parameters[0]!.help;
        field.element.querySelector(".head")!.append(this.#tick);
        if (words) field.element.append(words);
        return h("form", attributes, field.element, this.#error);
      }
      case "card": {
        const send = !(this.#isLive && parameters.every(reportsItself)) && h("button", { ...button, class: "send", "aria-label": `Send ${label}` }, "Send");
        const title = h("div", { class: "title" }, h("h3", { title: event }, this.#title), this.#tick);
        // A field that needs no label of its own shares the title's line.
        if (isNamed(this.control)) title.append(...fields[0]!.element.querySelectorAll(":scope > .reset"));
        if (send) title.append(send);
        return h("form", attributes, title, words, ...stacked(this.#fields), this.#error);
      }
    }
  }

  /**
   * Sends what the fields show, unless the last sending had the same values and is younger than `restMs`.
   * Only who asked for it is told what is missing: a hand on its way to the next field will fill it in.
   */
  async #deliver(restMs: number, isAsked: boolean): Promise<void> {
    const { event, parameters } = this.control;
    let args: JsonObject;
    try {
      args = readAll(this.#fields);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      return isAsked ? this.#settle(++this.#sent, error.message, error.path) : this.#putBack();
    }
    const text = JSON.stringify(args);
    if (text === this.#last.text && performance.now() - this.#last.at < restMs) return;
    this.#last = { text, at: performance.now() };
    const number = ++this.#sent;
    this.#outstanding++;
    try {
      await this.means.send(event, args);
      this.#accept(args);
      this.#settle(number, "");
    } catch (refusal) {
      const { message } = refusal as Error;
      this.#last.at = -Infinity;
      this.#settle(number, message, pathIn(message, event, parameters.map(({ name }) => name)));
      if (this.#isLive && number === this.#sent) this.#putBack();
    } finally {
      this.#outstanding--;
      this.#believe();
    }
  }

  #accept(args: JsonObject): void {
    for (const [name, field] of this.#fields) {
      const value = args[name];
      if (value !== undefined) this.#known.set(name, value);
      // Who typed on meanwhile still has a hand on it.
      if (field.touched && isSame(() => field.read(), value)) field.touched = false;
    }
  }

  /** Shows again what the model has, except where the hand is. */
  #putBack(): void {
    for (const [name, field] of this.#fields) {
      const value = this.#known.get(name);
      if (value !== undefined && !field.touched) field.write(value);
    }
  }

  /** Follows what the model said, once no answer is outstanding: it may have spoken before it was asked. */
  #believe(): void {
    if (this.#outstanding) return;
    for (const [name, value] of this.#told) {
      const field = this.#fields.get(name);
      this.#known.set(name, value);
      if (!field || field.touched) continue;
      field.write(value);
      this.#last.at = -Infinity;
    }
    this.#told.clear();
  }

  /** Shows an answer: a tick, or the error in words beside the field that it names. */
  #settle(number: number, message: string, path: Path = []): void {
    // Answers to a drag may cross: only the newest counts.
    if (number < this.#settled) return;
    this.#settled = number;
    for (const input of this.element.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
    const named = path.length ? this.#fields.get(path[0]!)?.at(path.slice(1)) : undefined;
    (named && shapeOf(this.control) === "card" ? named.element : this.element).append(this.#error);
    if (message) named?.element.querySelector("input, select, textarea")?.setAttribute("aria-invalid", "true");
    this.#error.textContent = message;
    this.#tick.textContent = message ? "" : "✓";
    clearTimeout(this.#fading);
    this.#fading = setTimeout(() => (this.#tick.textContent = ""), TICK_MS);
  }
}

/** Whether an event is called after its only parameter, as `set_prompt(prompt)` is. */
function isNamed({ event, parameters }: Control): boolean {
  return parameters.length === 1 && `_${event}`.endsWith(`_${parameters[0]!.name}`);
}

/** Whether a change by hand tells of itself; text is finished only when it is submitted. */
function reportsItself({ widget }: Parameter): boolean {
  if (widget.kind === "group") return widget.fields.every(reportsItself);
  if (widget.kind === "list") return reportsItself(widget.item);
  if (widget.kind === "variants") return widget.variants.every(({ fields }) => fields.every(reportsItself));
  return widget.kind !== "text" && widget.kind !== "json";
}

function isSame(read: () => Json | undefined, value: Json | undefined): boolean {
  try {
    return JSON.stringify(read()) === JSON.stringify(value);
  } catch {
    return false;
  }
}
