/** Where the time of the last commands went: a bar for each, in the colours of its stages. */

import { h } from "./dom";
import type { Traced } from "./wire";

export interface Segment {
  stage: string;
  ms: number;
}

const LEAST_UNTOLD_MS = 0.05;

/** The stages of a command in the order of time; together they are its total. What no stage has, the browser did not tell. */
export function segmentsOf({ stages }: Traced): Segment[] {
  const { total = 0, added, ...parts } = stages;
  const segments = Object.entries(parts).map(([stage, ms]) => ({ stage, ms }));
  const untold = segments.reduce((left, { ms }) => left - ms, total);
  return untold > LEAST_UNTOLD_MS ? [...segments, { stage: "untold", ms: untold }] : segments;
}

/** The newest command is at the top. Below the bars stand the stages of the one that is pointed at, or else of the newest. */
export class Waterfall {
  readonly element: HTMLElement;
  readonly #list = h("ol", { class: "waterfall", "aria-label": "Where the time of the last commands went" });
  readonly #legend = h("div", { class: "stages", "data-testid": "stages" });
  readonly #rows = new Map<string, { row: HTMLElement; bar: HTMLElement; traced: Traced }>();
  #chosen: string | undefined;

  constructor() {
    const empty = h("p", { class: "measure-none" }, "Send a command to see where its time goes.");
    this.element = h("div", {}, this.#list, this.#legend, empty);
  }

  /** Shows these commands, of which the newest is the last. A row that stays keeps its focus. */
  show(recent: readonly Traced[]): void {
    if (recent.length === this.#rows.size && recent.every(({ id }) => this.#rows.has(id))) return;
    for (const [id, { row }] of this.#rows) {
      if (recent.some((traced) => traced.id === id)) continue;
      row.remove();
      this.#rows.delete(id);
    }
    for (const traced of recent) if (!this.#rows.has(traced.id)) this.#list.prepend(this.#add(traced));
    const longest = Math.max(...recent.map(({ stages }) => stages["total"] ?? 0), 1);
    for (const { bar, traced } of this.#rows.values()) bar.style.setProperty("width", `${(100 * (traced.stages["total"] ?? 0)) / longest}%`);
    this.#tell();
  }

  #add(traced: Traced): HTMLElement {
    const segments = segmentsOf(traced);
    const bar = h("div", { class: "waterfall-bar" });
    for (const { stage, ms } of segments) {
      const part = h("i", { "data-stage": stage, title: `${stage} ${milliseconds(ms)}` });
      part.style.setProperty("flex-grow", String(Math.max(ms, 0)));
      bar.append(part);
    }
    const total = milliseconds(traced.stages["total"] ?? 0);
    const split = segments.map(({ stage, ms }) => `${stage} ${milliseconds(ms)}`).join(", ");
    const choose = (chosen: string | undefined) => () => {
      this.#chosen = chosen;
      this.#tell();
    };
    const [enter, leave] = [choose(traced.id), choose(undefined)];
    const row = h(
      "li",
      { tabindex: 0, "data-testid": "waterfall", "aria-label": `${traced.command}, ${total}: ${split}`, focus: enter, blur: leave, pointerenter: enter, pointerleave: leave },
      h("span", { class: "waterfall-name", title: traced.command }, traced.command),
      h("div", { class: "waterfall-line" }, bar),
      h("span", { class: "waterfall-total" }, total),
    );
    this.#rows.set(traced.id, { row, bar, traced });
    return row;
  }

  #tell(): void {
    const chosen = this.#rows.get(this.#chosen ?? "") ?? [...this.#rows.values()].at(-1);
    if (!chosen) return;
    const stages = segmentsOf(chosen.traced).map(({ stage, ms }) => h("span", { "data-stage": stage }, stage, h("b", {}, ms.toFixed(1))));
    this.#legend.replaceChildren(...stages);
  }
}

function milliseconds(ms: number): string {
  return `${ms.toFixed(1)} ms`;
}
