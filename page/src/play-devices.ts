/** Keyboard, mouse and gamepad, as inputs of a mapping. */

import { isTyping } from "./dom";
import type { Input } from "./play-mapping";
import type { Hand } from "./play-player";

/** Where the inputs go. */
export interface Listener extends Hand {
  /** Whether the input does something at present. */
  listens(input: Input): boolean;
  /** Whether `tick` is needed though no hand moves. */
  readonly isRestless: boolean;
  tick(nowMs: number): void;
  /** The hands are gone. */
  releaseAll(atMs: number): void;
}

const MODIFIER = /^(Control|Alt|Meta)/;
const PRESSES = ["Space", "Enter"];
const MOVES_THUMB = /^(Arrow|Page|Home|End|Space|Enter)/;
const PAD_BUTTONS = 17;
const TRIGGERS = [6, 7];
const STICKS = [0, 1];
const LINE_PIXELS = 40; // for wheels that count lines
const PAGE_PIXELS = 800;

export class Devices {
  readonly #keys = new Set<string>();
  #pads = 0;
  #frame = 0;

  /** @param screen Where the mouse plays. */
  constructor(
    screen: HTMLElement,
    private readonly listener: Listener,
  ) {
    addEventListener("keydown", (event) => this.#press(event));
    addEventListener("keyup", (event) => this.#lift(event));
    addEventListener("blur", () => this.letGo());
    document.addEventListener("visibilitychange", () => document.hidden && this.letGo());
    screen.addEventListener("mousedown", (event) => {
      const input = `mouse:${event.button}`;
      if (isControl(event.target) || !listener.listens(input)) return;
      event.preventDefault();
      listener.set(input, true, event.timeStamp);
    });
    addEventListener("mouseup", (event) => listener.set(`mouse:${event.button}`, false, event.timeStamp));
    screen.addEventListener("mousemove", (event) => {
      if (!listener.listens("mouse:move") || (!event.movementX && !event.movementY)) return;
      listener.shift("mouse:move", event.movementX, event.movementY, event.timeStamp);
      this.wake();
    });
    screen.addEventListener("wheel", (event) => this.#turn(event), { passive: false });
    screen.addEventListener("contextmenu", (event) => listener.listens("mouse:2") && event.preventDefault());
    addEventListener("gamepadconnected", () => this.#count());
    addEventListener("gamepaddisconnected", () => this.#count());
  }

  /** To be called when something may need the screen's clock: a stick, a gamepad, what had to wait. */
  wake(): void {
    this.#frame ||= requestAnimationFrame(this.#draw);
  }

  /** Lets go of everything that is held. */
  letGo(): void {
    this.#keys.clear();
    this.listener.releaseAll(performance.now());
  }

  #draw = (): void => {
    this.#frame = 0;
    const plays = this.#pads > 0 && this.#wantsPads();
    if (plays) this.#poll();
    this.listener.tick(performance.now());
    if (plays || this.listener.isRestless) this.wake();
  };

  #press(event: KeyboardEvent): void {
    const { listener } = this;
    if (isBusyWith(event)) return;
    const input = `key:${event.code}`;
    if (!event.code || !listener.listens(input)) return;
    const isShortcut = event.ctrlKey || event.altKey || event.metaKey;
    if (isShortcut && !MODIFIER.test(event.code) && ![...this.#keys].some((code) => MODIFIER.test(code))) return;
    event.preventDefault();
    if (event.repeat) return;
    this.#keys.add(event.code);
    listener.set(input, true, event.timeStamp);
  }

  #lift(event: KeyboardEvent): void {
    if (this.#keys.delete(event.code)) this.listener.set(`key:${event.code}`, false, event.timeStamp);
    // While it is down, macOS tells of no key that is let go.
    if (event.key !== "Meta") return;
    for (const code of this.#keys) this.listener.set(`key:${code}`, false, event.timeStamp);
    this.#keys.clear();
  }

  #turn(event: WheelEvent): void {
    if (!this.listener.listens("wheel")) return;
    event.preventDefault();
    const pixels = [1, LINE_PIXELS, PAGE_PIXELS][event.deltaMode] ?? 1;
    this.listener.shift("wheel", event.deltaX * pixels, event.deltaY * pixels, event.timeStamp);
    this.wake();
  }

  #count(): void {
    this.#pads = gamepads().length;
    this.#poll(); // what a pad held that is gone
    this.wake();
  }

  #wantsPads(): boolean {
    const inputs = [...Array(PAD_BUTTONS).keys()].map((button) => `pad:${button}`);
    for (const stick of STICKS) inputs.push(`stick:${stick}`, ...["up", "down", "left", "right"].map((way) => `stick:${stick}:${way}`));
    for (const trigger of TRIGGERS) inputs.push(`trigger:${trigger}`);
    return inputs.some((input) => this.listener.listens(input));
  }

  /** Reads the first gamepad; one that is not there has everything let go. */
  #poll(): void {
    const [pad] = gamepads();
    const now = performance.now();
    for (let button = 0; button < PAD_BUTTONS; button++) this.listener.set(`pad:${button}`, pad?.buttons[button]?.pressed ?? false, now);
    for (const trigger of TRIGGERS) this.listener.tilt(`trigger:${trigger}`, pad?.buttons[trigger]?.value ?? 0, 0, now);
    for (const stick of STICKS) this.listener.tilt(`stick:${stick}`, pad?.axes[2 * stick] ?? 0, pad?.axes[2 * stick + 1] ?? 0, now);
  }
}

function gamepads(): Gamepad[] {
  return navigator.getGamepads().filter((pad) => pad !== null);
}

function isControl(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("button, a, input, select, textarea, label, summary") !== null;
}

/** Whether the key belongs to what has the focus: all of them to a text, arrows to a slider, Enter to a button. */
function isBusyWith({ target, code }: KeyboardEvent): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (isTyping(target) || target.closest("dialog[open]")) return true;
  if (target.matches("[type=range], [role=tab]")) return MOVES_THUMB.test(code);
  return isControl(target) && PRESSES.includes(code);
}
