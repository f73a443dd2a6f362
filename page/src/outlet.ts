/** What one input track is sent, over any number of connections. */

import type { Capture } from "./capture";
import { Refusal, sleep, type Uplink } from "./transports/transport";

const CUT_OFF = "The device is gone: it was unplugged, or its permission was taken back.";
// The server may need 20 s to find that this page's own former connection, which had the track, is dead.
const REFUSED_MS = 2_000;
const MOST_REFUSALS = 12;

export interface OutletEvents {
  /** Something else is sent, or nothing, or it was muted. */
  onChange(): void;
  /** What was sent is sent no more, against the person's will. */
  onTrouble(error: Error): void;
}

export class Outlet {
  #capture: Capture | undefined;
  #isMuted = false;

  /** @param forSound Where the sound of a shared screen goes, if there is one place for it. */
  constructor(
    private readonly name: string,
    private readonly uplink: () => Uplink | null,
    private readonly events: OutletEvents,
    private readonly forSound?: Outlet,
  ) {}

  /** What is sent, or would be if the connection could; undefined when nothing is to be. */
  get capture(): Capture | undefined {
    return this.#capture;
  }

  get isMuted(): boolean {
    return this.#isMuted;
  }

  /** Whether a shared screen may bring its sound. */
  get takesSound(): boolean {
    const heard = this.forSound?.capture;
    return this.forSound !== undefined && (!heard || heard === this.#capture?.sound);
  }

  /**
   * Sends this. In place of something else it takes over the claim on the track; else the track is claimed.
   *
   * @throws {Error} The track cannot be had, and nothing is sent.
   */
  async send(capture: Capture): Promise<void> {
    const before = this.#capture;
    const takesSound = this.takesSound;
    const uplink = this.uplink();
    this.#capture = capture;
    capture.media.enabled = !this.#isMuted;
    capture.media.addEventListener("ended", () => this.#cutOff(capture));
    this.events.onChange();
    if (before) await uplink?.carry(this.name, capture.media);
    else {
      try {
        if (!uplink) throw new Error("Not connected.");
        await this.#publish(uplink);
      } catch (error) {
        this.#drop();
        throw error;
      }
    }
    if (capture.sound && takesSound) {
      await this.forSound!.send(capture.sound).catch((error: Error) => this.forSound!.events.onTrouble(error));
    }
    if (before) this.#close(before);
  }

  /** Sends on a new connection what was sent on the one before. */
  async resume(): Promise<void> {
    const uplink = this.uplink();
    for (let refusals = 0; this.#capture && uplink && uplink === this.uplink(); await sleep(REFUSED_MS)) {
      try {
        return await this.#publish(uplink);
      } catch (error) {
        // A connection that is lost once more is followed by another.
        if (!(error instanceof Refusal)) return;
        if (++refusals < MOST_REFUSALS) continue;
        this.#drop();
        this.events.onTrouble(error);
      }
    }
  }

  /** Sends black or silence, or the source again; the track stays claimed. */
  mute(isMuted: boolean): void {
    this.#isMuted = isMuted;
    if (this.#capture) this.#capture.media.enabled = !isMuted;
    this.events.onChange();
  }

  async stop(): Promise<void> {
    if (!this.#capture) return;
    this.#drop();
    await this.uplink()?.unpublish(this.name);
  }

  async #publish(uplink: Uplink): Promise<void> {
    await uplink.publish(this.name);
    // The person may have changed their mind since.
    if (this.#capture) await uplink.carry(this.name, this.#capture.media);
    else await uplink.unpublish(this.name);
  }

  #cutOff(capture: Capture): void {
    if (this.#capture !== capture) return;
    void this.stop();
    // Sharing a screen is ended in the browser's own bar.
    if (capture.kind !== "screen") this.events.onTrouble(new Error(CUT_OFF));
  }

  #drop(): void {
    const capture = this.#capture;
    this.#capture = undefined;
    this.#isMuted = false;
    if (capture) this.#close(capture);
    this.events.onChange();
  }

  #close(capture: Capture): void {
    capture.stop();
    if (capture.sound && this.forSound?.capture === capture.sound) void this.forSound.stop();
  }
}
