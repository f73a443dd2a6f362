/** Playing: hands on keys, mouse, gamepad and screen steer the model by a mapping that is kept for each model. */

import { Refused } from "./client";
import { h } from "./dom";
import { memory } from "./memory";
import { Devices, type Listener } from "./play-devices";
import { hintOf, needsPicture, readMapping, type Binding, type Call, type Input, type Mapping } from "./play-mapping";
import { Player, type Range } from "./play-player";
import { suggest } from "./play-suggest";
import { TouchPad } from "./play-touch";
import { controlsOf, type Control } from "./schema";
import type { JsonObject } from "./wire";

export interface Sender {
  /** Sends one command, given at this time. */
  send(call: Call, atMs: number): Promise<void>;
  isBusy(): boolean;
}

/** What an input that is learnt is for. */
export type Learner = (input: Input) => void;

export class Play implements Listener {
  readonly button = h("button", { "data-testid": "play-button", "aria-pressed": "false", hidden: true }, "Play");
  /** Called when the mapping, or whether it is played, has changed. */
  onChange: () => void = () => undefined;
  /** Called when a hand moved. */
  onMove: () => void = () => undefined;

  readonly #player: Player;
  readonly #devices: Devices;
  readonly #touch: TouchPad;
  readonly #hint = h("p", { class: "play-hint", "data-testid": "play-hint", hidden: true });
  readonly #end = h("button", { class: "play-end", "data-testid": "play-end", hidden: true, "aria-label": "End playing", click: () => this.stop() }, "×");
  readonly #owed = new Map<string, Call>();
  readonly #refusals = new Set<string>();
  #model = "";
  #shown = "";
  #controls: Control[] = [];
  #ranges = new Map<string, Range>();
  #mapping: Mapping = { always: true, bindings: [] };
  #isOn = false;
  #learner: Learner | null = null;

  /**
   * @param screen Where the mouse plays.
   * @param layer Over the picture, under the words that say why it stands still.
   */
  constructor(
    private readonly screen: HTMLElement,
    layer: HTMLElement,
    private readonly sender: Sender,
  ) {
    this.#player = new Player({
      send: (call, atMs, isRelease) => this.#send(call, atMs, isRelease),
      isBusy: () => sender.isBusy(),
      rangeOf: (event, parameter) => this.#ranges.get(`${event} ${parameter}`),
    });
    this.#devices = new Devices(screen, this);
    this.#touch = new TouchPad(this);
    this.button.addEventListener("click", () => this.toggle());
    layer.append(this.#touch.element, this.#hint, this.#end);
    screen.tabIndex = -1;
    screen.addEventListener("click", (event) => {
      const isControl = event.target instanceof Element && event.target.closest("button, a, input, select, label, summary");
      if (!isControl && !event.defaultPrevented && !this.#isOn) this.start((event as PointerEvent).pointerType === "touch");
    });
    document.addEventListener("pointerlockchange", () => {
      if (document.pointerLockElement !== screen && this.#isOn && this.listens("mouse:move")) this.stop();
    });
    addEventListener("keydown", ({ key }) => key === "Escape" && this.stop());
  }

  // ---- the model ----

  /** Takes the schema of a model; the same one again changes nothing. */
  show(model: string, document: JsonObject): void {
    const shown = JSON.stringify([model, document]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#model = model;
    this.#controls = controlsOf(document);
    this.#ranges = rangesOf(this.#controls);
    this.#use(this.#kept() ?? this.suggestion);
  }

  get model(): string {
    return this.#model;
  }

  get controls(): Control[] {
    return this.#controls;
  }

  /** To be called when a connection is open: what was let go in between is said now. */
  connected(): void {
    const owed = [...this.#owed.values()];
    this.#owed.clear();
    for (const call of owed) this.#send(call, performance.now(), true);
  }

  /** To be called when the connection is lost. */
  disconnected(): void {
    this.#devices.letGo();
  }

  /** Whether a key, as in `KeyboardEvent.code`, plays now. */
  isTaken(code: string): boolean {
    return this.listens(`key:${code}`);
  }

  /** Whether the model has refused a mapped command in these words before: hands repeat themselves. */
  isRepeated(event: string, words: string): boolean {
    if (!this.#mapping.bindings.some((binding) => (binding.kind === "action" ? [binding.press, binding.release] : [binding]).some((call) => call?.event === event))) return false;
    const refusal = `${event} ${words}`;
    const isKnown = this.#refusals.has(refusal);
    this.#refusals.add(refusal);
    return isKnown;
  }

  // ---- the mapping ----

  get mapping(): Mapping {
    return this.#mapping;
  }

  get suggestion(): Mapping {
    return { always: true, bindings: suggest(this.#controls) };
  }

  /** Plays by another mapping from here on, and on this model's next visit. */
  change(mapping: Mapping): void {
    this.#use(mapping);
    memory.setItem(this.#place, JSON.stringify(mapping));
  }

  /** Goes back to what the schema suggests. */
  reset(): void {
    this.#use(this.suggestion);
    memory.removeItem(this.#place);
  }

  // ---- on and off ----

  get isOn(): boolean {
    return this.#isOn;
  }

  /** To be called when a person asked for it. */
  toggle(): void {
    if (this.#isOn) this.stop();
    else this.start(matchMedia("(pointer: coarse)").matches);
  }

  start(byTouch: boolean): void {
    if (this.#isOn || !this.#mapping.bindings.length) return;
    this.#isOn = true;
    this.#refusals.clear();
    this.#touch.element.hidden = !byTouch;
    this.screen.focus({ preventScroll: true });
    // Refused right after Escape, and in some frames: then the mouse plays while it is over the picture.
    if (!byTouch && this.listens("mouse:move")) void Promise.resolve(this.screen.requestPointerLock?.()).catch(() => undefined);
    this.#showState();
  }

  stop(): void {
    if (!this.#isOn) return;
    this.#isOn = false;
    this.#touch.element.hidden = true;
    this.#devices.letGo();
    if (document.pointerLockElement === this.screen) document.exitPointerLock();
    this.#showState();
  }

  // ---- what hands do ----

  /** Hands the next input to `learner` instead of playing it; null ends that. */
  learn(learner: Learner | null): void {
    if (learner) {
      this.stop();
      this.#devices.letGo();
    }
    this.#learner = learner;
    this.#devices.wake();
  }

  get isLearning(): boolean {
    return this.#learner !== null;
  }

  get isRestless(): boolean {
    return this.#player.isRestless;
  }

  /** Whether a hand is on the binding. */
  isPlayed(binding: Binding): boolean {
    return this.#player.isPlayed(binding, performance.now());
  }

  listens(input: Input): boolean {
    if (this.#learner) return input !== "key:Escape" && input !== "key:Tab" && input !== "mouse:move";
    return (this.#isOn || (this.#mapping.always && !needsPicture(input))) && this.#player.takes(input);
  }

  set(input: Input, isDown: boolean, atMs: number): void {
    if (this.#learner) return isDown ? this.#learnt(input) : undefined;
    this.#player.set(input, isDown, atMs);
    this.#moved();
  }

  shift(input: Input, x: number, y: number, atMs: number): void {
    if (this.#learner) return this.#learnt(input);
    this.#player.shift(input, x, y, atMs);
    this.#moved();
  }

  tilt(input: Input, x: number, y: number, atMs: number): void {
    if (this.#learner) return Math.hypot(x, y) > 0.6 ? this.#learnt(input) : undefined;
    this.#player.tilt(input, x, y, atMs);
    this.#moved();
  }

  tick(nowMs: number): void {
    this.#player.tick(nowMs);
  }

  releaseAll(atMs: number): void {
    this.#player.releaseAll(atMs);
    this.#moved();
  }

  // ---- inside ----

  get #place(): string {
    return `reactor-play:${this.#model}`;
  }

  #kept(): Mapping | null {
    try {
      const text = memory.getItem(this.#place);
      return text === null ? null : readMapping(text);
    } catch {
      return null; // not ours
    }
  }

  #use(mapping: Mapping): void {
    this.#mapping = mapping;
    this.#player.map(mapping.bindings, performance.now());
    this.#touch.show(mapping.bindings);
    if (!mapping.bindings.length) this.stop();
    this.#showState();
  }

  #learnt(input: Input): void {
    // The click that this press becomes is no wish to play.
    if (input === "mouse:0") addEventListener("click", (event) => event.stopPropagation(), { capture: true, once: true });
    this.#learner?.(input);
  }

  #moved(): void {
    if (this.#player.isRestless) this.#devices.wake();
    this.onMove();
  }

  #showState(): void {
    const { bindings } = this.#mapping;
    const isOn = this.#isOn;
    const byTouch = isOn ? !this.#touch.element.hidden : matchMedia("(pointer: coarse)").matches;
    // Fingers find what they need on the screen.
    const words = byTouch ? ["Tap to play"] : [isOn ? "Esc ends" : "Click to play", hintOf(bindings)];
    this.#hint.textContent = words.filter(Boolean).join(" · ");
    this.#hint.hidden = !bindings.length || (isOn && byTouch);
    this.#end.hidden = !(isOn && byTouch);
    this.button.hidden = !bindings.length;
    this.button.textContent = isOn ? "End" : "Play";
    this.button.setAttribute("aria-pressed", String(isOn));
    this.screen.classList.toggle("playing", isOn);
    this.screen.classList.toggle("playable", bindings.length > 0);
    this.#devices.wake();
    this.onChange();
  }

  #send(call: Call, atMs: number, isRelease: boolean): void {
    this.sender.send(call, atMs).catch((error: unknown) => {
      // Any other refusal is in the log.
      if (!isRelease || !(error instanceof Refused) || error.code !== "not_connected") return;
      const id = JSON.stringify(call);
      this.#owed.delete(id); // the newest is said last
      this.#owed.set(id, call);
    });
  }
}

function rangesOf(controls: Control[]): Map<string, Range> {
  const ranges = new Map<string, Range>();
  for (const { event, parameters } of controls) {
    for (const { name, widget, default: standard } of parameters) {
      if (widget.kind !== "slider" && widget.kind !== "number") continue;
      const { min = -Infinity, max = Infinity } = widget;
      const start = typeof standard === "number" ? standard : Math.min(Math.max(0, min), max);
      ranges.set(`${event} ${name}`, { min, max, integer: widget.integer, start });
    }
  }
  return ranges;
}
