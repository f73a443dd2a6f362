/** Everything that is said, in one list: messages, the server's journal, the model's own lines, and what this page does. */

import { copyButton } from "./clipboard";
import { h } from "./dom";
import { Lines, passes, SOURCES, written, type Line, type Filter, type Level, type Source, type Tone } from "./lines";
import { Journal } from "./journal";
import { rowOf } from "./logrow";

const MOST_ROWS = 250; // each drawing lays all of them out
const DRAW_INTERVAL_MS = 200; // the eye follows no faster
const NEAR_THE_END_PX = 24;
const LABELS: Record<Source, string> = { messages: "Messages", journal: "Journal", model: "Model", page: "Page" };
const TITLES: Record<Source, string> = {
  messages: "What the model says to its clients",
  journal: "What happens to the session, as the server tells it",
  model: "What the model logs and prints, and its tracebacks",
  page: "What this page does and is refused",
};
const WITHOUT_DEVELOPMENT = "Start with --dev to see the model's log lines here";
const LEVELS: [Level, string][] = [
  ["all", "All"],
  ["warnings", "Warnings"],
  ["errors", "Errors"],
];

/** Lines are drawn a few times a second at most, so a chatty model costs little; who has scrolled up is left to read. */
export class Log {
  readonly #lines = new Lines();
  readonly #journal = new Journal((line) => this.#take(line));
  readonly #sources = new Set<Source>(["messages", "model", "page"]);
  #level: Level = "all";
  #session = "";
  #isDevelopment = false;
  #isSeen = false;
  /** Lines that are to be drawn, oldest first; null when the whole list is to be. */
  #waiting: Line[] | null = [];
  #isScheduled = false;
  #drawnAtMs = 0;
  #isReading = false;
  #unfolded: HTMLDetailsElement | null = null;
  #unread = 0;
  readonly #rows: { atMs: number; element: HTMLElement }[] = [];

  readonly #list = h("ol", { class: "messages", "data-testid": "messages", tabindex: 0, "aria-labelledby": "log-title" });
  readonly #newer = h("button", { type: "button", class: "newer", "data-testid": "log-newer", hidden: true, click: () => this.#goOn() });
  readonly #text = h("input", {
    type: "search",
    placeholder: "Filter",
    "aria-label": "Filter the log",
    "aria-keyshortcuts": "l",
    "data-testid": "log-filter",
    input: () => this.#draw(true),
  });
  readonly #counts = new Map<Source, HTMLElement>();
  readonly #chips = new Map<Source, HTMLButtonElement>();

  constructor(element: HTMLElement) {
    const levels = h(
      "select",
      { "aria-label": "Level", "data-testid": "log-level", change: () => this.#choose(levels.value as Level) },
      ...LEVELS.map(([value, label]) => h("option", { value }, label)),
    );
    const shown = () => this.lines.filter((line) => passes(line, this.#filter));
    const copy = copyButton("Copy these lines", { class: "quiet", "data-testid": "log-copy" }, () => shown().map(written).join("\n"));
    const clear = h("button", { type: "button", class: "quiet", "data-testid": "log-clear", click: () => this.#clear() }, "Clear");
    const chips = SOURCES.map((source) => {
      const count = h("span", { class: "tally" });
      this.#counts.set(source, count);
      const state = { "aria-pressed": String(this.#sources.has(source)), title: TITLES[source] };
      const attributes = { type: "button", class: "chip", "data-testid": `log-source-${source}`, ...state };
      const chip = h("button", { ...attributes, click: () => this.#toggle(source) }, LABELS[source], count);
      this.#chips.set(source, chip);
      return chip;
    });
    element.append(
      h("div", { class: "log-head" }, h("h2", { id: "log-title" }, "Log"), this.#text, levels, copy, clear),
      h("div", { class: "chips", role: "group", "aria-label": "Sources" }, ...chips),
      h("div", { class: "log-lines" }, this.#list, this.#newer),
    );
    this.setDevelopment(false);
    this.#list.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#list.addEventListener("click", (event) => {
      const summary = (event.target as Element).closest("summary");
      if (summary) this.#unfold(summary.parentElement as HTMLDetailsElement);
    });
    new IntersectionObserver(([seen]) => {
      this.#isSeen = seen?.isIntersecting ?? false;
      this.#listen();
    }).observe(element);
    document.addEventListener("visibilitychange", () => this.#listen());
    this.#draw(true);
  }

  /** All that is kept, oldest first, whatever is shown. */
  get lines(): readonly Line[] {
    return this.#lines.all();
  }

  /** Adds one line; `tone` colours what is not a message of the model. */
  add(type: string, body: string, tone: Tone = "message"): void {
    this.#take({ atMs: Date.now(), type, body, tone, source: tone === "message" ? "messages" : "page" });
  }

  /** Tells which session's journal belongs here. */
  follow(session: string): void {
    if (session === this.#session) return;
    this.#session = session;
    this.#lines.forget("journal", "model");
    this.#draw(true);
    this.#journal.follow(session);
  }

  /** Tells whether the server shows clients what the model says to its author. */
  setDevelopment(isDevelopment: boolean): void {
    this.#isDevelopment = isDevelopment;
    this.#chips.get("model")!.title = isDevelopment ? TITLES.model : WITHOUT_DEVELOPMENT;
    this.#listen();
    this.#draw();
  }

  focusFilter(): void {
    this.#text.focus();
    this.#text.select();
  }

  get #filter(): Filter {
    return { sources: this.#sources, level: this.#level, text: this.#text.value };
  }

  #take(line: Line): void {
    const kept = this.#lines.add(line);
    if (this.#waiting && passes(kept, this.#filter)) this.#waiting.push(kept);
    // In a hidden tab nothing is drawn; what has gathered there is drawn from what is kept.
    if (this.#waiting && this.#waiting.length > MOST_ROWS) this.#waiting = this.#isReading ? this.#waiting.slice(-MOST_ROWS) : null;
    this.#draw();
  }

  #toggle(source: Source): void {
    const isShown = !this.#sources.delete(source);
    if (isShown) this.#sources.add(source);
    this.#chips.get(source)!.setAttribute("aria-pressed", String(isShown));
    this.#listen();
    this.#draw(true);
  }

  #choose(level: Level): void {
    this.#level = level;
    this.#draw(true);
  }

  #clear(): void {
    this.#lines.forget(...SOURCES);
    this.#draw(true);
  }

  /** Follows the journal only while what it tells is on the screen. */
  #listen(): void {
    const isShown = this.#sources.has("journal") || (this.#sources.has("model") && this.#isDevelopment);
    this.#journal.want(isShown && this.#isSeen && !document.hidden);
  }

  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#list;
    const wasReading = this.#isReading;
    this.#isReading = this.#unfolded?.open || scrollHeight - scrollTop - clientHeight > NEAR_THE_END_PX;
    if (wasReading && !this.#isReading) this.#draw();
  }

  /** Keeps a line in sight that is about to be unfolded, until it is folded again: who unfolds it reads it. */
  #unfold(line: HTMLDetailsElement): void {
    this.#unfolded = line.open ? null : line;
    if (this.#unfolded) this.#isReading = true;
    requestAnimationFrame(() => {
      line.scrollIntoView({ block: "nearest" });
      this.#scrolled();
    });
  }

  #goOn(): void {
    this.#isReading = false;
    this.#draw(true);
    this.#list.focus();
  }

  /** Draws soon: what waits, or the list anew and from its end. */
  #draw(isAnew = false): void {
    if (isAnew) {
      this.#waiting = this.#unfolded = null;
      this.#isReading = false;
    }
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const restMs = isAnew ? 0 : this.#drawnAtMs + DRAW_INTERVAL_MS - performance.now();
    setTimeout(() => requestAnimationFrame(() => this.#drawNow()), restMs);
  }

  #drawNow(): void {
    this.#isScheduled = false;
    this.#drawnAtMs = performance.now();
    this.#count();
    if (!this.#isReading) this.#drawRows();
  }

  #count(): void {
    for (const [source, element] of this.#counts) {
      const seen = this.#lines.seen(source);
      const text = seen < 10_000 ? String(seen || "") : `${Math.floor(seen / 1000)}k`;
      if (element.textContent !== text) element.textContent = text;
    }
    const unread = this.#isReading ? (this.#waiting?.length ?? 0) : 0;
    this.#newer.hidden = !unread;
    if (unread !== this.#unread) this.#newer.textContent = `↓ ${unread >= MOST_ROWS ? `${MOST_ROWS}+` : unread} new`;
    this.#unread = unread;
  }

  #drawRows(): void {
    const filter = this.#filter;
    if (this.#waiting === null) {
      this.#rows.splice(0).forEach(({ element }) => element.remove());
      this.#waiting = this.lines.filter((line) => passes(line, filter)).slice(-MOST_ROWS);
      const onlyModel = this.#sources.size === 1 && this.#sources.has("model") && !this.#isDevelopment;
      const isNarrow = this.#sources.size < SOURCES.length - 1 || this.#level !== "all" || filter.text;
      this.#list.dataset["empty"] = onlyModel ? `${WITHOUT_DEVELOPMENT}.` : isNarrow ? "Nothing like it." : "No messages yet.";
    }
    if (!this.#waiting.length) return;
    for (const line of this.#waiting) this.#insert(line);
    this.#waiting = [];
    for (const { element } of this.#rows.splice(0, this.#rows.length - MOST_ROWS)) element.remove();
    this.#list.scrollTop = this.#list.scrollHeight;
  }

  /** Puts a row at its time: the journal's come a little later than those that they happened with. */
  #insert(line: Line): void {
    let place = this.#rows.length;
    while (place > 0 && this.#rows[place - 1]!.atMs > line.atMs) place--;
    const element = rowOf(line);
    this.#list.insertBefore(element, this.#rows[place]?.element ?? null);
    this.#rows.splice(place, 0, { atMs: line.atMs, element });
  }
}
