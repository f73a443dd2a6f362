/** A mapping made from the schema, so that a model can be played before anybody has mapped anything. Pure. */

import type { Parameter } from "./parameters";
import { DEAD_ZONE, MOST_RATE, type Action, type Axis, type Binding, type Call, type Input, type Motion } from "./play-mapping";
import { inputsOf, isRest, meaningOf, MOVES, plain } from "./play-words";
import type { Control } from "./schema";
import type { Json, JsonObject } from "./wire";

/** Words for keys that models know by name, where the schema does not list any. */
const COMMON_KEYS = ["w", "a", "s", "d", "q", "e", "space", "shift"];
const KEYBOARD = /key|button|control|input|pressed|held/;
const MOVEMENT = /move|walk|drive|steer|stick|velocity|control|input|swim|fly|thrust|pilot|motion|act/;
const LOOKING = /look|mouse|camera|turn|rotate|pan|view|aim|orbit|head|yaw|pitch/;
const SIDE = /^(x|vx|dx|right|side|sideways|strafe|lateral|horizontal|steer|steering|turn|yaw_rate)$/;
const AHEAD = /^(y|z|vy|vz|dy|dz|forward|ahead|vertical|throttle|gas|accelerate|acceleration|thrust|speed)$/;
const PEDAL = /^(throttle|gas|accelerate|acceleration|thrust)$/;
const BRAKE = /^(brake|braking)$/;
const TURN = /^(yaw|heading|azimuth|angle|degrees|amount|dx|delta_x|x|mouse_x|mouse_dx|delta_yaw|yaw_delta|dyaw|horizontal)$/;
const TILT = /^(pitch|elevation|tilt|dy|delta_y|y|mouse_y|mouse_dy|delta_pitch|pitch_delta|dpitch|vertical)$/;
const ANGLE = /yaw|pitch|heading|azimuth|elevation|angle|degrees|amount|tilt/;
const PIXELS = /^(d|delta_|mouse_)/;
const RADIANS_PER_PIXEL = 0.0026;
const DEGREES_PER_PIXEL = 0.15;
const WHEEL_NOTCH_PIXELS = 100;
const HARMFUL = /reset|restart|stop|clear|begin|end|quit|exit|delete|forget|flush|close|kill|undo|save|load|upload/;

/** What tells that an event begins something, and what its end is called instead: `key_down` and `key_up`. */
const PAIRS: [RegExp, string][] = [
  [/(?<=(key|button|mouse|pad)_?)down$/, "up"],
  [/(?<=^|_)press(ed)?$/, "release"],
  [/^press_/, "release_"],
  [/^start_/, "stop_"],
  [/^begin_/, "end_"],
  [/^hold_/, "release_"],
];

/** Bindings for what the schema's names and types say about hands; empty for a model that is not played. */
export function suggest(controls: Control[]): Binding[] {
  const events = new Map(controls.map((control) => [control.event, control]));
  const ends = new Set(controls.map((control) => endOf(control, events)?.event));
  const begun = controls.filter(({ event }) => !ends.has(event));
  const found = begun.flatMap((control) => bindingsOf(control, events));
  if (found.length) found.push(...leftOvers(begun, found));
  return withoutTwice(found);
}

function bindingsOf(control: Control, events: Map<string, Control>): Binding[] {
  const { parameters } = control;
  if (!parameters.length) return act(control, events);
  // What needs a value that no hand gives cannot be played.
  if (parameters.some((parameter) => parameter.required && !isPlayable(parameter))) return [];
  const held = [...keyed(control, events), ...listed(control), ...switched(control)];
  const moved = [...looked(control), ...steered(control), ...scrolled(control)];
  const isWhole = held.every((binding) => covers(binding, parameters)) || moved.length > 0;
  return isWhole ? [...held, ...moved] : [];
}

function isPlayable({ widget }: Parameter): boolean {
  return ["switch", "choice", "slider", "number", "list", "text"].includes(widget.kind);
}

/** Whether a binding gives every argument that its event needs. */
function covers(binding: Binding, parameters: Parameter[]): boolean {
  const given = binding.kind === "action" ? { ...binding.release?.args, ...binding.press.args } : binding.args;
  return parameters.every(({ name, required }) => !required || name in given);
}

/** `jump()`, `move_forward()`, `start_left()` with its `stop_left()`. */
function act(control: Control, events: Map<string, Control>): Action[] {
  const { event } = control;
  const end = endOf(control, events);
  const word = plain(event).replace(/^(start|begin|press|hold)_/, "");
  const meaning = meaningOf(word);
  const inputs = inputsOf([word], false).get(word);
  if (!inputs || !meaning) return [];
  const halt = MOVES.has(meaning) ? [...events.values()].find(({ event: name, parameters }) => isHalt(name) && !parameters.length) : undefined;
  const release = end ?? halt;
  return [action(inputs, { event, args: {} }, release && { event: release.event, args: {} })];
}

function isHalt(event: string): boolean {
  return /^(stop|halt|idle|stand)(_(moving|walking|movement))?$/.test(plain(event));
}

/** `move(direction)`, `key(name, pressed)`, `key_down(key)` with its `key_up(key)`. */
function keyed(control: Control, events: Map<string, Control>): Action[] {
  const { event, parameters } = control;
  const end = endOf(control, events);
  const isKeys = (name: string) => KEYBOARD.test(plain(`${event}_${name}`));
  const what = parameters.find(({ widget, name }) => widget.kind === "choice" || (widget.kind === "text" && /^(key|button|code)$/.test(plain(name)) && isKeys(name)));
  if (!what) return [];
  const words = what.widget.kind === "choice" ? what.widget.choices.filter((choice) => typeof choice === "string") : keyNames(what.name);
  const inputs = inputsOf(words, isKeys(what.name));
  if (inputs.size < 2) return [];
  const flag = parameters.find(({ widget }) => widget.kind === "switch");
  const rest = words.find(isRest);
  const halt = [...events.values()].find(({ event: name, parameters: its }) => isHalt(name) && !its.length);
  return [...inputs].map(([word, at]) => {
    const press = { event, args: { [what.name]: word } };
    if (end) return action(at, press, { event: end.event, args: { [end.parameters[0]?.name ?? what.name]: word } });
    if (flag) return action(at, call(press, flag.name, true), call(press, flag.name, false));
    if (rest !== undefined) return action(at, press, { event, args: { [what.name]: rest } }, true);
    return action(at, press, halt && { event: halt.event, args: {} });
  });
}

/** `set_keys(keys: list)`: all that is held. */
function listed({ event, parameters }: Control): Action[] {
  const list = parameters.find(({ widget, name }) => widget.kind === "list" && KEYBOARD.test(plain(`${event}_${name}`)));
  if (list?.widget.kind !== "list") return [];
  const { item } = list.widget;
  if (item.widget.kind !== "text" && item.widget.kind !== "choice") return [];
  const words = item.widget.kind === "choice" ? item.widget.choices.filter((choice) => typeof choice === "string") : keyNames(list.name);
  return [...inputsOf(words, true)].map(([word, at]) =>
    action(at, { event, args: { [list.name]: [word] } }, { event, args: { [list.name]: [] } }, true),
  );
}

/** `move(forward: bool, back: bool)`, `set_forward(pressed: bool)`, `jump(active: bool)`. */
function switched({ event, parameters }: Control): Action[] {
  const flags = parameters.filter(({ widget }) => widget.kind === "switch");
  const isKeys = KEYBOARD.test(plain(event));
  const inputs = inputsOf(flags.map(({ name }) => name), isKeys || flags.length > 3);
  const held = [...inputs].map(([name, at]) => action(at, { event, args: { [name]: true } }, { event, args: { [name]: false } }, true));
  if (held.length || flags.length !== 1 || parameters.length !== 1) return held;
  const at = inputsOf([event], false).get(event);
  const name = flags[0]!.name;
  return at ? [action(at, { event, args: { [name]: true } }, { event, args: { [name]: false } })] : [];
}

/** `look(dx, dy)`, `set_camera(yaw, pitch)`, `turn(amount)`. */
function looked({ event, parameters }: Control): Motion[] {
  const name = plain(event);
  const numbers = parameters.filter(isNumber);
  const isAbout = (parameter: Parameter) => LOOKING.test(name) || /^(mouse|delta|dx$|dy$)|yaw|pitch/.test(plain(parameter.name));
  const x = numbers.find((parameter) => TURN.test(plain(parameter.name)) && isAbout(parameter));
  const y = numbers.find((parameter) => TILT.test(plain(parameter.name)) && isAbout(parameter));
  if (!x && !y) return [];
  const isSet = /^set_/.test(name) && ![x, y].some((parameter) => parameter && PIXELS.test(plain(parameter.name)));
  const axes = [...(x ? [axis(x, "x", isSet)] : []), ...(y ? [axis(y, "y", isSet)] : [])];
  if (parameters.some((parameter) => parameter.required && !axes.some((each) => each.parameter === parameter.name))) return [];
  return [motion(["mouse:move", "stick:1", "touch:drag"], event, axes, isSet ? "sum" : "change")];
}

/** `move(x, y)`, `drive(steering, throttle, brake)`: keys push as far as a stick does. */
function steered({ event, parameters }: Control): Binding[] {
  if (!MOVEMENT.test(plain(event)) || LOOKING.test(plain(event))) return [];
  const side = parameters.find(({ name, widget }) => widget.kind === "slider" && widget.min < 0 && SIDE.test(plain(name)));
  const ahead = parameters.find((parameter) => parameter !== side && parameter.widget.kind === "slider" && AHEAD.test(plain(parameter.name)));
  const brake = parameters.find(({ name, widget }) => widget.kind === "slider" && BRAKE.test(plain(name)));
  const found: Binding[] = [];
  const push = (word: string, { name }: Parameter, value: number, without = /^stick|^touch:stick/) => {
    const inputs = inputsOf([word], false).get(word)!.filter((input) => !without.test(input));
    found.push(action(inputs, { event, args: { [name]: value } }, { event, args: { [name]: 0 } }, true));
  };
  if (side) {
    push("left", side, endsOf(side).min);
    push("right", side, endsOf(side).max);
  }
  const isPedal = ahead && PEDAL.test(plain(ahead.name));
  if (ahead) push("forward", ahead, endsOf(ahead).max);
  if (ahead && endsOf(ahead).min < 0) push("back", ahead, endsOf(ahead).min);
  if (brake) push("back", brake, endsOf(brake).max);
  const axes: Axis[] = side ? [{ parameter: side.name, from: "x", scale: endsOf(side).max }] : [];
  if (ahead && !isPedal) axes.push({ parameter: ahead.name, from: "y", scale: -endsOf(ahead).max });
  if (axes.length) found.push(motion(["stick:0", "touch:stick"], event, axes, "position"));
  if (ahead && isPedal) found.push(motion(["trigger:7"], event, [{ parameter: ahead.name, from: "x", scale: endsOf(ahead).max }], "position"));
  if (brake) found.push(motion(["trigger:6"], event, [{ parameter: brake.name, from: "x", scale: endsOf(brake).max }], "position"));
  const given = new Set(found.flatMap((binding) => (binding.kind === "action" ? Object.keys(binding.press.args) : [])));
  return parameters.every(({ name, required }) => !required || given.has(name)) ? found : [];
}

/** `zoom(amount)`, `scroll(delta)`. */
function scrolled({ event, parameters }: Control): Motion[] {
  const [only] = parameters;
  if (parameters.length !== 1 || !only || !isNumber(only) || !/^(set_)?(zoom|scroll|dolly)/.test(plain(event))) return [];
  const isSet = plain(event).startsWith("set_");
  const { min, max } = endsOf(only);
  const notch = Number.isFinite(max - min) ? (max - min) / 20 : 1;
  return [motion(["wheel"], event, [{ parameter: only.name, from: "y", scale: -short(notch / WHEEL_NOTCH_PIXELS) }], isSet ? "sum" : "change")];
}

/** Digits for what else can be done in a model that is played. */
function leftOvers(controls: Control[], found: Binding[]): Action[] {
  const taken = new Set(found.map((binding) => (binding.kind === "action" ? binding.press.event : binding.event)));
  const keys = new Set(found.flatMap(({ inputs }) => inputs));
  const digits = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((digit) => `key:Digit${digit}`).filter((key) => !keys.has(key));
  return controls
    .filter(({ event, parameters }) => !parameters.length && !taken.has(event) && !HARMFUL.test(event) && !isHalt(event))
    .flatMap(({ event }) => {
      const digit = digits.shift();
      return digit ? [action([digit], { event, args: {} }, null)] : [];
    });
}

/** Each input plays what had it first, and each action that is not reached by a finger gets a button on the screen. */
function withoutTwice(bindings: Binding[]): Binding[] {
  const taken = new Set<Input>();
  let buttons = 0;
  // A stick that gives degrees gives no directions.
  for (const { inputs, kind } of bindings) if (kind === "motion") for (const input of inputs) taken.add(input);
  const isFree = (input: Input) => !taken.has(input) && !taken.has(input.replace(/:(up|down|left|right)$/, ""));
  return bindings.flatMap((binding): Binding[] => {
    if (binding.kind === "motion") return [binding];
    const inputs = binding.inputs.filter(isFree);
    if (!inputs.length) return [];
    const pushesStick = binding.inputs.some((input) => input.startsWith("touch:stick")) || /^pad:1[2-5]$/.test(inputs.find((input) => input.startsWith("pad")) ?? "");
    if (!pushesStick) inputs.push(`touch:${++buttons}`);
    for (const input of inputs) taken.add(input);
    return [{ ...binding, inputs }];
  });
}

/** The event that ends what this one begins. */
function endOf({ event }: Control, events: Map<string, Control>): Control | undefined {
  const pair = PAIRS.find(([beginning]) => beginning.test(event));
  return pair && events.get(event.replace(...pair));
}

function keyNames(parameter: string): string[] {
  if (plain(parameter) !== "code") return COMMON_KEYS;
  return ["KeyW", "KeyA", "KeyS", "KeyD", "KeyQ", "KeyE", "Space", "ShiftLeft"];
}

function isNumber({ widget }: Parameter): boolean {
  return widget.kind === "slider" || widget.kind === "number";
}

function endsOf({ widget }: Parameter): { min: number; max: number } {
  if (widget.kind !== "slider" && widget.kind !== "number") throw new Error(`${widget.kind} has no ends`);
  return { min: widget.min ?? -Infinity, max: widget.max ?? Infinity };
}

/** How a parameter follows the mouse: pixels, or the angle that a pixel turns; up is more, where it is an angle. */
function axis(parameter: Parameter, from: "x" | "y", isSet: boolean): Axis {
  const name = plain(parameter.name);
  const { max } = endsOf(parameter);
  const isAngle = isSet || (ANGLE.test(name) && !PIXELS.test(name));
  const isRadians = /rad/.test(name) || max < 7;
  let scale = isAngle ? (isRadians ? RADIANS_PER_PIXEL : DEGREES_PER_PIXEL) : 1;
  // A range that a hand would leave at once is the whole of a quick movement.
  if (!isAngle && max <= 10) scale = short(max / 50);
  return { parameter: parameter.name, from, scale: from === "y" && isAngle ? -scale : scale };
}

function action(inputs: Input[], press: Call, release: Call | null | undefined, joined = false): Action {
  return { kind: "action", inputs, press, release: release ?? null, joined };
}

function motion(inputs: Input[], event: string, axes: Axis[], gives: Motion["gives"]): Motion {
  return { kind: "motion", inputs, event, args: {}, axes, gives, deadZone: DEAD_ZONE, rate: MOST_RATE };
}

function call({ event, args }: Call, name: string, value: Json): Call {
  return { event, args: { ...args, [name]: value } satisfies JsonObject };
}

function short(value: number): number {
  return Number(value.toPrecision(2));
}
