import { part } from "./dom";
import type { State } from "./client";
import type { Progress } from "./wire";

const TITLES: Record<State, string> = {
  connecting: "Connecting…",
  waiting: "Waiting for the first picture…",
  live: "",
  recovering: "The model stopped: restarting…",
  lost: "Connection lost: reconnecting…",
  ended: "The session ended.",
};

/** The words over the picture while it does not move. The last picture stays visible beneath them. */
export class Overlay {
  readonly #box = part("overlay");
  readonly #bar = part<HTMLProgressElement>("loading-bar");
  #state: State = "connecting";
  #reason = "";
  #progress: Progress | null = null;

  constructor(
    private readonly hasPicture: () => boolean,
    onRestart: () => void,
  ) {
    part("restart").addEventListener("click", onRestart);
  }

  setState(state: State, reason: string): void {
    this.#state = state;
    this.#reason = reason;
    this.draw();
  }

  setProgress(progress: Progress | null): void {
    this.#progress = progress;
    this.draw();
  }

  draw(): void {
    // After a reconnection the old picture is only a moment from moving again.
    this.#box.hidden = this.#state === "live" || (this.#state === "waiting" && this.hasPicture());
    this.#box.dataset["state"] = this.#state;
    const progress = this.#state === "connecting" || this.#state === "recovering" ? this.#progress : null;
    const loads = progress !== null && this.#state === "connecting";
    part("overlay-title").textContent = loads ? "The model is loading…" : TITLES[this.#state];
    part("overlay-reason").textContent = this.#reason;
    part("loading").hidden = progress === null;
    part("loading-text").textContent = progress?.text ?? "";
    if (typeof progress?.fraction === "number") this.#bar.value = progress.fraction;
    else this.#bar.removeAttribute("value");
    part("restart").hidden = this.#state !== "ended";
  }
}
