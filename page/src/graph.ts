/** The last minute, drawn by hand: one lane per figure, the newest second at the right. */

import { h } from "./dom";

export interface Lane {
  label: string;
  colour: string;
  /** What the lane's top is at least; a flat line of noise is not to fill it. */
  least: number;
  words(value: number): string;
  /** One value a second, the newest last; null where there is none. */
  values: readonly (number | null)[];
}

const LANE_HEIGHT = 34;
const HEAD_HEIGHT = 13; // of a lane, for its words
const FONT = "11px system-ui, sans-serif";
const SOFT = "#98a1b0";
const LINE = "rgb(255 255 255 / 12%)";

/** Where a value stands in a lane, 0 at the bottom to 1 at the top. */
export function heightsOf({ values, least }: Pick<Lane, "values" | "least">): (number | null)[] {
  const top = Math.max(least, ...values.map((value) => value ?? 0));
  return values.map((value) => (value === null ? null : Math.max(value, 0) / top));
}

export class Graph {
  readonly element = h("canvas", { class: "measure-graph", role: "img", "data-testid": "graph" });
  readonly #context = this.element.getContext("2d")!;

  /** @param seconds How many the width stands for. */
  constructor(private readonly seconds: number) {}

  draw(lanes: Lane[]): void {
    const width = this.element.clientWidth;
    const height = lanes.length * LANE_HEIGHT;
    const scale = devicePixelRatio;
    Object.assign(this.element, { width: Math.round(width * scale), height: Math.round(height * scale) });
    this.element.style.setProperty("height", `${height}px`);
    this.element.setAttribute("aria-label", `The last minute: ${lanes.map(summary).join("; ")}`);
    this.#context.scale(scale, scale);
    for (const [index, lane] of lanes.entries()) {
      this.#context.save();
      this.#context.translate(0, index * LANE_HEIGHT);
      this.#drawLane(lane, width);
      this.#context.restore();
    }
  }

  #drawLane(lane: Lane, width: number): void {
    const context = this.#context;
    const bottom = LANE_HEIGHT - 4;
    context.font = FONT;
    context.textBaseline = "top";
    context.fillStyle = SOFT;
    context.fillText(lane.label, 0, 0);
    context.textAlign = "right";
    const top = Math.max(...lane.values.map((value) => value ?? 0));
    if (lane.values.some((value) => value !== null)) context.fillText(`at most ${lane.words(top)}`, width, 0);
    context.fillStyle = LINE;
    context.fillRect(0, bottom, width, 1);
    const step = width / (this.seconds - 1);
    context.strokeStyle = context.fillStyle = lane.colour;
    context.lineWidth = 1.5;
    context.lineJoin = "round";
    context.beginPath();
    let isOpen = false;
    for (const [index, part] of heightsOf(lane).entries()) {
      if (part !== null) {
        const x = width - (lane.values.length - 1 - index) * step;
        const y = bottom - part * (bottom - HEAD_HEIGHT - 1);
        if (isOpen) context.lineTo(x, y);
        else context.moveTo(x, y);
        // What stands alone, between seconds without a value, is a dot.
        if (!isOpen && lane.values[index + 1] == null) context.fillRect(x - 1.5, y - 1.5, 3, 3);
      }
      isOpen = part !== null;
    }
    context.stroke();
  }
}

function summary({ label, values, words }: Lane): string {
  const last = values.findLast((value) => value !== null);
  return `${label} ${last == null ? "unknown" : words(last)}`;
}
