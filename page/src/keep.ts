/** What a person takes along: the picture as it is, a recording of it with its sound, and what was said. */

import { h } from "./dom";
import { download, fileName } from "./files";
import { iconButton, setIcon, type Icon } from "./icons";
import { Mix, Recording } from "./recording";
import type { Shortcut } from "./shortcuts";
import type { Speakers } from "./speakers";
import type { Stage } from "./stage";
import { minutesInWords, sizeInWords } from "./words";

const TOLD_MS = 1_500;
const TICK_MS = 500;
const SAVE_LOG = "Save the session's log";
const NO_PICTURE = "There is no picture yet.";

export interface KeepSources {
  model(): string;
  /** What the session's log file says. */
  sessionLog(): unknown;
  /** Tells what was kept, or why it was not. */
  tell(what: string, how: string, tone: "note" | "warning"): void;
}

/** The recordings that began with one press. */
interface Take {
  running: { name: string; recording: Recording; picture: MediaStreamTrack | undefined }[];
  mix: Mix | undefined;
  /** When the browser first had something; undefined before. */
  beganAt: number | undefined;
  timer: ReturnType<typeof setInterval>;
}

export class Keep {
  readonly shortcuts: Shortcut[] = [
    { key: "s", words: "Screenshot", act: () => void this.#shoot() },
    { key: "r", words: "Record, and stop recording", act: () => this.#toggle() },
  ];
  readonly #shot = iconButton("screenshot", "Screenshot", {
    "data-testid": "screenshot",
    "aria-keyshortcuts": "s",
    click: () => void this.#shoot(),
  });
  readonly #record = iconButton("record", "Record", { "data-testid": "record", "aria-keyshortcuts": "r", click: () => this.#toggle() });
  readonly #log = iconButton("log", SAVE_LOG, { "data-testid": "save-log", click: () => this.#saveLog() });
  readonly #elapsed = h("span", { class: "elapsed" });
  #take: Take | undefined;

  constructor(
    tools: HTMLElement,
    private readonly stage: Stage,
    private readonly speakers: Speakers,
    private readonly sources: KeepSources,
  ) {
    tools.append(this.#shot, this.#record, this.#log);
    this.#draw();
    addEventListener("beforeunload", (event) => {
      if (!this.#take) return;
      // There is no time to end it: what is recorded so far is kept at once, and the browser asks whether to leave.
      event.preventDefault();
      for (const { name, recording } of this.#take.running) {
        if (recording.hasBegun) this.#keep(recording.file, name, recording.extension);
      }
    });
  }

  /** Ends a recording and keeps it. */
  endRecording(why: string): void {
    if (!this.#take) return;
    this.sources.tell("recording ended", why, "warning");
    this.#stop();
  }

  async #shoot(): Promise<void> {
    const pictures = this.stage.watched.filter(({ hasPicture }) => hasPicture).map(({ name, seen, size }) => {
      const canvas = h("canvas", size);
      canvas.getContext("2d")!.drawImage(seen, 0, 0);
      return { name, canvas };
    });
    if (!pictures.length) return this.#refuse(this.#shot, "screenshot", NO_PICTURE);
    for (const { name, canvas } of pictures) {
      const file = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve));
      if (!file) return this.#refuse(this.#shot, "screenshot", "The browser makes no file of a picture this large.");
      this.#keep(file, name, "png");
    }
    this.#flash(this.#shot, "check", "Kept");
  }

  #saveLog(): void {
    const file = new Blob([JSON.stringify(this.sources.sessionLog(), null, 2)], { type: "application/json" });
    this.#keep(file, "log", "json");
    this.#flash(this.#log, "check", "Kept");
  }

  #toggle(): void {
    if (this.#take) return this.#stop();
    try {
      this.#begin();
    } catch (error) {
      this.#refuse(this.#record, "recording", (error as Error).message);
    }
  }

  #begin(): void {
    if (!("MediaRecorder" in globalThis)) throw new Error("This browser records nothing.");
    const pictures = this.stage.watched.flatMap((tile) => {
      const picture = tile.capture();
      return picture ? [{ name: tile.name, picture, pixels: tile.size.width * tile.size.height }] : [];
    });
    const sound = this.speakers.tracks;
    if (!pictures.length && (this.stage.tiles.size || !sound.length)) throw new Error(NO_PICTURE);
    const mix = sound.length ? new Mix(sound) : undefined;
    const heard = mix ? [mix.track] : [];
    const take: Take = { running: [], mix, beganAt: undefined, timer: setInterval(() => this.#tick(), TICK_MS) };
    this.#take = take;
    const all = pictures.length ? pictures : [{ name: "sound", picture: undefined, pixels: 0 }];
    try {
      for (const { name, picture, pixels } of all) {
        const recording = new Recording([...(picture ? [picture] : []), ...heard], pixels, () => this.#ended(take, recording));
        take.running.push({ name, recording, picture });
      }
    } catch (error) {
      take.running = [];
      for (const { picture } of pictures) picture.stop();
      this.#finish(take);
      throw error;
    }
    this.#draw();
  }

  #stop(): void {
    for (const { recording } of this.#take?.running ?? []) recording.stop();
  }

  #ended(take: Take, ended: Recording): void {
    const found = take.running.find(({ recording }) => recording === ended);
    if (!found) return;
    take.running = take.running.filter((running) => running !== found);
    found.picture?.stop();
    if (ended.hasBegun) this.#keep(ended.file, found.name, ended.extension);
    if (take.running.length) return;
    this.#finish(take);
    if (ended.hasBegun) this.#flash(this.#record, "check", "Kept");
    else this.#refuse(this.#record, "recording", "It ended before the browser had encoded a picture.");
  }

  #finish(take: Take): void {
    clearInterval(take.timer);
    take.mix?.close();
    this.#take = undefined;
    this.#draw();
  }

  #draw(): void {
    const isOn = this.#take !== undefined;
    setIcon(this.#shot, "screenshot", "Screenshot");
    setIcon(this.#log, "log", SAVE_LOG);
    setIcon(this.#record, "record", isOn ? "Stop recording" : "Record");
    this.#record.setAttribute("aria-pressed", String(isOn));
    this.#record.classList.toggle("recording", isOn);
    if (!isOn) return;
    this.#record.append(this.#elapsed);
    this.#tick();
  }

  #tick(): void {
    const take = this.#take;
    if (!take) return;
    if (take.running.every(({ recording }) => recording.hasBegun)) take.beganAt ??= performance.now();
    this.#elapsed.textContent = minutesInWords(take.beganAt === undefined ? 0 : performance.now() - take.beganAt);
  }

  #keep(file: Blob, what: string, extension: string): void {
    const name = fileName([this.sources.model(), what], new Date(), extension);
    download(file, name);
    this.sources.tell("kept", `${name}, ${sizeInWords(file.size)}`, "note");
  }

  #refuse(button: HTMLButtonElement, what: string, why: string): void {
    this.sources.tell(`no ${what}`, why, "warning");
    this.#flash(button, "close", why);
  }

  /** Shows on the button how it went, for a moment. */
  #flash(button: HTMLButtonElement, icon: Icon, label: string): void {
    setIcon(button, icon, label);
    setTimeout(() => this.#draw(), TOLD_MS);
  }
}
