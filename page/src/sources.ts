/** The person's camera and microphone: a button per input track of the model, which sends it on a click. */

import { h } from "./dom";
import { humanise } from "./schema";
import type { Uplink } from "./transports/transport";
import type { Track } from "./wire";

const NO_UPLINK = "A camera or microphone can only be sent over WebRTC, which this connection does not use.";
const NO_DEVICES = "This browser shows no camera or microphone to a page that came over plain HTTP from another machine.";

/** What a button says: the device, and the track's name where the model takes several of one kind. */
export function labelOf({ name, kind }: Track, inputs: Track[]): string {
  const device = kind === "video" ? "Camera" : "Microphone";
  return inputs.filter((other) => other.kind === kind).length > 1 ? `${device} · ${humanise(name)}` : device;
}

class Source {
  readonly button: HTMLButtonElement;
  #media: MediaStreamTrack | undefined;

  constructor(
    private readonly track: Track,
    label: string,
    private readonly uplink: () => Uplink | null,
    private readonly complain: (label: string, why: string) => void,
  ) {
    const click = () => void (this.#media ? this.stop() : this.#start());
    this.button = h("button", { "data-testid": `source-${track.name}`, "aria-pressed": "false", disabled: true, click }, label);
  }

  /** Sends on a new connection what was sent on the one before, once one can. */
  async resume(): Promise<void> {
    this.#draw();
    if (this.#media && this.uplink()) await this.#publish(this.#media);
  }

  async stop(): Promise<void> {
    this.#media?.stop();
    this.#show(undefined);
    await this.uplink()?.unpublish(this.track.name);
  }

  async #start(): Promise<void> {
    this.button.disabled = true; // while the person decides
    try {
      if (!navigator.mediaDevices) throw new Error(NO_DEVICES);
      const wanted = this.track.kind === "video" ? { video: true } : { audio: true };
      const [media] = (await navigator.mediaDevices.getUserMedia(wanted)).getTracks();
      media!.addEventListener("ended", () => void this.stop()); // unplugged, or permission taken back
      await this.#publish(media!);
    } catch (error) {
      this.#fail((error as Error).message);
    } finally {
      this.#draw();
    }
  }

  async #publish(media: MediaStreamTrack): Promise<void> {
    try {
      const uplink = this.uplink();
      if (!uplink) throw new Error("Not connected.");
      await uplink.publish(this.track.name, media);
      this.#show(media);
    } catch (error) {
      media.stop();
      this.#show(undefined);
      this.#fail((error as Error).message);
    }
  }

  #fail(why: string): void {
    this.complain(this.button.textContent ?? "", why);
  }

  #show(media: MediaStreamTrack | undefined): void {
    this.#media = media;
    this.#draw();
  }

  #draw(): void {
    const hasUplink = this.uplink() !== null;
    // Where nothing can be sent, a camera that is on can still be switched off.
    this.button.disabled = !hasUplink && !this.#media;
    this.button.setAttribute("aria-pressed", String(hasUplink && this.#media !== undefined));
  }
}

export class Sources {
  readonly #note = h("p", { class: "sources-note", "data-testid": "sources-note", hidden: true }, NO_UPLINK);
  #sources: Source[] = [];
  #declared = "[]";

  constructor(
    private readonly element: HTMLElement,
    private readonly uplink: () => Uplink | null,
    private readonly complain: (label: string, why: string) => void,
  ) {}

  /** Lays out a button per input track; the same tracks again go on being sent. */
  declare(tracks: Track[]): void {
    const inputs = tracks.filter(({ direction }) => direction === "sendonly");
    const declared = JSON.stringify(inputs);
    if (declared === this.#declared) return;
    this.#declared = declared;
    for (const source of this.#sources) void source.stop();
    this.#sources = inputs.map((track) => new Source(track, labelOf(track, inputs), this.uplink, this.complain));
    this.element.hidden = !inputs.length;
    this.element.replaceChildren(...this.#sources.map(({ button }) => button), this.#note);
  }

  /** To be called once a new connection is open. */
  resume(): void {
    this.#note.hidden = !this.#sources.length || this.uplink() !== null;
    for (const source of this.#sources) void source.resume();
  }
}
