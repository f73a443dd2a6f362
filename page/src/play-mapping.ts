/** What plays the model: hands' inputs, and the commands they make. Pure. */

import { isObject, type Json, type JsonObject } from "./wire";

/**
 * Something a hand moves. On or off: `key:KeyW`, `mouse:0` (a button), `pad:12`, `touch:1` (a button on the screen), `stick:0:up` and
 * `touch:stick:up` (a stick pushed that far). By degrees: `mouse:move`, `wheel`, `touch:drag`, `stick:0`, `touch:stick`, `trigger:7`.
 */
export type Input = string;

export interface Call {
  event: string;
  args: JsonObject;
}

/** Sends at a press, and where wanted at the release. */
export interface Action {
  kind: "action";
  /** Any of them is enough. */
  inputs: Input[];
  press: Call;
  /** What letting go sends; null for nothing. */
  release: Call | null;
  /**
   * Whether all that is held goes out in one command, the whole of it at each change: joined actions of one event lay the arguments of
   * their presses over those of their releases. Lists are put together, numbers added, of anything else the last one pressed counts.
   */
  joined: boolean;
}

/** One parameter that follows a movement. */
export interface Axis {
  parameter: string;
  from: "x" | "y";
  /** What one pixel, or a stick pushed to its end, is worth; below zero it is turned round. */
  scale: number;
}

/** Sends what moves by degrees. */
export interface Motion {
  kind: "motion";
  inputs: Input[];
  event: string;
  /** Arguments besides the axes. */
  args: JsonObject;
  axes: Axis[];
  /** `change`: how far it moved since the last sending; `sum`: all changes added up; `position`: where the stick stands. */
  gives: "change" | "sum" | "position";
  /** The part of a stick's way, 0..1, that counts as its middle. */
  deadZone: number;
  /** Most commands a second. */
  rate: number;
}

export type Binding = Action | Motion;

export interface Mapping {
  /** Whether keys and gamepads play before the picture was clicked. */
  always: boolean;
  bindings: Binding[];
}

export const MOST_RATE = 60;
export const DEAD_ZONE = 0.15;

export const DIRECTIONS = ["up", "down", "left", "right"] as const;
const PAD_NAMES = ["A", "B", "X", "Y", "LB", "RB", "LT", "RT", "View", "Menu", "L3", "R3", "D-pad ↑", "D-pad ↓", "D-pad ←", "D-pad →", "Home"];
const MOUSE_NAMES = ["Left click", "Middle click", "Right click", "Mouse back", "Mouse forward"];
const NAMES: Record<string, string> = {
  "mouse:move": "Mouse",
  wheel: "Wheel",
  "touch:drag": "Drag",
  "touch:stick": "On-screen stick",
  "stick:0": "Left stick",
  "stick:1": "Right stick",
  "trigger:6": "LT",
  "trigger:7": "RT",
};
const ARROWS: Record<string, string> = { up: "↑", down: "↓", left: "←", right: "→" };

/** Whether the input moves by degrees. */
export function isAnalogue(input: Input): boolean {
  return input in NAMES;
}

/** The inputs that play no more than on the picture itself: the mouse's and those on the screen. */
export function needsPicture(input: Input): boolean {
  return /^(mouse|wheel|touch)/.test(input);
}

/** An input as a person would call it. */
export function nameOf(input: Input): string {
  const known = NAMES[input];
  if (known) return known;
  const [device, ...rest] = input.split(":") as [string, ...string[]];
  const last = rest.at(-1) ?? "";
  if (device === "key") return keyName(last);
  if (device === "mouse") return MOUSE_NAMES[Number(last)] ?? `Mouse ${last}`;
  if (device === "pad") return PAD_NAMES[Number(last)] ?? `Pad ${last}`;
  if (last in ARROWS) return `${nameOf(input.slice(0, input.lastIndexOf(":")))} ${ARROWS[last]}`;
  return device === "touch" ? "On-screen button" : input;
}

/** `KeyW` as it stands on most keyboards. */
function keyName(code: string): string {
  const arrow = code.startsWith("Arrow") && ARROWS[code.slice(5).toLowerCase()];
  return arrow || code.replace(/^(Key|Digit)/, "").replace(/(Left|Right)$/, "").replace(/([a-z])([A-Z0-9])/g, "$1 $2");
}

/** `move direction=forward`. */
export function wordsOf({ event, args }: Call): string {
  return [event, ...Object.entries(args).map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)].join(" ");
}

/** What a binding does, in one line. */
export function deedOf(binding: Binding): string {
  if (binding.kind === "action") return wordsOf(binding.press);
  return [wordsOf({ event: binding.event, args: binding.args }), ...binding.axes.map(({ parameter }) => parameter)].join(" ");
}

/** A binding's command, whatever it is made by. */
export function eventOf(binding: Binding): string {
  return binding.kind === "action" ? binding.press.event : binding.event;
}

/** What mapped keys and the mouse do, in one line over the picture: `W A S D move · Space jump`. */
export function hintOf(bindings: Binding[]): string {
  const groups = new Map<string, Set<string>>();
  for (const binding of bindings) {
    const input = binding.inputs.find((each) => /^(key|mouse|wheel)/.test(each));
    if (!input) continue;
    const words = eventOf(binding).replace(/^(set|on)_/, "").replace(/_/g, " ");
    const names = groups.get(words) ?? new Set();
    groups.set(words, names.add(nameOf(input)));
  }
  return [...groups].map(([words, names]) => `${[...names].join(" ")} ${/^(key|button|mouse)/.test(words) ? "" : words}`.trim()).join(" · ");
}

/** @throws {Error} The text is no mapping; the message is for the person who chose it. */
export function readMapping(text: string): Mapping {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    throw new Error("This is not JSON.");
  }
  if (!isObject(value) || !Array.isArray(value["bindings"])) throw new Error("This holds no mapping.");
  return { always: value["always"] !== false, bindings: value["bindings"].map(readBinding) };
}

function readBinding(value: Json, index: number): Binding {
  const fail = () => new Error(`Entry ${index + 1} of this mapping cannot be read.`);
  if (!isObject(value) || !Array.isArray(value["inputs"])) throw fail();
  const inputs = value["inputs"].filter((input) => typeof input === "string");
  if (value["kind"] === "action") {
    const press = readCall(value["press"]);
    if (!press) throw fail();
    return { kind: "action", inputs, press, release: readCall(value["release"]), joined: value["joined"] === true };
  }
  const { event, axes, gives } = value;
  if (value["kind"] !== "motion" || typeof event !== "string" || !Array.isArray(axes)) throw fail();
  if (gives !== "change" && gives !== "sum" && gives !== "position") throw fail();
  return {
    kind: "motion",
    inputs,
    event,
    args: isObject(value["args"]) ? value["args"] : {},
    axes: axes.filter(isObject).map(({ parameter, from, scale }) => ({
      parameter: String(parameter),
      from: from === "y" ? "y" : "x",
      scale: Number(scale) || 0,
    })),
    gives,
    deadZone: between(value["deadZone"], 0, 0.9, DEAD_ZONE),
    rate: between(value["rate"], 1, MOST_RATE, MOST_RATE),
  };
}

function readCall(value: Json | undefined): Call | null {
  if (!isObject(value) || typeof value["event"] !== "string") return null;
  return { event: value["event"], args: isObject(value["args"]) ? value["args"] : {} };
}

function between(value: Json | undefined, low: number, high: number, standard: number): number {
  return typeof value === "number" && Number.isFinite(value) ? Math.min(Math.max(value, low), high) : standard;
}
