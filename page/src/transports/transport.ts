/** What every way to the server offers, and the little that those without WebRTC share. */

import { encodeRuntime, type Inbound } from "../wire";

export const PING_INTERVAL_MS = 5_000; // the server gives a silent connection 20 s

export type Rung = "webrtc" | "socket" | "http";
export const RUNG_NAMES: Record<Rung, string> = { webrtc: "WebRTC", socket: "WebSocket", http: "HTTP pictures" };

/** A decoded picture to be drawn; its image is freed when the receiver returns. */
export interface Picture {
  image: CanvasImageSource;
  width: number;
  height: number;
  /** Names the frame as the server does; undefined when nobody is to measure it. */
  rtpTimestamp: number | undefined;
  /** When it was complete, ms of `performance.now()`. */
  receivedAt: number;
}

/** What a transport delivers. Tracks, pictures and sound only come after `begin`, messages from the first moment. */
export interface Receiver {
  onMessage(message: Inbound): void;
  onTrack(name: string, track: MediaStreamTrack): void;
  onPicture(name: string, picture: Picture): void;
  /** Sound arrived which may not be audible, since the person has not touched the page. */
  onSound(): void;
  /** The path may be dead, or is found to live after all. */
  onDoubt(isDoubted: boolean): void;
}

/** The server said no, in a code for programs and a message for people. */
export class Refusal extends Error {
  override readonly name = "Refusal";

  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message || code);
  }
}

/** The way for a camera or microphone to the model. */
export interface Uplink {
  /**
   * Claims one of the model's input tracks.
   *
   * @throws {Refusal} Another client has it.
   * @throws {Error} The connection is gone, or the server does not answer.
   */
  publish(name: string): Promise<void>;
  /** Sends this on a claimed track, in place of what was sent before. */
  carry(name: string, media: MediaStreamTrack): Promise<void>;
  /** What a track sent in the last second; null before its first picture, and for sound. */
  sent(name: string): Promise<SentPicture | null>;
  /** Stops sending on an input track, and lets others have it. */
  unpublish(name: string): Promise<void>;
}

export interface SentPicture {
  width: number;
  height: number;
  fps: number;
}

export interface TrackStats {
  kind: string;
  bytes: number;
  width: number;
  height: number;
  codec: string;
  framesDecoded: number;
  packetsLost: number;
  /** Null where nothing is lost on the way, since TCP repeats it. */
  packetsReceived: number | null;
}

export interface TransportStats {
  /** The path in words, such as "WebRTC over UDP". */
  path: string;
  rttMs: number | null;
  tracks: Record<string, TrackStats>;
}

/** One connection, open. It never heals itself: a lost one is replaced. */
export interface Transport {
  readonly rung: Rung;
  /** Resolves with a reason, once, when the transport is gone for good. */
  readonly lost: Promise<string>;
  /** Null where nothing can be sent but text. */
  readonly uplink: Uplink | null;
  readonly hasSound: boolean;
  /** Asks for the schema and for every output track. */
  begin(): void;
  /** What was sent before still waits on this side. */
  readonly isBusy: boolean;
  /** Sends one text frame on `data`; false when that is not possible. */
  send(text: string): boolean;
  stats(): Promise<TransportStats>;
  /** Closes the transport; the session on the server goes on. */
  close(): void;
}

/**
 * Keeps a connection over TCP alive, and finds out when it is dead: TCP itself needs minutes. What stays silent for one
 * interval is asked something that a server always answers.
 */
export class Pulse {
  #heard = true;
  #asked = false;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(send: (text: string) => void, lose: (reason: string) => void) {
    this.#timer = setInterval(() => {
      if (!this.#heard && this.#asked) return lose("The server is out of reach.");
      this.#asked = !this.#heard;
      this.#heard = false;
      send(encodeRuntime(this.#asked ? "requestCapabilities" : "ping"));
    }, PING_INTERVAL_MS);
  }

  /** Something arrived. */
  beat(): void {
    this.#heard = true;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** @throws {Error} `what`, when the work takes longer. */
export async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new Error(what)), ms)));
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
