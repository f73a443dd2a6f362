/** How the stage is looked at: fitted, filling or pixel by pixel; on the whole screen; in a window of its own. */

import { h } from "./dom";
import { iconButton, setIcon } from "./icons";
import type { Shortcut } from "./shortcuts";
import type { Stage } from "./stage";

const MODES = {
  fit: { words: "Fit", title: "The whole picture, as large as it fits" },
  fill: { words: "Fill", title: "All of the place, the picture's edges cut off" },
  pixels: { words: "1:1", title: "Every pixel of the picture one of the screen (x)" },
} as const;
type Mode = keyof typeof MODES;

export class Viewing {
  readonly shortcuts: Shortcut[] = [
    { key: "f", words: "Full screen", act: () => this.#toggleFullScreen() },
    { key: "p", words: "Picture in picture", act: () => this.#toggleWindow() },
    { key: "g", words: "One large picture, or all alike", act: () => this.stage.toggleFocus() },
    { key: "x", words: "Every pixel one of the screen", act: () => this.#show(this.#mode === "pixels" ? "fit" : "pixels") },
  ];
  readonly #modes = new Map<Mode, HTMLButtonElement>();
  readonly #focus = iconButton("focus", "One large picture", {
    "data-testid": "focus",
    "aria-keyshortcuts": "g",
    click: () => this.stage.toggleFocus(),
  });
  readonly #window = iconButton("pip", "Picture in picture", {
    "data-testid": "pip",
    "aria-keyshortcuts": "p",
    "aria-pressed": "false",
    click: () => this.#toggleWindow(),
  });
  readonly #full = iconButton("fullscreen", "Full screen", {
    "data-testid": "fullscreen",
    "aria-keyshortcuts": "f",
    "aria-pressed": "false",
    click: () => this.#toggleFullScreen(),
  });
  // Shows in the small window what the stage shows, so that the stage goes on and the window follows it.
  readonly #video = h("video", { playsinline: true, leavepictureinpicture: () => this.#closeWindow() });
  #windowSource: unknown;
  #mode: Mode = "fit";

  /**
   * @param screen What fills the whole screen.
   * @param refuse Says what the browser did not allow.
   */
  constructor(
    private readonly screen: HTMLElement,
    tools: HTMLElement,
    private readonly stage: Stage,
    private readonly refuse: (what: string, why: string) => void,
  ) {
    const modes = h("div", { class: "modes", role: "group", "aria-label": "Size of the picture" });
    for (const mode of Object.keys(MODES) as Mode[]) {
      const { words, title } = MODES[mode];
      const button = h("button", { type: "button", title, "data-testid": `view-${mode}`, click: () => this.#show(mode) }, words);
      this.#modes.set(mode, button);
      modes.append(button);
    }
    tools.append(modes, this.#focus, this.#window, this.#full);
    this.#video.muted = true;
    this.#window.hidden = !document.pictureInPictureEnabled;
    this.#full.hidden = !document.fullscreenEnabled;
    document.addEventListener("fullscreenchange", () => {
      this.#full.setAttribute("aria-pressed", String(document.fullscreenElement !== null));
    });
    addEventListener("resize", () => this.#measureScreen());
    stage.onChange(() => this.#follow());
    this.#measureScreen();
    this.#show("fit");
  }

  #show(mode: Mode): void {
    this.#mode = mode;
    this.screen.dataset["view"] = mode;
    for (const [name, button] of this.#modes) button.setAttribute("aria-pressed", String(name === mode));
    this.#follow();
  }

  /** The page's zoom, and the screen it is on, tell how large a pixel is. */
  #measureScreen(): void {
    this.screen.style.setProperty("--device-pixel", `${1 / devicePixelRatio}px`);
  }

  #toggleFullScreen(): void {
    const change = document.fullscreenElement ? document.exitFullscreen() : this.screen.requestFullscreen();
    change.catch((error: Error) => this.refuse("full screen", error.message));
  }

  #toggleWindow(): void {
    if (this.#window.hidden) return;
    if (document.pictureInPictureElement) return void document.exitPictureInPicture();
    this.#openWindow().catch((error: Error) => {
      this.#closeWindow();
      this.refuse("picture in picture", error.message);
    });
  }

  async #openWindow(): Promise<void> {
    if (!this.#feed()) throw new Error("There is no picture yet.");
    await this.#video.play();
    await this.#video.requestPictureInPicture();
    this.#window.setAttribute("aria-pressed", "true");
  }

  #closeWindow(): void {
    this.#window.setAttribute("aria-pressed", "false");
    this.#windowSource = undefined;
    this.#setWindow(null);
  }

  /** Shows the first picture that is looked at in the small window; false when there is none. */
  #feed(): boolean {
    const [tile] = this.stage.watched;
    const track = tile?.capture();
    if (!track) return false;
    this.#windowSource = tile?.source;
    this.#setWindow(new MediaStream([track]));
    return true;
  }

  #setWindow(stream: MediaStream | null): void {
    const former = this.#video.srcObject;
    this.#video.srcObject = stream;
    if (former instanceof MediaStream) for (const track of former.getTracks()) track.stop();
  }

  #follow(): void {
    const { hasFocus, tiles, watched } = this.stage;
    // What is larger than its place is scrolled, by keyboard too.
    for (const { picture } of tiles.values()) picture.tabIndex = this.#mode === "pixels" ? 0 : -1;
    this.#focus.hidden = tiles.size < 2;
    this.#focus.setAttribute("aria-pressed", String(hasFocus));
    setIcon(this.#focus, hasFocus ? "grid" : "focus", hasFocus ? "All pictures alike" : "One large picture");
    if (document.pictureInPictureElement !== this.#video || watched[0]?.source === this.#windowSource) return;
    if (this.#feed()) void this.#video.play();
  }
}
