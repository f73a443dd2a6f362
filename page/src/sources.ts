/** What the person sends to the model: a card per input track. */

import { h } from "./dom";
import { Source } from "./source";
import type { Uplink } from "./transports/transport";
import type { Track } from "./wire";

const NO_UPLINK = "A camera or microphone can only be sent over WebRTC, which this connection does not use.";

export class Sources {
  readonly #note = h("p", { class: "sources-note", "data-testid": "sources-note", hidden: true }, NO_UPLINK);
  #sources: Source[] = [];
  #declared = "[]";

  constructor(
    private readonly element: HTMLElement,
    private readonly uplink: () => Uplink | null,
    private readonly complain: (label: string, why: string) => void,
  ) {
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.#list());
  }

  /** Lays out a card per input track; the same tracks again go on being sent. */
  declare(tracks: Track[]): void {
    const inputs = tracks.filter(({ direction }) => direction === "sendonly");
    const declared = JSON.stringify(inputs);
    if (declared === this.#declared) return;
    this.#declared = declared;
    for (const { outlet } of this.#sources) void outlet.stop();
    const around = { uplink: this.uplink, complain: this.complain, deviceOpened: () => void this.#list() };
    const sounds = inputs.filter(({ kind }) => kind === "audio").map((track) => new Source(track, inputs, around));
    const forSound = sounds.length === 1 ? sounds[0]!.outlet : undefined;
    this.#sources = inputs.map((track) => (track.kind === "audio" ? sounds.shift()! : new Source(track, inputs, around, forSound)));
    this.element.hidden = !inputs.length;
    this.element.replaceChildren(...this.#sources.map(({ element }) => element), this.#note);
    void this.#list();
  }

  /** To be called once a new connection is open. */
  resume(): void {
    this.#note.hidden = !this.#sources.length || this.uplink() !== null;
    for (const source of this.#sources) {
      source.draw();
      void source.outlet.resume();
    }
  }

  /** Switches every device off: the page is left. */
  close(): void {
    for (const { outlet } of this.#sources) void outlet.stop();
  }

  async #list(): Promise<void> {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    for (const source of this.#sources) source.list(devices);
  }
}
