import { h } from "./dom";
import type { State } from "./client";
import type { Progress } from "./wire";

/** Each state in words, none where the picture moves. */
export const TITLES: Record<State, string> = {
  connecting: "Connecting…",
  waiting: "Waiting for the first picture…",
  live: "",
  recovering: "The model stopped: restarting…",
  failed: "The model failed.",
  lost: "Connection lost: reconnecting…",
  ended: "The session ended.",
};

/** The words over the picture while it does not move. The last picture stays visible beneath them. */
export class Overlay {
  readonly #title = h("p", { class: "overlay-title" });
  readonly #reason = h("p", { class: "overlay-reason" });
  readonly #progressText = h("span", { id: "loading-text" });
  readonly #progressBar = h("progress", { max: 1, "aria-labelledby": "loading-text" });
  readonly #loading = h("div", { class: "loading", "data-testid": "loading" }, this.#progressText, this.#progressBar);
  readonly #restart: HTMLButtonElement;
  #state: State = "connecting";
  #reasonText = "";
  #progress: Progress | null = null;

  constructor(
    private readonly element: HTMLElement,
    private readonly hasPicture: () => boolean,
    onRestart: () => void,
  ) {
    this.#restart = h("button", { class: "restart", "data-testid": "restart", click: onRestart }, "Start again");
    this.#draw();
  }

  setState(state: State, reason: string): void {
    this.#state = state;
    this.#reasonText = reason;
    this.#draw();
  }

  setProgress(progress: Progress | null): void {
    this.#progress = progress;
    this.#draw();
  }

  #draw(): void {
    const state = this.#state;
    // After a reconnection the old picture is only a moment from moving again.
    const quiet = state === "live" || (state === "waiting" && this.hasPicture());
    const progress = state === "connecting" || state === "recovering" ? this.#progress : null;
    const loads = progress !== null && state === "connecting";
    this.#title.textContent = loads ? "The model is loading…" : TITLES[state];
    this.#reason.textContent = this.#reasonText;
    this.#progressText.textContent = progress?.text ?? "";
    if (typeof progress?.fraction === "number") this.#progressBar.value = progress.fraction;
    else this.#progressBar.removeAttribute("value");
    this.element.hidden = quiet;
    this.element.replaceChildren();
    if (quiet) return;
    this.element.append(this.#title);
    if (this.#reasonText) this.element.append(this.#reason);
    if (progress) this.element.append(this.#loading);
    if (state === "ended") this.element.append(this.#restart);
  }
}
