import { h } from "./dom";
import type { State } from "./client";
import type { Progress } from "./wire";
import { minutesInWords } from "./words";

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

const TICK_MS = 500;

/** The words over the picture while it does not move. The last picture stays visible beneath them. */
export class Overlay {
  readonly #title = h("p", { class: "overlay-title" });
  readonly #reason = h("p", { class: "overlay-reason" });
  readonly #progressText = h("span", { id: "loading-text" });
  readonly #progressBar = h("progress", { max: 1, "aria-labelledby": "loading-text" });
  readonly #amount = h("span", { class: "loading-amount", "data-testid": "loading-amount", "aria-hidden": "true" }); // the bar says it too
  readonly #loading = h(
    "div",
    { class: "loading", "data-testid": "loading" },
    h("div", { class: "loading-words" }, this.#progressText, this.#amount),
    this.#progressBar,
  );
  readonly #restart: HTMLButtonElement;
  #state: State = "connecting";
  #reasonText = "";
  #progress: Progress | null = null;
  #loadsSince: number | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly element: HTMLElement,
    private readonly hasPicture: () => boolean,
    onRestart: () => void,
  ) {
    this.#restart = h("button", { class: "restart", "data-testid": "restart", click: onRestart }, "Start again");
    element.append(this.#title, this.#reason, this.#loading, this.#restart);
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
    this.element.hidden = state === "live" || (state === "waiting" && this.hasPicture());
    const progress = state === "connecting" || state === "recovering" ? this.#progress : null;
    this.#title.textContent = progress && state === "connecting" ? "The model is loading…" : TITLES[state];
    this.#reason.textContent = this.#reasonText;
    this.#reason.hidden = !this.#reasonText;
    this.#restart.hidden = state !== "ended";
    this.#showLoading(progress);
  }

  #showLoading(progress: Progress | null): void {
    this.#loading.hidden = !progress;
    clearInterval(this.#timer);
    if (!progress) {
      this.#loadsSince = undefined;
      return;
    }
    this.#loadsSince ??= performance.now();
    this.#progressText.textContent = progress.text;
    if (typeof progress.fraction === "number") {
      this.#progressBar.value = progress.fraction;
      this.#amount.textContent = `${Math.floor(progress.fraction * 100)} %`;
    } else {
      this.#progressBar.removeAttribute("value");
      this.#timer = setInterval(() => this.#showElapsed(), TICK_MS);
      this.#showElapsed();
    }
  }

  /** How long it has been loading, as far as this page knows. */
  #showElapsed(): void {
    this.#amount.textContent = minutesInWords(performance.now() - this.#loadsSince!);
  }
}
