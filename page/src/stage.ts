/** The picture and the sound: one tile per video track, one silent player per audio track. */

import { h } from "./dom";
import type { Frame } from "./latency";
import type { Picture } from "./transports/transport";
import type { Track } from "./wire";

const NO_SOUND = "This connection carries pictures only.";

class Tile {
  readonly element: HTMLElement;
  readonly video: HTMLVideoElement;
  /** Pictures shown since the page was opened, those between two callbacks included. */
  shown = 0;

  // Over the video: the last picture of one that ended, and all pictures that do not come as a media track.
  readonly canvas = h("canvas", { hidden: true, "aria-hidden": "true" });
  readonly #context = this.canvas.getContext("2d", { alpha: false })!;
  #presented = 0; // the browser's own count, which begins anew with every source
  #kept = true; // the video shows nothing, or what has ended

  constructor(
    name: string,
    private readonly onPicture: (frame: Frame) => void,
  ) {
    this.video = h("video", {
      "data-testid": `stage-${name}`,
      "aria-label": `Live picture ${name}`,
      autoplay: true,
      muted: true,
      playsinline: true,
    });
    this.video.muted = true; // the attribute alone does not mute an element made by script
    this.element = h("figure", { class: "tile" }, this.video, this.canvas, h("figcaption", {}, name));
    const onFrame = (_now: number, frame: VideoFrameCallbackMetadata) => {
      const step = frame.presentedFrames - this.#presented;
      this.shown += step > 0 ? step : 1;
      this.#presented = frame.presentedFrames;
      if (!this.#kept) this.canvas.hidden = true;
      this.onPicture(frame);
      this.video.requestVideoFrameCallback(onFrame);
    };
    this.video.requestVideoFrameCallback(onFrame);
  }

  /** Shows a new track, from its first picture on. */
  attach(track: MediaStreamTrack): void {
    const start = () => {
      this.#kept = false;
      this.video.srcObject = new MediaStream([track]);
      void this.video.play().catch(() => undefined); // autoplay refused: the first gesture plays it
    };
    if (track.muted) track.addEventListener("unmute", start, { once: true });
    else start();
  }

  /** Holds the last picture until a new track has shown one: a video whose stream ends turns black. */
  keepPicture(): void {
    const { videoWidth: width, videoHeight: height, readyState } = this.video;
    if (this.#kept) return;
    this.#kept = true;
    if (readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) this.#paint(this.video, width, height);
  }

  /** Shows one picture at once, unless a track shows newer ones. */
  draw({ image, width, height, rtpTimestamp, receivedAt }: Picture): void {
    if (!this.#kept && this.canvas.hidden) return;
    const decodedAt = performance.now();
    this.#paint(image, width, height);
    if (document.hidden) return;
    this.shown++;
    const drawnAt = performance.now();
    this.onPicture({
      presentationTime: drawnAt,
      expectedDisplayTime: drawnAt,
      receiveTime: receivedAt,
      processingDuration: (decodedAt - receivedAt) / 1000,
      ...(rtpTimestamp !== undefined && { rtpTimestamp }),
    });
  }

  #paint(image: CanvasImageSource, width: number, height: number): void {
    if (this.canvas.width !== width || this.canvas.height !== height) {
      Object.assign(this.canvas, { width, height });
      this.canvas.dispatchEvent(new Event("resize"));
    }
    this.#context.drawImage(image, 0, 0, width, height);
    this.canvas.hidden = false;
  }
}

export class Stage {
  readonly #tiles = new Map<string, Tile>();
  readonly #players = new Map<string, HTMLAudioElement>();
  readonly #mute = h("button", { "data-testid": "mute", hidden: true, click: () => this.#setMuted(!this.#isMuted) });
  #isMuted = true;
  #declared = "";

  constructor(
    private readonly element: HTMLElement,
    soundTools: HTMLElement,
    private readonly onPicture: (track: string, frame: Frame) => void,
    private readonly onSound: () => void,
  ) {
    soundTools.append(this.#mute);
  }

  get tiles(): ReadonlyMap<string, { shown: number }> {
    return this.#tiles;
  }

  get hasPicture(): boolean {
    return [...this.#tiles.values()].some(({ shown }) => shown > 0);
  }

  /** Lays out one place per output track; the same tracks again keep their pictures. */
  declare(tracks: Track[]): void {
    const outputs = tracks.filter(({ direction }) => direction === "recvonly");
    const declared = JSON.stringify(outputs);
    if (declared === this.#declared) return;
    this.#declared = declared;
    this.#tiles.clear();
    this.#players.clear();
    for (const { name, kind } of outputs) {
      if (kind === "video") this.#tiles.set(name, new Tile(name, (frame) => this.onPicture(name, frame)));
      else this.#players.set(name, this.#player(name));
    }
    const tiles = [...this.#tiles.values()].map((tile) => tile.element);
    const [only] = this.#tiles.size === 1 ? this.#tiles.values() : [];
    only?.video.addEventListener("resize", () => this.#fit(only.video.videoWidth / only.video.videoHeight));
    only?.canvas.addEventListener("resize", () => this.#fit(only.canvas.width / only.canvas.height));
    if (!tiles.length && outputs.length) tiles.push(h("figure", { class: "tile sound" }, "Sound only"));
    this.element.replaceChildren(...tiles, ...this.#players.values());
    this.element.style.setProperty("--columns", String(Math.ceil(Math.sqrt(tiles.length))));
    this.element.parentElement?.classList.toggle("several", tiles.length > 1);
    this.#mute.hidden = this.#players.size === 0;
    this.#setMuted(true);
  }

  /** To be called before a connection is closed. */
  keepPictures(): void {
    for (const tile of this.#tiles.values()) tile.keepPicture();
  }

  draw(name: string, picture: Picture): void {
    this.#tiles.get(name)?.draw(picture);
  }

  /** To be called with every connection: not all carry sound. */
  hear(hasSound: boolean): void {
    this.#mute.disabled = !hasSound;
    this.#mute.title = hasSound ? "" : NO_SOUND;
  }

  attach(name: string, track: MediaStreamTrack): void {
    this.#tiles.get(name)?.attach(track);
    const player = this.#players.get(name);
    if (!player) return;
    player.srcObject = new MediaStream([track]);
    void player.play().catch(() => undefined);
  }

  /** Gives the place the shape of the one picture in it. */
  #fit(aspect: number): void {
    if (aspect) this.element.parentElement?.style.setProperty("--aspect", String(aspect));
  }

  #player(name: string): HTMLAudioElement {
    const player = h("audio", { "data-testid": `stage-${name}`, autoplay: true });
    player.addEventListener("timeupdate", this.onSound);
    return player;
  }

  #setMuted(muted: boolean): void {
    this.#isMuted = muted;
    for (const player of this.#players.values()) {
      player.muted = muted;
      if (!muted) void player.play().catch(() => undefined);
    }
    // Pressed means heard.
    this.#mute.setAttribute("aria-pressed", String(!muted));
    this.#mute.textContent = muted ? "Unmute" : "Mute";
  }
}
