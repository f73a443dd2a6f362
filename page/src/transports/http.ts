/**
 * The last rung: plain requests. Server-sent events bring text, requests take it, and every video track is a stream of
 * JPEGs. It needs nothing that an old browser or a strict proxy lacks, and it carries no sound.
 */

import { json, sessionUrl } from "../signalling";
import { decode, encodeRuntime, type Track } from "../wire";
import { Multipart } from "./multipart";
import { Pulse, RUNG_NAMES, within, type Receiver, type TrackStats, type Transport, type TransportStats } from "./transport";

const OPEN_TIMEOUT_MS = 10_000;
// A browser opens six connections to one server: the events take one, and the commands need one.
const MOST_TRACKS = 4;

export class Http implements Transport {
  readonly rung = "http";
  readonly uplink = null;
  readonly hasSound = false;
  readonly lost: Promise<string>;

  readonly #base: string;
  readonly #token: string;
  readonly #events: EventSource;
  readonly #opened: Promise<unknown>;
  readonly #pulse: Pulse;
  readonly #gone = new AbortController();
  readonly #stats = new Map<string, TrackStats>();
  readonly #tracks: string[];
  #sent: Promise<unknown> = Promise.resolve();
  #waiting = 0; // requests that take text and are not answered
  #lose!: (reason: string) => void;

  /** Returns once the server's messages come in. */
  static async open(sessionId: string, tracks: Track[], receiver: Receiver, signal: AbortSignal): Promise<Http> {
    const connections = sessionUrl(sessionId, "transport/http/connections");
    const made = (await json("POST", connections, {})) as { connection_id: number; token: string };
    const http = new Http(`${connections}/${made.connection_id}`, made.token, tracks, receiver);
    signal.addEventListener("abort", () => http.close());
    try {
      signal.throwIfAborted();
      const gone = http.lost.then((reason) => Promise.reject(new Error(reason)));
      await within(OPEN_TIMEOUT_MS, "The server's messages do not come.", Promise.race([http.#opened, gone]));
    } catch (error) {
      http.close();
      throw error;
    }
    return http;
  }

  private constructor(
    base: string,
    token: string,
    tracks: Track[],
    private readonly receiver: Receiver,
  ) {
    this.#base = base;
    this.#token = `?token=${encodeURIComponent(token)}`;
    const videos = tracks.filter(({ kind, direction }) => kind === "video" && direction === "recvonly");
    this.#tracks = videos.slice(0, MOST_TRACKS).map(({ name }) => name);
    this.lost = new Promise((resolve) => (this.#lose = resolve));
    this.#pulse = new Pulse((text) => this.send(text), (reason) => this.#lose(reason));
    this.#events = new EventSource(`${base}/messages${this.#token}`);
    this.#opened = new Promise((resolve) => this.#events.addEventListener("open", resolve));
    this.#events.addEventListener("error", () => this.#lose("The server's messages stopped."));
    this.#events.addEventListener("message", ({ data }: MessageEvent<string>) => {
      this.#pulse.beat();
      const message = decode(data);
      if (message) receiver.onMessage(message);
    });
  }

  begin(): void {
    for (const name of this.#tracks) this.#watch(name).catch(() => this.#lose("The pictures stopped."));
    this.send(encodeRuntime("requestSchema"));
  }

  get isBusy(): boolean {
    return this.#waiting > 0;
  }

  send(text: string): boolean {
    if (this.#events.readyState !== EventSource.OPEN) return false;
    this.#waiting++;
    // One after the other: requests overtake each other.
    this.#sent = this.#sent
      .then(() => json("POST", `${this.#base}/messages${this.#token}`, text))
      .catch(() => this.#lose("The server does not take messages."))
      .finally(() => this.#waiting--);
    return true;
  }

  async stats(): Promise<TransportStats> {
    return { path: RUNG_NAMES.http, rttMs: null, tracks: Object.fromEntries(this.#stats) };
  }

  close(): void {
    if (this.#gone.signal.aborted) return;
    this.#gone.abort();
    this.#pulse.stop();
    this.#events.close();
    this.#lose("Closed.");
    // Outlives the page; the server finds out by itself where it does not arrive.
    fetch(`${this.#base}${this.#token}`, { method: "DELETE", keepalive: true }).catch(() => undefined);
  }

  /** Shows a track's pictures until the stream ends. Reading waits for the drawing, so the server leaves out what is late. */
  async #watch(name: string): Promise<never> {
    const url = `${this.#base}/tracks/${encodeURIComponent(name)}.mjpeg${this.#token}`;
    const { ok, body } = await fetch(url, { cache: "no-store", signal: this.#gone.signal });
    if (!ok || !body) throw new Error("refused");
    const stats = { kind: "video", bytes: 0, width: 0, height: 0, codec: "JPEG", framesDecoded: 0, packetsLost: 0, packetsReceived: null };
    this.#stats.set(name, stats);
    const reader = body.getReader();
    const multipart = new Multipart();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Error("ended");
      this.#pulse.beat();
      stats.bytes += value.byteLength;
      const part = multipart.add(value).at(-1);
      if (!part) continue;
      const receivedAt = performance.now();
      const image = await createImageBitmap(new Blob([part.body], { type: "image/jpeg" }));
      const { width, height } = image;
      const timestamp = part.headers.get("x-timestamp");
      const rtpTimestamp = timestamp === undefined ? undefined : Number(timestamp);
      Object.assign(stats, { width, height, framesDecoded: stats.framesDecoded + 1 });
      if (!this.#gone.signal.aborted) this.receiver.onPicture(name, { image, width, height, rtpTimestamp, receivedAt });
      image.close();
    }
  }
}
