/** Fingers on the picture: a stick and buttons over its lower edge, and the rest of it to drag. */

import { h } from "./dom";
import { humanise } from "./names";
import { eventOf, wordsOf, type Binding, type Input } from "./play-mapping";
import type { Hand } from "./play-player";

const STICK_RADIUS_PX = 44;
const STICK = "touch:stick";
const DRAG = "touch:drag";

export class TouchPad {
  readonly element = h("div", { class: "touch", "data-testid": "play-touch", hidden: true });
  readonly #fingers = new Map<number, { move(event: PointerEvent): void; end(atMs: number): void }>();

  constructor(private readonly hand: Hand) {
    const { element } = this;
    element.addEventListener("pointerdown", (event) => this.#touch(event));
    element.addEventListener("pointermove", (event) => this.#fingers.get(event.pointerId)?.move(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"] as const) element.addEventListener(end, (event) => this.#lift(event));
    // Neither scrolled nor taken for a mouse.
    element.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    element.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  /** Lays out what the bindings have for fingers. */
  show(bindings: Binding[]): void {
    const inputs = new Set(bindings.flatMap((binding) => binding.inputs));
    const hasStick = [...inputs].some((input) => input.startsWith(STICK));
    const buttons = bindings.flatMap((binding) =>
      binding.inputs.filter((input) => /^touch:\d+$/.test(input)).map((input) => h("span", { class: "touch-button", "data-input": input, "data-testid": input.replace(":", "-") }, labelOf(binding))),
    );
    this.element.replaceChildren(
      ...(hasStick ? [h("span", { class: "touch-stick", "data-input": STICK, "data-testid": "touch-stick" }, h("i"))] : []),
      h("span", { class: "touch-buttons" }, ...buttons),
    );
  }

  #touch(event: PointerEvent): void {
    if (event.pointerType === "mouse") return;
    const { pointerId, target } = event;
    const part = (target as Element).closest<HTMLElement>("[data-input]");
    const input = part?.dataset["input"] ?? DRAG;
    this.element.setPointerCapture(pointerId);
    if (part && input === STICK) this.#fingers.set(pointerId, this.#stick(part));
    else if (part) this.#fingers.set(pointerId, this.#button(part, input, event.timeStamp));
    else this.#fingers.set(pointerId, this.#drag(event));
    this.#fingers.get(pointerId)!.move(event);
  }

  #lift({ pointerId, timeStamp }: PointerEvent): void {
    this.#fingers.get(pointerId)?.end(timeStamp);
    this.#fingers.delete(pointerId);
  }

  #stick(part: HTMLElement) {
    const { left, top, width, height } = part.getBoundingClientRect();
    const put = (x: number, y: number, atMs: number) => {
      const length = Math.max(Math.hypot(x, y), 1);
      part.style.setProperty("--x", String(x / length));
      part.style.setProperty("--y", String(y / length));
      this.hand.tilt(STICK, x / length, y / length, atMs);
    };
    return {
      move: ({ clientX, clientY, timeStamp }: PointerEvent) =>
        put((clientX - left - width / 2) / STICK_RADIUS_PX, (clientY - top - height / 2) / STICK_RADIUS_PX, timeStamp),
      end: (atMs: number) => put(0, 0, atMs),
    };
  }

  #button(part: HTMLElement, input: Input, atMs: number) {
    const set = (isDown: boolean, when: number) => {
      part.classList.toggle("held", isDown);
      this.hand.set(input, isDown, when);
    };
    set(true, atMs);
    return { move: () => undefined, end: (when: number) => set(false, when) };
  }

  #drag(first: PointerEvent) {
    let { clientX: x, clientY: y } = first;
    const move = ({ clientX, clientY, timeStamp }: PointerEvent) => {
      if (clientX !== x || clientY !== y) this.hand.shift(DRAG, clientX - x, clientY - y, timeStamp);
      [x, y] = [clientX, clientY];
    };
    return { move, end: () => undefined };
  }
}

/** As short as a thumb's button has to be: the value where there is one, such as `left`. */
function labelOf(binding: Binding): string {
  if (binding.kind === "motion") return humanise(binding.event);
  const [name, value] = Object.entries(binding.press.args).at(0) ?? [];
  if (typeof value === "string") return humanise(value);
  if (Array.isArray(value) && typeof value[0] === "string") return humanise(value[0]);
  const says = value === true && !/^(pressed|down|held|active|on|value)$/.test(name ?? "") ? name! : eventOf(binding);
  return humanise(typeof value === "number" ? wordsOf(binding.press) : says.replace(/^set_/, ""));
}
