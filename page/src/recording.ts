/** One picture, or the sound alone, being recorded. What is recorded so far is a file at any moment. */

const TYPES = ["video/webm;codecs=vp8,opus", "video/webm", "video/mp4"];
const SOUND_TYPES = ["audio/webm;codecs=opus", "audio/webm", "audio/mp4"];
const PART_MS = 250; // what a page that is closed at once may miss
const BITS_PER_PIXEL = 5; // and second
const LEAST_BPS = 2_500_000;

export class Recording {
  readonly #recorder: MediaRecorder;
  readonly #parts: Blob[] = [];

  /**
   * @param tracks Theirs is the caller's to stop, once `onEnd` was called.
   * @param onEnd It was stopped, or a track ended.
   * @throws {Error} This browser does not record them.
   */
  constructor(tracks: MediaStreamTrack[], pixels: number, onEnd: () => void) {
    const types = tracks.some(({ kind }) => kind === "video") ? TYPES : SOUND_TYPES;
    const mimeType = types.find((type) => MediaRecorder.isTypeSupported(type));
    const videoBitsPerSecond = Math.max(LEAST_BPS, pixels * BITS_PER_PIXEL);
    this.#recorder = new MediaRecorder(new MediaStream(tracks), { videoBitsPerSecond, ...(mimeType && { mimeType }) });
    this.#recorder.addEventListener("dataavailable", ({ data }) => data.size && this.#parts.push(data));
    this.#recorder.addEventListener("stop", onEnd);
    this.#recorder.start(PART_MS);
  }

  /** Whether a file of it has anything in it. */
  get hasBegun(): boolean {
    return this.#parts.length > 0;
  }

  get file(): Blob {
    return new Blob(this.#parts, { type: this.#recorder.mimeType });
  }

  get extension(): string {
    return this.#recorder.mimeType.includes("mp4") ? "mp4" : "webm";
  }

  stop(): void {
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
  }
}

/** Several tracks of sound as one, since a recording takes no more. */
export class Mix {
  readonly #context = new AudioContext();
  readonly #out = this.#context.createMediaStreamDestination();

  constructor(tracks: MediaStreamTrack[]) {
    for (const track of tracks) this.#context.createMediaStreamSource(new MediaStream([track])).connect(this.#out);
    void this.#context.resume();
  }

  get track(): MediaStreamTrack {
    return this.#out.stream.getAudioTracks()[0]!;
  }

  close(): void {
    void this.#context.close();
  }
}
