/** From what the hands do to the commands that go out, and when. Pure: time is handed in. */

import type { Action, Binding, Call, Input, Motion } from "./play-mapping";
import type { Json, JsonObject } from "./wire";

/** Takes what hands do. Times are ms of `performance.now()`, as in `Event.timeStamp`. */
export interface Hand {
  /** Something was pressed or let go. */
  set(input: Input, isDown: boolean, atMs: number): void;
  /** Something moved this far: pixels. */
  shift(input: Input, x: number, y: number, atMs: number): void;
  /** A stick or trigger stands here: -1..1. */
  tilt(input: Input, x: number, y: number, atMs: number): void;
}

/** What the schema says of a number. */
export interface Range {
  min: number;
  max: number;
  integer: boolean;
  /** The value before the first command. */
  start: number;
}

export interface Commands {
  /** Sends one command at once. `isRelease`: it ends something that the model holds. */
  send(call: Call, atMs: number, isRelease: boolean): void;
  /** Whether the last command still waits for its way out; motion waits with it, and adds up. */
  isBusy(): boolean;
  rangeOf(event: string, parameter: string): Range | undefined;
}

const STICK_SPEED = 600; // pixels a second that a stick pushed to its end stands for, where a mouse would move
const QUIET_MS = 60; // a mouse that rests this long has stopped
const AFTERGLOW_MS = 150;
const LONGEST_TICK_MS = 100;
const PUSHED = 0.5; // the part of a stick's way that is a direction

/** What joined actions and motions of one event add up to. */
interface Channel {
  event: string;
  actions: Action[];
  motions: Motion[];
  held: Action[];
  /** By parameter: moved since the last sending, or all of it where changes are summed. */
  moved: Map<string, number>;
  /** Something moved that was not sent. */
  isPending: boolean;
  movedAtMs: number;
  sentAtMs: number;
  /** The last command said that something moves, so one has to say that it stopped. */
  isMoving: boolean;
}

export class Player implements Hand {
  #bindings: Binding[] = [];
  #channels = new Map<string, Channel>();
  readonly #down = new Set<Input>();
  readonly #tilts = new Map<Input, { x: number; y: number }>();
  #tickedAtMs = 0;

  constructor(private readonly commands: Commands) {}

  /** Takes other bindings, with nothing held. */
  map(bindings: Binding[], atMs: number): void {
    this.releaseAll(atMs);
    this.#bindings = bindings;
    this.#channels = new Map();
    for (const binding of bindings) {
      if (binding.kind === "motion") this.#channel(binding.event).motions.push(binding);
      else if (binding.joined) this.#channel(binding.press.event).actions.push(binding);
    }
    for (const { event, motions, moved } of this.#channels.values()) {
      for (const { axes } of motions) for (const { parameter } of axes) moved.set(parameter, this.commands.rangeOf(event, parameter)?.start ?? 0);
      this.#rest(motions, moved);
    }
  }

  /** Whether any binding listens to the input. */
  takes(input: Input): boolean {
    return this.#bindings.some(({ inputs }) => inputs.includes(input));
  }

  /** Whether a hand is on the binding, or was a moment ago. */
  isPlayed(binding: Binding, nowMs: number): boolean {
    if (binding.kind === "action") return this.#isHeld(binding);
    const movedAtMs = this.#channels.get(binding.event)?.movedAtMs ?? -Infinity;
    const { x, y } = this.#tiltOf(binding);
    return nowMs - movedAtMs < AFTERGLOW_MS || x !== 0 || y !== 0;
  }

  /** Whether `tick` has something to do as time goes on. */
  get isRestless(): boolean {
    return this.#tilts.size > 0 || [...this.#channels.values()].some(({ isPending, isMoving }) => isPending || isMoving);
  }

  set(input: Input, isDown: boolean, atMs: number): void {
    if (this.#down.has(input) === isDown) return;
    // What was moved before the press counts before it.
    for (const channel of this.#channels.values()) if (channel.isPending) this.#say(channel, atMs);
    const changed = this.#bindings.filter((binding) => binding.kind === "action" && binding.inputs.includes(input)) as Action[];
    const before = changed.map((action) => this.#isHeld(action));
    if (isDown) this.#down.add(input);
    else this.#down.delete(input);
    for (const [index, action] of changed.entries()) if (before[index] !== this.#isHeld(action)) this.#act(action, isDown, atMs);
  }

  shift(input: Input, x: number, y: number, atMs: number): void {
    for (const channel of this.#channels.values()) {
      for (const motion of channel.motions) {
        if (motion.gives !== "position" && motion.inputs.includes(input)) this.#move(channel, motion, x, y, atMs);
      }
      this.#sendInTurn(channel, atMs);
    }
  }

  tilt(input: Input, x: number, y: number, atMs: number): void {
    for (const [direction, part] of Object.entries({ up: -y, down: y, left: -x, right: x })) {
      this.set(`${input}:${direction}`, part > PUSHED, atMs);
    }
    const was = this.#tilts.get(input);
    if (was?.x === x && was.y === y) return;
    if (!this.#tilts.size) this.#tickedAtMs = atMs;
    const followers = this.#bindings.filter((binding) => binding.kind === "motion" && binding.gives === "position" && binding.inputs.includes(input)) as Motion[];
    const before = followers.map((motion) => this.#tiltOf(motion));
    if (x || y) this.#tilts.set(input, { x, y });
    else this.#tilts.delete(input);
    for (const [index, motion] of followers.entries()) {
      const after = this.#tiltOf(motion);
      // A stick at rest trembles.
      if (after.x === before[index]!.x && after.y === before[index]!.y) continue;
      const channel = this.#channel(motion.event);
      channel.isPending = true;
      channel.movedAtMs = atMs;
      this.#sendInTurn(channel, atMs);
    }
  }

  /** To be called once per picture of the screen while restless: moves what sticks push, sends what had to wait. */
  tick(nowMs: number): void {
    const seconds = Math.min(nowMs - this.#tickedAtMs, LONGEST_TICK_MS) / 1000;
    this.#tickedAtMs = nowMs;
    for (const channel of this.#channels.values()) {
      for (const motion of channel.motions.filter(({ gives }) => gives !== "position")) {
        const { x, y } = this.#tiltOf(motion);
        const way = STICK_SPEED * seconds;
        if (x || y) this.#move(channel, motion, x * way, y * way, nowMs);
      }
      const stopped = channel.isMoving && !channel.isPending && nowMs - channel.movedAtMs >= QUIET_MS;
      if (stopped) channel.isPending = true;
      this.#sendInTurn(channel, nowMs);
    }
  }

  /** Lets go of everything, as if each hand had. */
  releaseAll(atMs: number): void {
    for (const input of [...this.#tilts.keys()]) this.tilt(input, 0, 0, atMs);
    for (const input of [...this.#down]) this.set(input, false, atMs);
    for (const channel of this.#channels.values()) {
      if (!channel.isPending && !channel.isMoving) continue;
      this.#rest(channel.motions, channel.moved);
      this.#say(channel, atMs);
    }
  }

  #isHeld({ inputs }: Action): boolean {
    return inputs.some((input) => this.#down.has(input));
  }

  #channel(event: string): Channel {
    let channel = this.#channels.get(event);
    if (!channel) {
      const moves = { moved: new Map<string, number>(), isPending: false, movedAtMs: -Infinity, sentAtMs: -Infinity, isMoving: false };
      this.#channels.set(event, (channel = { event, actions: [], motions: [], held: [], ...moves }));
    }
    return channel;
  }

  #act(action: Action, isDown: boolean, atMs: number): void {
    if (!action.joined) {
      const call = isDown ? action.press : action.release;
      if (call) this.commands.send(call, atMs, !isDown);
      return;
    }
    const channel = this.#channel(action.press.event);
    channel.held = channel.held.filter((each) => each !== action);
    if (isDown) channel.held.push(action);
    // Nothing is held, and nothing says so: the model goes on with the last.
    if (!channel.held.length && !channel.actions.some(({ release }) => release)) return;
    this.#say(channel, atMs, !isDown);
  }

  #move(channel: Channel, { event, axes, gives }: Motion, x: number, y: number, atMs: number): void {
    for (const { parameter, from, scale } of axes) {
      const value = (channel.moved.get(parameter) ?? 0) + (from === "x" ? x : y) * scale;
      channel.moved.set(parameter, gives === "sum" ? turned(value, this.commands.rangeOf(event, parameter)) : value);
    }
    channel.isPending = true;
    channel.movedAtMs = atMs;
  }

  #sendInTurn(channel: Channel, nowMs: number): void {
    if (!channel.isPending || this.commands.isBusy()) return;
    if (this.#isTooLittle(channel)) {
      channel.isPending = false;
      return;
    }
    const rate = Math.min(...channel.motions.map((motion) => motion.rate));
    // A screen's pictures come a little early or late.
    if (nowMs - channel.sentAtMs >= 1000 / rate - 1) this.#say(channel, nowMs);
  }

  /** Whether all that moved is less than the numbers can say, of something that rests. */
  #isTooLittle({ event, motions, moved, isMoving }: Channel): boolean {
    if (isMoving) return false;
    return motions.every(({ gives, axes }) => gives === "change" && axes.every(({ parameter }) => !this.#fit(event, parameter, moved.get(parameter) ?? 0)));
  }

  #say(channel: Channel, atMs: number, isRelease = false): void {
    const { event, motions, moved, held } = channel;
    const args: JsonObject = {};
    for (const { release } of channel.actions) Object.assign(args, release?.args);
    for (const motion of motions) Object.assign(args, motion.args);
    for (const { press } of held) for (const [name, value] of Object.entries(press.args)) args[name] = joined(args[name], value);
    let isMoving = false;
    let isStill = !held.length;
    for (const motion of motions) {
      const tilt = motion.gives === "position" ? this.#tiltOf(motion) : undefined;
      for (const { parameter, from, scale } of motion.axes) {
        const part = tilt ? tilt[from] * scale : (moved.get(parameter) ?? 0);
        const whole = this.#fit(event, parameter, part);
        args[parameter] = tilt && typeof args[parameter] === "number" ? args[parameter] + part : whole;
        if (motion.gives !== "sum") isStill &&= whole === 0;
        if (motion.gives === "change") {
          isMoving ||= whole !== 0;
          const isRounded = this.commands.rangeOf(event, parameter)?.integer && Math.abs(part - whole) < 1;
          moved.set(parameter, isRounded ? part - whole : 0); // what an integer leaves over counts the next time
        }
      }
    }
    for (const [name, value] of Object.entries(args)) if (typeof value === "number") args[name] = this.#fit(event, name, value);
    channel.isPending = false;
    channel.isMoving = isMoving;
    channel.sentAtMs = atMs;
    this.commands.send({ event, args }, atMs, isRelease || isStill);
  }

  /** Forgets what was moved since the last sending. */
  #rest(motions: Motion[], moved: Map<string, number>): void {
    for (const { gives, axes } of motions) if (gives === "change") for (const { parameter } of axes) moved.set(parameter, 0);
  }

  /** Where the sticks of a motion stand together, their dead zones taken out. */
  #tiltOf({ inputs, deadZone }: Motion): { x: number; y: number } {
    const sum = { x: 0, y: 0 };
    for (const input of inputs) {
      const { x, y } = this.#tilts.get(input) ?? sum;
      const length = Math.hypot(x, y);
      if (length <= deadZone) continue;
      const part = (Math.min(length, 1) - deadZone) / (1 - deadZone) / length;
      sum.x += x * part;
      sum.y += y * part;
    }
    return sum;
  }

  #fit(event: string, parameter: string, value: number): number {
    const range = this.commands.rangeOf(event, parameter);
    const fine = range?.integer ? Math.trunc(value) : Number(value.toPrecision(6));
    return range ? Math.min(Math.max(fine, range.min), range.max) : fine;
  }
}

function joined(rest: Json | undefined, held: Json): Json {
  if (Array.isArray(rest) && Array.isArray(held)) return [...rest, ...held.filter((value) => !rest.includes(value))];
  if (typeof rest === "number" && typeof held === "number") return rest + held;
  return held;
}

/** A sum that keeps to its range: round a whole turn, or up to its ends. */
function turned(value: number, range: Range | undefined): number {
  if (!range) return value;
  const width = range.max - range.min;
  const isTurn = [360, 2 * Math.PI].some((turn) => Math.abs(width - turn) < 0.01 * turn);
  if (isTurn) return range.min + ((((value - range.min) % width) + width) % width);
  return Math.min(Math.max(value, range.min), range.max);
}
