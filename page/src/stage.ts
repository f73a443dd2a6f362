/** The pictures: one tile per video track in a grid, or one of them large above the others. */

import { h } from "./dom";
import type { Frame } from "./latency";
import { columnsFor } from "./layout";
import type { Speakers } from "./speakers";
import { Tile } from "./tile";
import type { Picture } from "./transports/transport";
import type { Track } from "./wire";

export class Stage {
  readonly #tiles = new Map<string, Tile>();
  readonly #watchers: (() => void)[] = [];
  #declared = "";
  #focus: string | undefined;
  #lastFocus: string | undefined;

  constructor(
    private readonly element: HTMLElement,
    private readonly speakers: Speakers,
    private readonly onPicture: (track: string, frame: Frame) => boolean,
  ) {
    new ResizeObserver(() => this.#arrange()).observe(element);
  }

  get tiles(): ReadonlyMap<string, Tile> {
    return this.#tiles;
  }

  /** Asks for the next picture of every track; see `Tile.look`. */
  look(): void {
    for (const tile of this.#tiles.values()) tile.look();
  }

  get hasPicture(): boolean {
    return [...this.#tiles.values()].some(({ shown }) => shown > 0);
  }

  /** Whether one of several is large. */
  get hasFocus(): boolean {
    return this.#focus !== undefined;
  }

  /** What a person looks at: the one in focus, or all. */
  get watched(): Tile[] {
    return [...this.#tiles.values()].filter(({ name }) => this.#focus === undefined || name === this.#focus);
  }

  /** Calls back whenever what is seen changes its place, its size or where it comes from. */
  onChange(watcher: () => void): void {
    this.#watchers.push(watcher);
  }

  /** Lays out one place per output track; the same tracks again keep their pictures. */
  declare(tracks: Track[]): void {
    const outputs = tracks.filter(({ direction }) => direction === "recvonly");
    const declared = JSON.stringify(outputs);
    if (declared === this.#declared) return;
    this.#declared = declared;
    this.#tiles.clear();
    this.speakers.declare(outputs.filter(({ kind }) => kind === "audio").map(({ name }) => name));
    for (const { name, kind } of outputs) {
      if (kind === "video") this.#tiles.set(name, this.#tile(name));
    }
    const tiles = [...this.#tiles.values()].map((tile) => tile.element);
    if (!tiles.length && outputs.length) tiles.push(h("figure", { class: "tile sound" }, "Sound only"));
    this.element.replaceChildren(...tiles, ...this.speakers.players);
    this.element.parentElement?.classList.toggle("several", tiles.length > 1);
    this.focus(undefined);
  }

  /** Makes one track large; without a name, all are equal. */
  focus(name: string | undefined): void {
    this.#focus = this.#tiles.size > 1 ? name : undefined;
    this.#lastFocus = this.#focus ?? this.#lastFocus;
    this.element.classList.toggle("focused", this.hasFocus);
    for (const tile of this.#tiles.values()) {
      const isLarge = tile.name === this.#focus;
      tile.element.classList.toggle("large", isLarge);
      tile.choose.setAttribute("aria-pressed", String(isLarge));
    }
    this.#arrange();
  }

  /** Changes between the grid and the track that was large before, at first the first. */
  toggleFocus(): void {
    const [first] = this.#tiles.keys();
    const before = this.#lastFocus !== undefined && this.#tiles.has(this.#lastFocus) ? this.#lastFocus : first;
    this.focus(this.hasFocus ? undefined : before);
  }

  /** To be called before a connection is closed. */
  keepPictures(): void {
    for (const tile of this.#tiles.values()) tile.keepPicture();
  }

  draw(name: string, picture: Picture): void {
    this.#tiles.get(name)?.draw(picture);
  }

  attach(name: string, track: MediaStreamTrack): void {
    this.#tiles.get(name)?.attach(track);
    this.speakers.attach(name, track);
  }

  #tile(name: string): Tile {
    return new Tile(name, {
      onPicture: (frame) => this.onPicture(name, frame),
      onChange: () => this.#arrange(),
      onChoose: () => this.focus(name === this.#focus ? undefined : name),
    });
  }

  #arrange(): void {
    const { style, clientWidth, clientHeight, parentElement } = this.element;
    const { size } = this.#tiles;
    const shapes = [...this.#tiles.values()].map((tile) => tile.size).filter(({ height }) => height > 0);
    const aspect = shapes[0] ? shapes[0].width / shapes[0].height : 16 / 9;
    const columns = columnsFor(size, clientWidth / clientHeight || 1, aspect);
    style.setProperty("--columns", String(columns));
    style.setProperty("--rows", String(Math.max(1, Math.ceil(size / columns))));
    style.setProperty("--others", String(size - 1));
    // The place of the one picture has its shape.
    if (size === 1 && shapes.length) parentElement?.style.setProperty("--aspect", String(aspect));
    for (const watcher of this.#watchers) watcher();
  }
}
