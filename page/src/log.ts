import { h } from "./dom";

const MOST_ENTRIES = 500;

/** The messages, newest last. Entries are drawn once per screen refresh, so a chatty model costs little. */
export class Log {
  #waiting: HTMLElement[] = [];
  #scheduled = false;

  readonly #list = h("ol", { class: "messages", "data-testid": "messages", role: "log", tabindex: 0, "aria-labelledby": "log-title" });

  constructor(element: HTMLElement) {
    const head = h("h2", { id: "log-title" }, "Messages");
    element.append(h("div", { class: "panel-head" }, head, h("button", { class: "quiet", click: () => this.#clear() }, "Clear")), this.#list);
  }

  /** Adds one entry; `tone` colours what is not a message of the model. */
  add(type: string, body: string, tone: "message" | "note" | "warning" | "failure" = "message"): void {
    const time = new Date().toLocaleTimeString(undefined, { hour12: false });
    this.#waiting.push(h("li", { class: tone }, h("time", {}, time), h("b", {}, type), h("span", {}, body)));
    if (this.#waiting.length > MOST_ENTRIES) this.#waiting.shift();
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => this.#draw());
  }

  #clear(): void {
    this.#waiting = [];
    this.#list.replaceChildren();
  }

  #draw(): void {
    this.#scheduled = false;
    const { scrollTop, scrollHeight, clientHeight } = this.#list;
    const follows = scrollHeight - scrollTop - clientHeight < 24;
    this.#list.append(...this.#waiting);
    this.#waiting = [];
    while (this.#list.childElementCount > MOST_ENTRIES) this.#list.firstElementChild?.remove();
    // Who scrolled up is reading.
    if (follows) this.#list.scrollTop = this.#list.scrollHeight;
  }
}
