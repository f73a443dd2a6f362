/** Decodes the pictures of one track of the socket. */

import type { MediaFrame } from "./media";
import type { Picture, TrackStats } from "./transport";

const CONFIGS = { vp8: "vp8", vp9: "vp09.00.51.08", av1: "av01.0.13M.08" }; // levels that bound no size that comes
// What the server encodes; without it a decoder guesses by the size.
const COLOURS = { matrix: "smpte170m", primaries: "bt709", transfer: "bt709", fullRange: false } as const;
const MOST_WAITING = 8; // a quarter of a second behind: what waits would only be seen late

export class Pictures {
  readonly stats: TrackStats = { kind: "video", bytes: 0, width: 0, height: 0, codec: "", framesDecoded: 0, packetsLost: 0, packetsReceived: null };
  readonly #arrivals = new Map<number, number>(); // by timestamp, of what is being decoded
  #decoder: VideoDecoder | undefined;
  #newest: { frame: VideoFrame; receivedAt: number } | undefined; // decoded, to be shown with the next refresh
  #needsKey = true;

  /**
   * @param show Shows one picture; called with a refresh of the screen, so that a late one makes way for the next.
   * @param askKey Asks the server for a key frame: nothing can be decoded before it.
   * @param lose No picture can be decoded in this browser.
   */
  constructor(
    private readonly show: (picture: Picture) => void,
    private readonly askKey: () => void,
    private readonly lose: (reason: string) => void,
  ) {}

  take({ codec, isKey, timestamp, width, height, payload }: MediaFrame): void {
    Object.assign(this.stats, { bytes: this.stats.bytes + payload.byteLength, width, height });
    if (isKey && (this.#decoder?.state !== "configured" || this.stats.codec !== codec.toUpperCase())) this.#open(codec);
    if (this.#decoder?.state !== "configured" || (this.#needsKey && !isKey)) return;
    if (!isKey && this.#decoder.decodeQueueSize > MOST_WAITING) {
      this.#decoder.reset();
      return this.#skip();
    }
    this.#needsKey = false;
    this.#arrivals.set(timestamp, performance.now());
    this.#decoder.decode(new EncodedVideoChunk({ type: isKey ? "key" : "delta", timestamp, data: payload }));
  }

  close(): void {
    this.#newest?.frame.close();
    this.#newest = undefined;
    if (this.#decoder && this.#decoder.state !== "closed") this.#decoder.close();
  }

  #open(codec: MediaFrame["codec"]): void {
    this.close();
    this.#arrivals.clear();
    this.stats.codec = codec.toUpperCase();
    this.#decoder = new VideoDecoder({
      output: (frame) => this.#put(frame),
      error: (error) => {
        if (error.name === "NotSupportedError") this.lose(`This browser does not decode ${this.stats.codec}.`);
        else this.#skip();
      },
    });
    const config = CONFIGS[codec as keyof typeof CONFIGS];
    this.#decoder.configure({ codec: config, colorSpace: COLOURS, optimizeForLatency: true });
  }

  #put(frame: VideoFrame): void {
    const receivedAt = this.#arrivals.get(frame.timestamp) ?? performance.now();
    this.#arrivals.delete(frame.timestamp);
    this.stats.framesDecoded++;
    if (this.#newest) this.#newest.frame.close();
    else requestAnimationFrame(() => this.#show());
    this.#newest = { frame, receivedAt };
  }

  #show(): void {
    if (!this.#newest) return;
    const { frame, receivedAt } = this.#newest;
    const { timestamp: rtpTimestamp, displayWidth: width, displayHeight: height } = frame;
    this.show({ image: frame, width, height, rtpTimestamp, receivedAt });
    frame.close();
    this.#newest = undefined;
  }

  #skip(): void {
    this.#needsKey = true;
    this.#arrivals.clear();
    this.askKey();
  }
}
