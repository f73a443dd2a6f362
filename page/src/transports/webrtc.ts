/** The first rung: WebRTC, from the offer to its loss. */

import { health, Signalling, type Candidate } from "../signalling";
import { decode, decodeAnswer, encodePublish, encodeRuntime, encodeTrackEvent, type Track } from "../wire";
import {
  PING_INTERVAL_MS,
  Refusal,
  sleep,
  within,
  type Receiver,
  type SentPicture,
  type Transport,
  type TransportStats,
  type Uplink,
} from "./transport";

const OPEN_TIMEOUT_MS = 15_000;
const ANSWER_TIMEOUT_MS = 12_000;
const REQUEST_TIMEOUT_MS = 10_000;
const CANDIDATE_BATCH_MS = 25;
const DISCONNECTED_GRACE_MS = 3_000; // ICE often recovers by itself within two consent checks

export class WebRtc implements Transport, Uplink {
  readonly rung = "webrtc";
  readonly hasSound = true;
  readonly uplink = this;
  readonly lost: Promise<string>;

  readonly #peer: RTCPeerConnection;
  readonly #control: RTCDataChannel;
  readonly #data: RTCDataChannel;
  readonly #names = new Map<string, string>(); // mid -> name of an output track
  readonly #senders = new Map<string, RTCRtpSender>(); // by input track
  readonly #requests = new Map<string, (refusal: Refusal | null) => void>();
  #lastRequest = 0;
  readonly #opened: Promise<void>;
  #lose!: (reason: string) => void;
  #pinging: ReturnType<typeof setInterval> | undefined;

  /** Negotiates with the server and returns once both channels are open. */
  static async open(sessionId: string, tracks: Track[], receiver: Receiver, signal: AbortSignal): Promise<WebRtc> {
    if (!("RTCPeerConnection" in globalThis)) throw new Error("This browser has no WebRTC.");
    const signalling = new Signalling(sessionId);
    const [iceServers, id] = await Promise.all([signalling.iceServers(), signalling.register()]);
    signal.throwIfAborted();
    const connection = new WebRtc(iceServers, receiver);
    signal.addEventListener("abort", () => connection.close());
    try {
      await connection.#negotiate(signalling, id, tracks);
      await within(OPEN_TIMEOUT_MS, "The connection did not open.", Promise.race([
        connection.#opened,
        connection.lost.then((reason) => Promise.reject(new Error(reason))),
      ]));
    } catch (error) {
      connection.close();
      throw error;
    }
    return connection;
  }

  private constructor(
    iceServers: RTCIceServer[],
    private readonly receiver: Receiver,
  ) {
    this.#peer = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    this.lost = new Promise((resolve) => (this.#lose = resolve));
    // The server tells this family of clients by `control` being made first.
    this.#control = this.#peer.createDataChannel("control");
    this.#data = this.#peer.createDataChannel("data");
    const channels = [this.#control, this.#data];
    this.#opened = Promise.all(
      channels.map((channel) => new Promise((resolve) => channel.addEventListener("open", resolve, { once: true }))),
    ).then(() => undefined);
    for (const channel of channels) channel.addEventListener("close", () => this.#lose("The server closed the connection."));
    this.#data.addEventListener("message", ({ data }) => {
      const message = typeof data === "string" ? decode(data) : null;
      if (message) receiver.onMessage(message);
    });
    this.#control.addEventListener("message", ({ data }) => {
      const answer = typeof data === "string" ? decodeAnswer(data) : null;
      if (answer) this.#requests.get(answer.id)?.(answer.refusal && new Refusal(answer.refusal.code, answer.refusal.message));
    });
    this.#peer.addEventListener("connectionstatechange", () => this.#watch());
  }

  begin(): void {
    for (const { mid, receiver } of this.#peer.getTransceivers()) {
      const name = this.#names.get(mid ?? "");
      if (name === undefined) continue;
      playAtOnce(receiver);
      this.receiver.onTrack(name, receiver.track);
      this.#control.send(encodeTrackEvent("resume_track", name));
    }
    this.send(encodeRuntime("requestSchema"));
    this.#pinging = setInterval(() => this.send(encodeRuntime("ping")), PING_INTERVAL_MS);
  }

  get isBusy(): boolean {
    return this.#data.bufferedAmount > 0;
  }

  send(text: string): boolean {
    if (this.#data.readyState !== "open") return false;
    this.#data.send(text);
    return true;
  }

  async publish(name: string): Promise<void> {
    if (!this.#senders.has(name) || this.#control.readyState !== "open") throw new Error("Not connected.");
    const id = `ctrl_${++this.#lastRequest}`;
    const answer = new Promise<Refusal | null>((resolve) => this.#requests.set(id, resolve));
    this.#control.send(encodePublish(name, id));
    const gone = this.lost.then((reason) => Promise.reject(new Error(reason)));
    const answered = within(REQUEST_TIMEOUT_MS, "The server did not answer.", Promise.race([answer, gone]));
    const refusal = await answered.finally(() => this.#requests.delete(id));
    if (refusal) throw refusal;
  }

  async carry(name: string, media: MediaStreamTrack | null): Promise<void> {
    // What is closed sends nothing; the connection after it begins with what is current then.
    if (this.#peer.signalingState !== "closed") await this.#senders.get(name)?.replaceTrack(media);
  }

  async sent(name: string): Promise<SentPicture | null> {
    const report = await this.#senders.get(name)?.getStats();
    for (const entry of (report?.values() ?? []) as Iterable<Record<string, any>>) {
      if (entry["type"] !== "outbound-rtp" || !entry["frameWidth"]) continue;
      return { width: entry["frameWidth"], height: entry["frameHeight"], fps: entry["framesPerSecond"] ?? 0 };
    }
    return null;
  }

  async unpublish(name: string): Promise<void> {
    // At once, so that it is not said after the next claim.
    if (this.#control.readyState === "open") this.#control.send(encodeTrackEvent("unpublish_track", name));
    await this.carry(name, null);
  }

  async stats(): Promise<TransportStats> {
    const report = await this.#peer.getStats();
    const stats: TransportStats = { path: "WebRTC", rttMs: null, tracks: {} };
    for (const entry of report.values() as Iterable<Record<string, any>>) {
      if (entry["type"] === "candidate-pair" && entry["nominated"] && entry["currentRoundTripTime"] !== undefined) {
        stats.rttMs = entry["currentRoundTripTime"] * 1000;
        stats.path = pathOf(report.get(entry["localCandidateId"]));
      }
      const name = entry["type"] === "inbound-rtp" ? this.#names.get(entry["mid"]) : undefined;
      if (name === undefined) continue;
      stats.tracks[name] = {
        kind: entry["kind"],
        bytes: entry["bytesReceived"] ?? 0,
        width: entry["frameWidth"] ?? 0,
        height: entry["frameHeight"] ?? 0,
        codec: report.get(entry["codecId"])?.mimeType?.split("/")[1] ?? "",
        framesDecoded: entry["framesDecoded"] ?? 0,
        packetsLost: entry["packetsLost"] ?? 0,
        packetsReceived: entry["packetsReceived"] ?? 0,
      };
    }
    return stats;
  }

  close(): void {
    clearInterval(this.#pinging);
    this.#peer.close();
    this.#lose("Closed.");
  }

  async #negotiate(signalling: Signalling, id: number, tracks: Track[]): Promise<void> {
    const transceivers = tracks.map(({ kind, direction }) => this.#peer.addTransceiver(kind, { direction }));
    const offer = await this.#peer.createOffer();
    this.#trickle(signalling, id);
    await this.#peer.setLocalDescription(offer);
    const mapping = tracks.map(({ name, kind, direction }, index) => {
      const { mid, sender } = transceivers[index]!;
      if (direction === "recvonly") this.#names.set(mid!, name);
      else this.#senders.set(name, sender);
      return { mid: mid!, name, kind, direction };
    });
    await signalling.offer(id, offer.sdp ?? "", mapping);
    const sdp = await this.#answer(signalling, id);
    await this.#peer.setRemoteDescription({ type: "answer", sdp });
  }

  async #answer(signalling: Signalling, id: number): Promise<string> {
    const deadline = performance.now() + ANSWER_TIMEOUT_MS;
    for (let wait = 25; performance.now() < deadline; wait = Math.min(wait * 2, 800)) {
      const sdp = await signalling.answer(id);
      if (sdp !== null) return sdp;
      await sleep(wait);
    }
    throw new Error("The server did not answer the offer.");
  }

  #trickle(signalling: Signalling, id: number): void {
    let batch: Candidate[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const post = (isFinal: boolean) => {
      clearTimeout(timer);
      timer = undefined;
      const candidates = batch;
      batch = [];
      // The server may reach us without them (peer-reflexive), so a lost batch is no failure.
      signalling.candidates(id, candidates, isFinal).catch(() => undefined);
    };
    this.#peer.addEventListener("icecandidate", ({ candidate }) => {
      if (!candidate?.candidate) return post(true);
      batch.push({
        candidate: candidate.candidate,
        sdp_mid: candidate.sdpMid,
        sdp_mline_index: candidate.sdpMLineIndex,
      });
      timer ??= setTimeout(() => post(false), CANDIDATE_BATCH_MS);
    });
  }

  #watch(): void {
    const state = this.#peer.connectionState;
    this.receiver.onDoubt(state === "disconnected");
    if (state === "failed" || state === "closed") this.#lose("The connection failed.");
    if (state !== "disconnected") return;
    health().catch(() => this.#lose("The server does not answer."));
    setTimeout(() => {
      if (this.#peer.connectionState === "disconnected") this.#lose("The server is out of reach.");
    }, DISCONNECTED_GRACE_MS);
  }
}

/** Keeps the receiver from holding frames back to smooth their arrival: the picture answers the hand. */
function playAtOnce(receiver: RTCRtpReceiver & { playoutDelayHint?: number; jitterBufferTarget?: number | null }): void {
  if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
  if ("playoutDelayHint" in receiver) receiver.playoutDelayHint = 0;
}

function pathOf(candidate: { protocol?: string; candidateType?: string } | undefined): string {
  const relay = candidate?.candidateType === "relay" ? " through a relay" : "";
  return `WebRTC over ${(candidate?.protocol ?? "udp").toUpperCase()}${relay}`;
}
