/** What the words of a schema mean to a hand. Pure. */

import type { Input } from "./play-mapping";

export type Meaning =
  | "forward"
  | "back"
  | "left"
  | "right"
  | "up"
  | "down"
  | "turnLeft"
  | "turnRight"
  | "lookUp"
  | "lookDown"
  | "jump"
  | "run"
  | "crouch"
  | "attack"
  | "aim"
  | "use"
  | "reload"
  | "pause";

const WORDS: Record<Meaning, string> = {
  forward: "forward forwards ahead north front accelerate throttle gas",
  back: "back backward backwards south reverse brake",
  left: "left west strafe_left",
  right: "right east strafe_right",
  up: "up rise ascend fly_up",
  down: "down descend sink fly_down",
  turnLeft: "turn_left rotate_left look_left pan_left yaw_left camera_left",
  turnRight: "turn_right rotate_right look_right pan_right yaw_right camera_right",
  lookUp: "look_up tilt_up pitch_up camera_up",
  lookDown: "look_down tilt_down pitch_down camera_down",
  jump: "jump hop leap space",
  run: "run sprint dash boost shift",
  crouch: "crouch sneak duck ctrl control prone",
  attack: "attack fire shoot hit punch click left_click mouse_left lmb",
  aim: "aim scope block right_click mouse_right rmb",
  use: "use interact grab pick_up open talk",
  reload: "reload",
  pause: "pause",
};

const MEANINGS = new Map<string, Meaning>();
for (const [meaning, words] of Object.entries(WORDS)) for (const word of words.split(" ")) MEANINGS.set(word, meaning as Meaning);

const REST = new Set(["none", "stop", "stopped", "idle", "still", "stay", "noop", "no_op", "neutral", "rest", "center", "centre", "halt", ""]);

/** Where each meaning lies by custom: keys first. */
const INPUTS: Record<Meaning, Input[]> = {
  forward: ["key:KeyW", "key:ArrowUp", "pad:12", "stick:0:up", "touch:stick:up"],
  back: ["key:KeyS", "key:ArrowDown", "pad:13", "stick:0:down", "touch:stick:down"],
  left: ["key:KeyA", "key:ArrowLeft", "pad:14", "stick:0:left", "touch:stick:left"],
  right: ["key:KeyD", "key:ArrowRight", "pad:15", "stick:0:right", "touch:stick:right"],
  up: ["key:KeyE", "pad:5"],
  down: ["key:KeyQ", "pad:4"],
  turnLeft: ["key:ArrowLeft", "stick:1:left"],
  turnRight: ["key:ArrowRight", "stick:1:right"],
  lookUp: ["key:ArrowUp", "stick:1:up"],
  lookDown: ["key:ArrowDown", "stick:1:down"],
  jump: ["key:Space", "pad:0"],
  run: ["key:ShiftLeft", "pad:10"],
  crouch: ["key:KeyC", "pad:1"],
  attack: ["mouse:0", "pad:7"],
  aim: ["mouse:2", "pad:6"],
  use: ["key:KeyE", "pad:2"],
  reload: ["key:KeyR", "pad:3"],
  pause: ["key:KeyP", "pad:9"],
};

export const MOVES: ReadonlySet<Meaning> = new Set(["forward", "back", "left", "right", "up", "down"]);

/** `strafe-Left` and `strafeLeft` are `strafe_left`. */
export function plain(word: string): string {
  return word
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_|_$/g, "");
}

/** What a word means by itself or without what stands around it: `move_forward`, `is_jumping`. */
export function meaningOf(word: string): Meaning | undefined {
  const whole = plain(word).replace(/^(is|set|on|do|key|btn|button|press|hold)_/, "").replace(/_(pressed|held|down|key|button)$/, "");
  const stems = [whole, whole.replace(/^(move|go|walk|step|drive|fly|dpad|arrow)_/, ""), whole.replace(/ing$/, ""), whole.replace(/(.)\1ing$/, "$1")];
  return stems.map((stem) => MEANINGS.get(stem)).find((meaning) => meaning !== undefined);
}

export function isRest(word: string): boolean {
  return REST.has(plain(word));
}

/**
 * The inputs of each of a set of words that belong together: names of keys are those keys where words may name keys, `up` beside `left` is
 * forward, and arrow keys move unless something turns. Words that say nothing to a hand are left out.
 */
export function inputsOf(words: string[], areKeys: boolean): Map<string, Input[]> {
  const meanings = new Map(words.map((word) => [word, meaningOf(word)]));
  const has = (meaning: Meaning) => [...meanings.values()].includes(meaning);
  const letters = new Set(words.map((word) => plain(word).replace(/^key_/, "")));
  const isWasd = ["w", "a", "s", "d"].every((letter) => letters.has(letter));
  const isFlat = !has("forward") && has("up") && has("left");
  const turns = has("turnLeft") || has("lookUp");
  const inputs = new Map<string, Input[]>();
  for (const [word, own] of meanings) {
    const key = areKeys || isWasd ? keyOf(word) : undefined;
    const meaning = key && isWasd ? { KeyW: "forward", KeyS: "back", KeyA: "left", KeyD: "right" }[key] as Meaning | undefined : flat(own, isFlat);
    const customary = meaning ? INPUTS[meaning] : [];
    const isArrow = key?.startsWith("Arrow");
    const all = key ? [`key:${key}`, ...customary.filter((input) => !input.startsWith("key") && !(isArrow && isWasd))] : customary;
    const free = turns && meaning && MOVES.has(meaning) ? all.filter((input) => !input.includes("Arrow")) : all;
    if (free.length) inputs.set(word, free);
  }
  return inputs;
}

function flat(meaning: Meaning | undefined, isFlat: boolean): Meaning | undefined {
  if (isFlat && meaning === "up") return "forward";
  return isFlat && meaning === "down" ? "back" : meaning;
}

const NAMED_KEYS: Record<string, string> = {
  space: "Space",
  spacebar: "Space",
  shift: "ShiftLeft",
  enter: "Enter",
  tab: "Tab",
  arrow_up: "ArrowUp",
  arrowup: "ArrowUp",
  arrow_down: "ArrowDown",
  arrowdown: "ArrowDown",
  arrow_left: "ArrowLeft",
  arrowleft: "ArrowLeft",
  arrow_right: "ArrowRight",
  arrowright: "ArrowRight",
};

/** The key that a word names: `w`, `KeyW`, `key_w`, `3`, `space`. */
function keyOf(word: string): string | undefined {
  const name = plain(word).replace(/^(key|digit)_/, "");
  if (/^[a-z]$/.test(name)) return `Key${name.toUpperCase()}`;
  if (/^[0-9]$/.test(name)) return `Digit${name}`;
  return NAMED_KEYS[name];
}
