/** The controls: filed under titles that fold, found by what they say, and kept true to the model. */

import { Card, shapeOf, type Means } from "./card";
import { h } from "./dom";
import { takeStrays } from "./drop";
import { memory } from "./memory";
import { object, text } from "./references";
import { controlsOf, type Control } from "./schema";
import { matches, sectionsOf, type Section } from "./sections";
import { isState, readState } from "./truth";
import type { Json, JsonObject } from "./wire";

const MOST_AT_A_GLANCE = 7;
const EXPLAINS = "reactor-descriptions";

interface Shown {
  control: Control;
  card: Card;
}

export class Panel {
  #document = "";
  #model = "";
  #shown: Shown[] = [];
  #sections: { element: HTMLElement; shown: Shown[]; title: string }[] = [];
  #state: JsonObject = {};
  readonly #search = h("input", { type: "search", placeholder: "Search controls", "aria-label": "Search controls", "data-testid": "search" });
  readonly #words = h("button", { type: "button", class: "quiet", "aria-label": "Descriptions", title: "Show descriptions", click: () => this.#explain(!this.#explains) }, "?");
  readonly #nothing = h("p", { class: "empty", hidden: true, role: "status" }, "No control is called that.");

  constructor(
    private readonly element: HTMLElement,
    private readonly means: Means,
  ) {
    this.#search.addEventListener("input", () => this.#filter());
    this.#search.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#search.value) {
        this.#search.value = "";
        this.#filter();
      } else if (event.key === "Enter") {
        this.#firstFound()?.focus();
      }
    });
    takeStrays(element);
  }

  /** Builds the controls of a document; the same one again keeps what was typed. */
  show(document: JsonObject): void {
    const whole = JSON.stringify(document);
    if (whole === this.#document) return;
    this.#document = whole;
    this.#model = text(object(document["info"])["title"]);
    const controls = controlsOf(document);
    const isLong = controls.length > MOST_AT_A_GLANCE;
    this.#shown = [];
    this.#sections = sectionsOf(controls).map((section) => this.#sectionOf(section));
    this.#search.value = "";
    this.element.classList.toggle("long", isLong);
    this.#explain(this.#explains);
    this.element.replaceChildren(
      ...(isLong ? [h("div", { class: "search" }, this.#search, this.#words)] : []),
      ...this.#sections.map(({ element }) => element),
      this.#nothing,
      ...(controls.length ? [] : [h("p", { class: "empty" }, "This model takes no commands.")]),
    );
    this.#follow(this.#state);
  }

  /** Takes a message of the model: one about its state moves the controls. */
  note({ type, data }: { type: string; data: Json }): void {
    if (!isState(type)) return;
    Object.assign(this.#state, object(data));
    this.#follow(object(data));
  }

  /** Puts the cursor into the search, where there is one, or into the first control. */
  focus(): void {
    if (this.#search.isConnected) this.#search.select();
    else this.#firstFound()?.focus();
  }

  #follow(state: JsonObject): void {
    const controls = this.#shown.map(({ control }) => control);
    for (const { event, parameter, value } of readState(state, controls)) {
      this.#shown.find(({ control }) => control.event === event)?.card.tell(parameter, value);
    }
  }

  #sectionOf({ title, controls }: Section) {
    const shown = controls.map((control) => ({ control, card: new Card(control, this.means, this.#model, title) }));
    this.#shown.push(...shown);
    const parts = layOut(shown);
    if (!title) return { title, shown, element: h("div", { class: "section" }, ...parts) };
    const summary = h("summary", { "data-testid": `section-${title}` }, title, h("span", { class: "count" }, String(controls.length)));
    const element = h("details", { class: "section", open: !this.#folded.has(title) }, summary, ...parts);
    summary.addEventListener("click", () => this.#fold(title, element.open));
    return { title, shown, element };
  }

  get #folded(): Set<string> {
    return new Set((memory.getItem(this.#foldedKey) ?? "").split("\n"));
  }

  #fold(title: string, isFolded: boolean): void {
    const titles = this.#folded;
    if (isFolded) titles.add(title);
    else titles.delete(title);
    memory.setItem(this.#foldedKey, [...titles].join("\n"));
  }

  get #foldedKey(): string {
    return `reactor-folded:${this.#model}`;
  }

  /** A long panel keeps its descriptions to itself until it is asked for them. */
  #explain(explains: boolean): void {
    memory.setItem(EXPLAINS, explains ? "yes" : "");
    this.#words.setAttribute("aria-pressed", String(explains));
    this.element.classList.toggle("explained", explains);
  }

  get #explains(): boolean {
    return memory.getItem(EXPLAINS) === "yes";
  }

  #filter(): void {
    const query = this.#search.value.trim();
    for (const { control, card } of this.#shown) card.element.hidden = !matches(control, query);
    const folded = this.#folded;
    for (const { element, shown, title } of this.#sections) {
      element.hidden = shown.every(({ card }) => card.element.hidden);
      if (element instanceof HTMLDetailsElement) element.open = query !== "" || !folded.has(title);
    }
    this.#nothing.hidden = this.#shown.some(({ card }) => !card.element.hidden);
  }

  #firstFound(): HTMLElement | null | undefined {
    const found = this.#shown.find(({ card }) => card.element.checkVisibility());
    return found?.card.element.querySelector<HTMLElement>("input, select, textarea, button");
  }
}

/** Buttons first and side by side, then lines that follow each other as one block, and cards, in their order. */
function layOut(shown: Shown[]): HTMLElement[] {
  const parts: HTMLElement[] = [];
  const buttons = shown.filter(({ control }) => shapeOf(control) === "button");
  if (buttons.length) parts.push(h("div", { class: "buttons" }, ...buttons.map(({ card }) => card.element)));
  let lines: HTMLElement | undefined;
  for (const { control, card } of shown) {
    const shape = shapeOf(control);
    if (shape === "card") {
      lines = undefined;
      parts.push(card.element);
    } else if (shape === "line") {
      if (!lines) parts.push((lines = h("div", { class: "lines" })));
      lines.append(card.element);
    }
  }
  return parts;
}
