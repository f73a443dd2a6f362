/** One video track on the stage: its picture, however it comes, and the last one while none comes. */

import { h } from "./dom";
import { iconButton } from "./icons";
import type { Frame } from "./latency";
import type { Picture } from "./transports/transport";

export interface TileEvents {
  /** A picture is on the screen. Tells whether the next one counts as well. */
  onPicture(frame: Frame): boolean;
  /** The picture has another size, or comes another way. */
  onChange(): void;
  /** A person wants to see this one large. */
  onChoose(): void;
}

export class Tile {
  readonly element: HTMLElement;
  readonly video: HTMLVideoElement;
  /** What scrolls where the picture is larger than its place. */
  readonly picture: HTMLElement;
  readonly choose: HTMLButtonElement;
  /** Pictures shown since the page was opened, up to the last that was looked at. */
  shown = 0;

  // Over the video: the last picture of one that ended, and all pictures that do not come as a media track.
  readonly canvas = h("canvas", { hidden: true, "aria-hidden": "true" });
  readonly #context = this.canvas.getContext("2d", { alpha: false })!;
  #presented = 0; // the browser's own count, which begins anew with every source
  #isLooking = false;
  #kept = true; // the video shows nothing, or what has ended

  constructor(
    readonly name: string,
    private readonly events: TileEvents,
  ) {
    this.video = h("video", {
      "data-testid": `stage-${name}`,
      "aria-label": `Live picture ${name}`,
      autoplay: true,
      muted: true,
      playsinline: true,
      resize: () => this.#change(),
    });
    this.video.muted = true; // the attribute alone does not mute an element made by script
    this.choose = iconButton("focus", `Enlarge ${name}`, { class: "choose", "data-testid": `focus-${name}`, click: () => events.onChoose() });
    this.picture = h("div", { class: "picture" }, this.video, this.canvas);
    this.element = h("figure", { class: "tile" }, this.picture, h("figcaption", {}, name), this.choose);
    this.look();
  }

  /** Asks the browser for the next picture of the video. It wakes the page's main thread, which pictures alone do not. */
  look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.video.requestVideoFrameCallback((_now, frame) => {
      this.#isLooking = false;
      const step = frame.presentedFrames - this.#presented;
      this.shown += step > 0 ? step : 1;
      this.#presented = frame.presentedFrames;
      if (!this.#kept && !this.canvas.hidden) {
        this.canvas.hidden = true;
        this.#change();
      }
      if (this.events.onPicture(frame)) this.look();
    });
  }

  /** What is seen: the canvas, or the video beneath it. */
  get seen(): HTMLCanvasElement | HTMLVideoElement {
    return this.canvas.hidden ? this.video : this.canvas;
  }

  get hasPicture(): boolean {
    return !this.canvas.hidden || this.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
  }

  /** In pixels of the picture; 0 by 0 before the first. */
  get size(): { width: number; height: number } {
    const { seen } = this;
    return seen instanceof HTMLVideoElement ? { width: seen.videoWidth, height: seen.videoHeight } : { width: seen.width, height: seen.height };
  }

  /** Where the pictures come from: another one, or none, once the connection is another. */
  get source(): HTMLCanvasElement | MediaProvider | null {
    return this.canvas.hidden ? this.video.srcObject : this.canvas;
  }

  /** What is seen as a track; it is the caller's to stop. Undefined before the first picture. */
  capture(): MediaStreamTrack | undefined {
    if (!this.hasPicture) return undefined;
    if (!this.canvas.hidden) return this.canvas.captureStream().getVideoTracks()[0];
    return (this.video.srcObject as MediaStream).getVideoTracks()[0]?.clone();
  }

  /** Shows a new track, from its first picture on. */
  attach(track: MediaStreamTrack): void {
    const start = () => {
      this.#kept = false;
      this.video.srcObject = new MediaStream([track]);
      this.look();
      void this.video.play().catch(() => undefined); // autoplay refused: the first gesture plays it
      this.#change();
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
    this.events.onPicture({
      presentationTime: drawnAt,
      expectedDisplayTime: drawnAt,
      receiveTime: receivedAt,
      processingDuration: (decodedAt - receivedAt) / 1000,
      ...(rtpTimestamp !== undefined && { rtpTimestamp }),
    });
  }

  #paint(image: CanvasImageSource, width: number, height: number): void {
    const isChanged = this.canvas.hidden || this.canvas.width !== width || this.canvas.height !== height;
    if (isChanged) {
      Object.assign(this.canvas, { width, height });
      this.canvas.hidden = false;
    }
    this.#context.drawImage(image, 0, 0, width, height);
    if (isChanged) this.#change();
  }

  #change(): void {
    const { width, height } = this.size;
    this.element.style.setProperty("--width", String(width));
    this.element.style.setProperty("--height", String(height));
    this.events.onChange();
  }
}
