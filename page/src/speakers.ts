/** The model's sound: one silent player per audio track, and one volume for all of them. */

import { h } from "./dom";
import { iconButton, setIcon } from "./icons";
import { memory } from "./memory";

const NO_SOUND = "This connection carries pictures only.";
const VOLUME = "reactor-volume";

export class Speakers {
  readonly #players = new Map<string, HTMLAudioElement>();
  readonly #mute = iconButton("muted", "Unmute", { "data-testid": "mute", "aria-keyshortcuts": "m", click: () => this.toggle() });
  readonly #slider = h("input", {
    type: "range",
    class: "volume",
    "data-testid": "volume",
    "aria-label": "Volume",
    min: 0,
    max: 1,
    step: 0.01,
    input: () => this.#turn(),
  });
  #isMuted = true;

  constructor(
    private readonly tools: HTMLElement,
    private readonly onSound: () => void,
  ) {
    this.#slider.value = memory.getItem(VOLUME) ?? "1";
    tools.append(this.#mute, this.#slider);
    tools.hidden = true;
  }

  get players(): Iterable<HTMLAudioElement> {
    return this.#players.values();
  }

  /** The sound of all tracks, heard or not. */
  get tracks(): MediaStreamTrack[] {
    const tracks = [...this.players].flatMap(({ srcObject }) => (srcObject instanceof MediaStream ? srcObject.getAudioTracks() : []));
    return tracks.filter(({ readyState }) => readyState === "live");
  }

  /** Makes one player per audio track, silent until a person asks for sound. */
  declare(names: string[]): void {
    this.#players.clear();
    for (const name of names) {
      const player = h("audio", { "data-testid": `stage-${name}`, autoplay: true, timeupdate: this.onSound });
      this.#players.set(name, player);
    }
    this.tools.hidden = names.length === 0;
    this.#setMuted(true);
    this.#setVolume();
  }

  attach(name: string, track: MediaStreamTrack): void {
    const player = this.#players.get(name);
    if (!player) return;
    player.srcObject = new MediaStream([track]);
    void player.play().catch(() => undefined);
  }

  /** To be called with every connection: not all carry sound. */
  hear(hasSound: boolean): void {
    this.#mute.disabled = this.#slider.disabled = !hasSound;
    if (hasSound) this.#setMuted(this.#isMuted);
    else this.#mute.title = NO_SOUND;
  }

  toggle(): void {
    if (!this.tools.hidden && !this.#mute.disabled) this.#setMuted(!this.#isMuted);
  }

  #turn(): void {
    this.#setVolume();
    memory.setItem(VOLUME, this.#slider.value);
    // Who turns it up wants to hear it.
    if (this.#isMuted) this.#setMuted(false);
  }

  #setVolume(): void {
    for (const player of this.players) player.volume = this.#slider.valueAsNumber;
    this.#slider.style.setProperty("--part", this.#slider.value);
  }

  #setMuted(muted: boolean): void {
    this.#isMuted = muted;
    for (const player of this.players) {
      player.muted = muted;
      if (!muted) void player.play().catch(() => undefined);
    }
    // Pressed means heard.
    this.#mute.setAttribute("aria-pressed", String(!muted));
    setIcon(this.#mute, muted ? "muted" : "volume", muted ? "Unmute" : "Mute");
  }
}
