/** The second rung: one WebSocket that carries text and access units, decoded by WebCodecs. */

import { HttpError, sessionUrl } from "../signalling";
import { decode, decodeHello, encodeRuntime, encodeTrackEvent } from "../wire";
import { decodeMedia } from "./media";
import { Pictures } from "./pictures";
import { Sound } from "./sound";
import { Pulse, RUNG_NAMES, within, type Receiver, type TrackStats, type Transport, type TransportStats } from "./transport";

const OPEN_TIMEOUT_MS = 10_000;
const REFUSED = 4_000; // added to the status with which a request would have been refused
const NO_WEBCODECS = "This browser decodes no video for a page: it has no WebCodecs, or the page came over plain HTTP from another machine.";

export class Socket implements Transport {
  readonly rung = "socket";
  readonly uplink = null;
  readonly hasSound = "AudioDecoder" in globalThis;
  readonly lost: Promise<string>;

  readonly #socket: WebSocket;
  readonly #opened: Promise<void>;
  readonly #pulse: Pulse;
  readonly #tracks: { name: string; media: Pictures | Sound | null }[] = [];
  #lose!: (reason: string) => void;
  #refusal: HttpError | undefined;

  /** Returns once the server has named its tracks. */
  static async open(sessionId: string, receiver: Receiver, signal: AbortSignal): Promise<Socket> {
    if (!("VideoDecoder" in globalThis)) throw new Error(NO_WEBCODECS);
    const url = new URL(sessionUrl(sessionId, "transport/socket"), document.baseURI);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new Socket(url, receiver);
    signal.addEventListener("abort", () => socket.close());
    try {
      const gone = socket.lost.then((reason) => Promise.reject(socket.#refusal ?? new Error(reason)));
      await within(OPEN_TIMEOUT_MS, "The socket did not open.", Promise.race([socket.#opened, gone]));
    } catch (error) {
      socket.close();
      throw error;
    }
    return socket;
  }

  private constructor(
    url: URL,
    private readonly receiver: Receiver,
  ) {
    this.lost = new Promise((resolve) => (this.#lose = resolve));
    this.#socket = new WebSocket(url);
    this.#socket.binaryType = "arraybuffer";
    this.#pulse = new Pulse((text) => this.send(text), (reason) => this.#lose(reason));
    this.#socket.addEventListener("close", ({ code, reason }) => {
      if (code > REFUSED) this.#refusal = new HttpError(code - REFUSED, reason, undefined);
      this.#lose(reason || "The socket was closed.");
    });
    this.#opened = new Promise((resolve) => {
      this.#socket.addEventListener("message", ({ data }: MessageEvent<string | ArrayBuffer>) => {
        this.#pulse.beat();
        if (typeof data !== "string") return this.#takeMedia(data);
        const hello = decodeHello(data);
        if (hello) {
          for (const { name, kind } of hello) this.#tracks.push({ name, media: this.#mediaOf(name, kind) });
          return resolve();
        }
        const message = decode(data);
        if (message) receiver.onMessage(message);
      });
    });
  }

  begin(): void {
    for (const { name, media } of this.#tracks) {
      if (media instanceof Sound) this.receiver.onTrack(name, media.track);
      if (media) this.send(encodeTrackEvent("resume_track", name));
    }
    this.send(encodeRuntime("requestSchema"));
  }

  get isBusy(): boolean {
    return this.#socket.bufferedAmount > 0;
  }

  send(text: string): boolean {
    if (this.#socket.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(text);
    return true;
  }

  async stats(): Promise<TransportStats> {
    const tracks: Record<string, TrackStats> = {};
    for (const { name, media } of this.#tracks) if (media) tracks[name] = media.stats;
    return { path: RUNG_NAMES.socket, rttMs: null, tracks };
  }

  close(): void {
    this.#pulse.stop();
    this.#socket.close();
    for (const { media } of this.#tracks) media?.close();
    this.#lose("Closed.");
  }

  #mediaOf(name: string, kind: "video" | "audio"): Pictures | Sound | null {
    if (kind === "audio") return this.hasSound ? new Sound() : null;
    const askKey = () => {
      // Who joins a track is sent a key frame first.
      for (const verb of ["pause_track", "resume_track"] as const) this.send(encodeTrackEvent(verb, name));
    };
    return new Pictures((picture) => this.receiver.onPicture(name, picture), askKey, (reason) => this.#lose(reason));
  }

  #takeMedia(buffer: ArrayBuffer): void {
    const frame = decodeMedia(buffer);
    const media = frame && this.#tracks[frame.track]?.media;
    if (!media) return;
    media.take(frame);
    if (frame.kind === "audio") this.receiver.onSound();
  }
}
