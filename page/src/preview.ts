/** What goes out on an input track, as the person sees it: a small picture with its figures, or a level. */

import type { Capture } from "./capture";
import { levelOf } from "./choice";
import { h } from "./dom";
import type { SentPicture } from "./transports/transport";

const [MOST_WIDTH, MOST_HEIGHT] = [256, 144]; // twice what the page gives it, for dense screens
const PICTURE_INTERVAL_MS = 66;
const MEASURE_INTERVAL_MS = 1_000;
const LEVEL_INTERVAL_MS = 100;
const MUTED_PICTURE = "Black is sent";
const MUTED_SOUND = "Silence is sent";

/**
 * The picture as it leaves this machine; a camera that faces the person is shown as a mirror would.
 *
 * Drawn by the page: beside a second video element Chromium shows both at half the screen's rate, and the model's picture is
 * seen 17 to 33 ms later (`bench/photon.py`).
 */
export class Preview {
  readonly element: HTMLElement;
  readonly #video: HTMLVideoElement;
  readonly #canvas: HTMLCanvasElement;
  readonly #surface: CanvasRenderingContext2D;
  readonly #figures: HTMLElement;
  #measuring: ReturnType<typeof setInterval> | undefined;
  #drawing: ReturnType<typeof setInterval> | undefined;

  /** @param measure What is sent, as the connection counts it. */
  constructor(
    name: string,
    private readonly measure: () => Promise<SentPicture | null>,
  ) {
    this.#video = h("video", { autoplay: true, playsinline: true });
    this.#video.muted = true;
    this.#canvas = h("canvas", { role: "img", "aria-label": "What is sent", "data-testid": `preview-${name}` });
    this.#surface = this.#canvas.getContext("2d", { alpha: false })!;
    this.#figures = h("span", { class: "sent", "data-testid": `sent-${name}` });
    this.element = h("div", { class: "preview" }, this.#canvas, this.#figures, h("span", { class: "muted" }, MUTED_PICTURE));
  }

  start({ kind, media }: Capture): void {
    this.stop();
    this.#video.srcObject = new MediaStream([media]);
    this.#canvas.classList.toggle("mirrored", kind === "camera" && media.getSettings().facingMode !== "environment");
    this.#drawing = setInterval(() => this.#draw(), PICTURE_INTERVAL_MS);
    this.#measuring = setInterval(() => void this.#tell(), MEASURE_INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#drawing);
    clearInterval(this.#measuring);
    this.#video.srcObject = null;
    this.#surface.clearRect(0, 0, MOST_WIDTH, MOST_HEIGHT);
    this.#figures.textContent = "";
  }

  #draw(): void {
    const { videoWidth, videoHeight } = this.#video;
    if (!videoWidth || !this.#canvas.offsetWidth) return;
    const scale = Math.min(MOST_WIDTH / videoWidth, MOST_HEIGHT / videoHeight);
    const [width, height] = [Math.ceil(videoWidth * scale), Math.ceil(videoHeight * scale)];
    if (this.#canvas.width !== width || this.#canvas.height !== height) [this.#canvas.width, this.#canvas.height] = [width, height];
    this.#surface.drawImage(this.#video, 0, 0, width, height);
  }

  async #tell(): Promise<void> {
    const sent = await this.measure();
    this.#figures.textContent = sent ? `${sent.width} × ${sent.height}\n${Math.round(sent.fps)} fps` : "";
  }
}

/** How loud the sound is that leaves this machine. */
export class Level {
  readonly element: HTMLElement;
  readonly #bar: HTMLElement;
  readonly #samples = new Float32Array(1024);
  #context: AudioContext | undefined;
  #drawing: ReturnType<typeof setInterval> | undefined;

  constructor(name: string) {
    const range = { "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 0 };
    this.#bar = h("div", { class: "level", role: "meter", "aria-label": "Level", "data-testid": `level-${name}`, ...range });
    this.element = h("div", { class: "loudness" }, this.#bar, h("span", { class: "muted" }, MUTED_SOUND));
  }

  start({ media }: Capture): void {
    this.stop();
    this.#context = new AudioContext();
    const analyser = new AnalyserNode(this.#context, { fftSize: this.#samples.length });
    this.#context.createMediaStreamSource(new MediaStream([media])).connect(analyser);
    this.#drawing = setInterval(() => {
      analyser.getFloatTimeDomainData(this.#samples);
      this.#draw(levelOf(this.#samples));
    }, LEVEL_INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#drawing);
    void this.#context?.close();
    this.#context = undefined;
    this.#draw(0);
  }

  #draw(level: number): void {
    this.#bar.style.setProperty("--level", level.toFixed(2));
    this.#bar.setAttribute("aria-valuenow", String(Math.round(level * 100)));
  }
}
