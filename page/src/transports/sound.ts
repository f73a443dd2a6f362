/** Decodes the sound of one track of the socket into a media track, which is played like one of WebRTC. */

import type { MediaFrame } from "./media";
import type { TrackStats } from "./transport";

const RATE = 48_000;
const CUSHION_S = 0.06; // between arrival and play: what arrives unevenly is heard evenly
const MOST_QUEUED_S = 0.25; // what waits longer is left out: sound is not to trail the picture

export class Sound {
  readonly stats: TrackStats = { kind: "audio", bytes: 0, width: 0, height: 0, codec: "OPUS", framesDecoded: 0, packetsLost: 0, packetsReceived: null };
  readonly #context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
  readonly #out = this.#context.createMediaStreamDestination();
  readonly #decoder: AudioDecoder;
  readonly #gone = new AbortController();
  #ends = 0; // of what is queued, on the context's clock

  constructor() {
    this.#decoder = new AudioDecoder({
      output: (data) => this.#play(data),
      error: () => undefined, // the picture goes on without sound
    });
    this.#decoder.configure({ codec: "opus", sampleRate: RATE, numberOfChannels: 2 });
    // A browser plays nothing before the person touched the page.
    for (const touch of ["click", "keydown"]) addEventListener(touch, () => void this.#context.resume(), { signal: this.#gone.signal });
  }

  get track(): MediaStreamTrack {
    return this.#out.stream.getAudioTracks()[0]!;
  }

  take({ timestamp, payload }: MediaFrame): void {
    this.stats.bytes += payload.byteLength;
    if (this.#decoder.state !== "configured" || this.#context.state !== "running") return;
    this.#decoder.decode(new EncodedAudioChunk({ type: "key", timestamp, data: payload }));
  }

  close(): void {
    this.#gone.abort();
    if (this.#decoder.state !== "closed") this.#decoder.close();
    if (this.#context.state !== "closed") void this.#context.close();
  }

  #play(data: AudioData): void {
    this.stats.framesDecoded++;
    const { numberOfFrames: length, numberOfChannels } = data;
    const now = this.#context.currentTime;
    if (this.#ends < now) this.#ends = Math.ceil((now + CUSHION_S) * RATE) / RATE;
    if (this.#ends - now < MOST_QUEUED_S) {
      const buffer = this.#context.createBuffer(numberOfChannels, length, RATE);
      for (let channel = 0; channel < numberOfChannels; channel++) {
        data.copyTo(buffer.getChannelData(channel), { planeIndex: channel, format: "f32-planar" });
      }
      const source = new AudioBufferSourceNode(this.#context, { buffer });
      source.connect(this.#out);
      source.start(this.#ends);
      this.#ends += length / RATE;
    }
    data.close();
  }
}
