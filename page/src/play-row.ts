/** One binding in the list: what plays it, what it does, whether it is held, and its editor. */

import { h } from "./dom";
import { iconButton } from "./icons";
import { callFields, chooser, firstCall, line, numberBox } from "./play-fields";
import { DEAD_ZONE, deedOf, isAnalogue, MOST_RATE, nameOf, type Action, type Axis, type Binding, type Input, type Motion } from "./play-mapping";
import type { Control } from "./schema";

const WAYS: [string, Motion["gives"]][] = [
  ["how far it moved", "change"],
  ["all of it, added up", "sum"],
  ["where the stick stands", "position"],
];

export interface RowEvents {
  onChange(): void;
  onRemove(row: Row): void;
  /** Another input is wanted for this binding. */
  onLearn(row: Row): void;
}

export class Row {
  readonly element: HTMLElement;
  readonly #lamp = h("span", { class: "lamp", "data-testid": "play-lamp" });
  readonly #keys = h("span", { class: "caps" });
  readonly #deed: HTMLButtonElement;
  readonly #editor = h("div", { class: "play-editor", hidden: true });

  constructor(
    public binding: Binding,
    private readonly controls: Control[],
    private readonly events: RowEvents,
  ) {
    this.#deed = h("button", { type: "button", class: "deed", "aria-expanded": "false", "data-testid": "play-deed", click: () => this.open(this.#editor.hidden === true) });
    const remove = iconButton("close", "Remove", { class: "quiet", "data-testid": "play-remove", click: () => events.onRemove(this) });
    this.element = h("li", { class: "play-row", "data-testid": "play-row" }, h("div", { class: "play-summary" }, this.#lamp, this.#keys, this.#deed, remove), this.#editor);
    this.#draw();
  }

  open(isOpen: boolean): void {
    this.#editor.hidden = !isOpen;
    this.#deed.setAttribute("aria-expanded", String(isOpen));
    this.#draw();
  }

  light(isHeld: boolean): void {
    this.#lamp.classList.toggle("held", isHeld);
  }

  addInput(input: Input): void {
    const { kind, inputs } = this.binding;
    // An action wants a stick's direction; what moves by degrees has no use for a key.
    const fitting = kind === "action" && isStick(input) ? `${input}:up` : input;
    if (isAnalogue(fitting) === (kind === "motion") && !inputs.includes(fitting)) this.#set({ inputs: [...inputs, fitting] });
  }

  /** Changes the binding; its editor is only built anew where it looks otherwise, since who goes on to the next field has a hand on it. */
  #set(change: Partial<Action> | Partial<Motion>, looksOtherwise = true): void {
    this.binding = { ...this.binding, ...change } as Binding;
    this.events.onChange();
    if (looksOtherwise) this.#draw();
    else this.#summarise();
  }

  #summarise(): void {
    const { binding } = this;
    const isKnown = this.controls.some(({ event }) => event === (binding.kind === "action" ? binding.press.event : binding.event));
    const near = binding.inputs.filter((input) => /^(key|mouse|wheel)/.test(input));
    const shown = near.length ? near : binding.inputs.slice(0, 1);
    const others = binding.inputs.filter((input) => !shown.includes(input)).map(nameOf);
    const more = others.length > 0 && h("span", { class: "others", title: others.join(", ") }, `+${others.length}`);
    this.#keys.replaceChildren(...shown.map((input) => h("kbd", {}, nameOf(input))), ...(more ? [more] : []));
    this.#deed.textContent = deedOf(binding);
    this.#deed.classList.toggle("unknown", !isKnown);
    this.#deed.title = isKnown ? "" : "The model has no such command";
  }

  #draw(): void {
    const { binding } = this;
    this.#summarise();
    if (this.#editor.hidden) return;
    const focused = (document.activeElement as HTMLElement | null)?.dataset["testid"];
    this.#editor.replaceChildren(this.#inputs(), ...(binding.kind === "action" ? this.#action(binding) : this.#motion(binding)));
    if (focused) this.#editor.querySelector<HTMLElement>(`[data-testid="${focused}"]`)?.focus();
  }

  #inputs(): HTMLElement {
    const { binding } = this;
    const caps = binding.inputs.map((input) => {
      const remove = () => this.#set({ inputs: binding.inputs.filter((each) => each !== input) });
      return h("button", { type: "button", class: "cap", "aria-label": `Take ${nameOf(input)} away`, click: remove }, nameOf(input), h("i", { "aria-hidden": "true" }, "×"));
    });
    const more = h("button", { type: "button", class: "cap more", "data-testid": "play-more", click: () => this.events.onLearn(this) }, "+ another");
    return line("By", h("span", { class: "caps" }, ...caps, more));
  }

  #action(action: Action): HTMLElement[] {
    const { press, release, joined } = action;
    const box = h("input", { type: "checkbox", "data-testid": "play-joined" });
    box.checked = joined;
    box.addEventListener("change", () => this.#set({ joined: box.checked }, false));
    const together = h("label", { class: "play-together" }, box, "In one command with all of it that is held");
    return [
      callFields("Press", "play-press", this.controls, press, false, (call, isOther) => call && this.#set({ press: call }, isOther)),
      callFields("Let go", "play-release", this.controls, release, true, (call, isOther) => this.#set({ release: call }, isOther)),
      ...(Object.keys(press.args).length ? [together] : []),
    ];
  }

  #motion(motion: Motion): HTMLElement[] {
    const able = this.controls.filter((control) => numbersOf(control).length);
    const choices = able.map(({ event }): [string, string] => [event, event]);
    const choose = (event: string) => this.#set(motionOf(motion.inputs, able.find((control) => control.event === event)!));
    const names = numbersOf(this.controls.find(({ event }) => event === motion.event));
    return [
      line("Sends", chooser("Command", "play-press", choices, motion.event, choose)),
      line("Gives", chooser("Gives", "play-gives", WAYS, motion.gives, (gives) => this.#set({ gives }, false))),
      ...(["x", "y"] as const).map((from) => this.#axis(motion, from, names)),
      line(
        "Dead zone",
        numberBox("Dead zone", "play-dead-zone", motion.deadZone, (deadZone) => this.#set({ deadZone }, false), { min: 0, max: 0.9 }),
        h("span", { class: "play-label" }, "most a second"),
        numberBox("Most a second", "play-rate", motion.rate, (rate) => this.#set({ rate }, false), { min: 1, max: MOST_RATE }),
      ),
    ];
  }

  /** What one of the two directions of a movement is for. */
  #axis(motion: Motion, from: "x" | "y", names: string[]): HTMLElement {
    const label = from === "x" ? "Sideways" : "Up, down";
    const axis = motion.axes.find((each) => each.from === from);
    const put = (next: Axis | null, looksOtherwise = true) => {
      const others = (this.binding as Motion).axes.filter((each) => each.from !== from);
      this.#set({ axes: next ? [...others, next].sort((a, b) => a.from.localeCompare(b.from)) : others }, looksOtherwise);
    };
    const choices: [string, string | null][] = [["nothing", null], ...names.map((name): [string, string] => [name, name])];
    const choose = (parameter: string | null) => put(parameter === null ? null : { parameter, from, scale: axis?.scale ?? 1 });
    const scaleOf = () => (this.binding as Motion).axes.find((each) => each.from === from)!.scale;
    const turn = axis && h("button", { type: "button", class: "play-turn", "aria-pressed": String(axis.scale < 0), "data-testid": `play-invert-${from}`, click: () => put({ ...axis, scale: -scaleOf() }) }, "±");
    if (turn) turn.setAttribute("aria-label", "Turn round");
    return line(
      label,
      chooser(label, `play-axis-${from}`, choices, axis?.parameter ?? null, choose),
      axis ? numberBox(`${label}: scale`, `play-scale-${from}`, axis.scale, (scale) => put({ ...axis, scale }, false)) : false,
      turn ?? false,
    );
  }
}

function numbersOf(control: Control | undefined): string[] {
  return (control?.parameters ?? []).filter(({ widget }) => widget.kind === "slider" || widget.kind === "number").map(({ name }) => name);
}

function motionOf(inputs: Input[], control: Control): Motion {
  const [x, y] = numbersOf(control);
  const axes: Axis[] = [{ parameter: x!, from: "x", scale: 1 }];
  if (y) axes.push({ parameter: y, from: "y", scale: 1 });
  const gives = inputs.some((input) => /stick|trigger/.test(input)) ? "position" : "change";
  return { kind: "motion", inputs, event: control.event, args: {}, axes, gives, deadZone: DEAD_ZONE, rate: MOST_RATE };
}

/** A binding for an input that has none: something that it could do. */
export function bindingFor(input: Input, controls: Control[]): Binding {
  const able = controls.find((control) => numbersOf(control).length);
  if (isAnalogue(input) && able) return motionOf([input], able);
  const { event } = controls.find(({ parameters }) => !parameters.length) ?? controls[0]!;
  return { kind: "action", inputs: [isStick(input) ? `${input}:up` : input], press: firstCall(controls, event), release: null, joined: false };
}

function isStick(input: Input): boolean {
  return isAnalogue(input) && input.includes("stick");
}
