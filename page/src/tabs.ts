/** A row of tabs over panels of which one is shown, as the ARIA pattern has it: arrow keys move, focus selects. */

import { h } from "./dom";

export interface Tab {
  label: string;
  panel: HTMLElement;
}

export class Tabs {
  readonly #buttons: HTMLButtonElement[];

  /** Fills `row`; the first tab is chosen. Panels must have ids. */
  constructor(
    row: HTMLElement,
    private readonly tabs: Tab[],
  ) {
    row.setAttribute("role", "tablist");
    this.#buttons = tabs.map(({ label, panel }, index) => {
      const id = `tab-${panel.id}`;
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", id);
      const attributes = { id, type: "button", role: "tab", "data-testid": id, "aria-controls": panel.id };
      return h("button", { ...attributes, click: () => this.choose(index), keydown: (event) => this.#move(index, event as KeyboardEvent) }, label);
    });
    row.append(...this.#buttons);
    this.choose(0);
  }

  choose(chosen: number): void {
    for (const [index, { panel }] of this.tabs.entries()) {
      panel.hidden = index !== chosen;
      const button = this.#buttons[index]!;
      button.setAttribute("aria-selected", String(index === chosen));
      button.tabIndex = index === chosen ? 0 : -1;
    }
  }

  #move(index: number, event: KeyboardEvent): void {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = (index + step + this.tabs.length) % this.tabs.length;
    this.choose(next);
    this.#buttons[next]!.focus();
  }
}
