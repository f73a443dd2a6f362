import { expect, test } from "vitest";
import { deedOf, wordsOf, type Action, type Binding, type Motion } from "./play-mapping";
import { suggest } from "./play-suggest";
import { controlsOf } from "./schema";
import type { JsonObject } from "./wire";

const BOOL = { type: "boolean", default: false };
const choice = (...choices: string[]) => ({ type: "string", enum: choices });
const unit = { type: "number", minimum: -1, maximum: 1 };

function suggested(events: Record<string, JsonObject>): Binding[] {
  const paths = Object.entries(events).map(([event, properties]) => {
    const required = Object.keys(properties).filter((name) => !("default" in (properties[name] as JsonObject)));
    return [`/events/${event}`, { post: { requestBody: { content: { "application/json": { schema: { type: "object", properties, required } } } } } }];
  });
  return suggest(controlsOf({ paths: Object.fromEntries(paths) as JsonObject }));
}

/** First key of each action: what it sends, what letting go sends; `*` where all that is held goes out together. */
function keysOf(bindings: Binding[]): Record<string, string> {
  const actions = bindings.filter((binding): binding is Action => binding.kind === "action");
  return Object.fromEntries(
    actions.map(({ inputs, press, release, joined }) => [
      inputs[0]!.replace("key:", ""),
      `${wordsOf(press)}${release ? ` / ${wordsOf(release)}` : ""}${joined ? " *" : ""}`,
    ]),
  );
}

const motionsOf = (bindings: Binding[]) => bindings.filter((binding): binding is Motion => binding.kind === "motion");

test("a key for each flag, all that are held in one command", () => {
  const bindings = suggested({ keyboard: { w: BOOL, a: BOOL, s: BOOL, d: BOOL, shift: BOOL } });
  expect(keysOf(bindings)).toEqual({
    KeyW: "keyboard w=true / keyboard w=false *",
    KeyA: "keyboard a=true / keyboard a=false *",
    KeyS: "keyboard s=true / keyboard s=false *",
    KeyD: "keyboard d=true / keyboard d=false *",
    ShiftLeft: "keyboard shift=true / keyboard shift=false *",
  });
  expect(bindings[0]!.inputs).toEqual(["key:KeyW", "pad:12", "stick:0:up", "touch:stick:up"]);
  expect(bindings[4]!.inputs).toContain("touch:1");
});

test("a direction with a word for rest is held, last pressed first", () => {
  const bindings = suggested({ move: { direction: choice("none", "forward", "back", "left", "right") } });
  expect(keysOf(bindings)).toMatchObject({ KeyW: "move direction=forward / move direction=none *", KeyD: "move direction=right / move direction=none *" });
  expect(bindings).toHaveLength(4);
  expect(bindings[0]!.inputs).toContain("key:ArrowUp");
});

test("a direction without one ends with a stop of the model's own, or not at all", () => {
  const direction = choice("up", "down", "left", "right");
  expect(keysOf(suggested({ walk: { direction }, stop_walking: {} }))["KeyW"]).toBe("walk direction=up / stop_walking");
  expect(keysOf(suggested({ walk: { direction } }))["KeyW"]).toBe("walk direction=up");
});

test("what begins and what ends a key belong together", () => {
  const key = choice("w", "a", "s", "d", "space");
  const bindings = suggested({ key_down: { key }, key_up: { key } });
  expect(keysOf(bindings)).toMatchObject({ KeyW: "key_down key=w / key_up key=w", Space: "key_down key=space / key_up key=space" });
  expect(bindings).toHaveLength(5);
  expect(keysOf(suggested({ start_forward: {}, stop_forward: {} }))).toEqual({ KeyW: "start_forward / stop_forward" });
});

test("a key whose names are not listed gets the common ones", () => {
  const key = { type: "string" };
  expect(keysOf(suggested({ press_key: { key }, release_key: { key } }))["ShiftLeft"]).toBe("press_key key=shift / release_key key=shift");
  expect(keysOf(suggested({ on_key: { code: key, pressed: BOOL } }))["KeyW"]).toBe(
    'on_key code=KeyW pressed=true / on_key code=KeyW pressed=false',
  );
});

test("a list of keys is the whole of what is held", () => {
  const keys = { type: "array", items: { type: "string" }, default: [] };
  expect(keysOf(suggested({ set_keys: { keys } }))["KeyW"]).toBe('set_keys keys=["w"] / set_keys keys=[] *');
});

test("flags of a state of their own", () => {
  const bindings = suggested({ set_forward: { pressed: BOOL }, set_left: { left: BOOL }, set_rain: { rain: BOOL } });
  expect(keysOf(bindings)).toEqual({
    KeyW: "set_forward pressed=true / set_forward pressed=false",
    KeyA: "set_left left=true / set_left left=false *",
  });
});

test("events without parameters have the keys of games, then digits; what destroys has none", () => {
  const bindings = suggested({ jump: {}, attack: {}, wave: {}, reset: {} });
  expect(keysOf(bindings)).toEqual({ Space: "jump", "mouse:0": "attack", Digit1: "wave" });
  expect(suggested({ wave: {}, reset: {} })).toEqual([]);
});

test("turning takes the arrow keys from walking", () => {
  const bindings = suggested({ step: { action: choice("forward", "turn_left", "turn_right", "stay") } });
  expect(bindings.map(({ inputs }) => inputs[0])).toEqual(["key:KeyW", "key:ArrowLeft", "key:ArrowRight"]);
  expect(bindings[0]!.inputs).not.toContain("key:ArrowUp");
});

test("the mouse looks: pixels, angles, or where one looks", () => {
  const pixels = { type: "number", minimum: -2000, maximum: 2000, default: 0 };
  const [mouse] = motionsOf(suggested({ mouse: { dx: pixels, dy: pixels } }));
  expect(mouse).toMatchObject({ event: "mouse", gives: "change", axes: [{ parameter: "dx", from: "x", scale: 1 }, { parameter: "dy", from: "y", scale: 1 }] });
  expect(mouse!.inputs).toEqual(["mouse:move", "stick:1", "touch:drag"]);
  const degrees = { type: "number", minimum: -180, maximum: 180 };
  const [camera] = motionsOf(suggested({ set_camera: { yaw: degrees, pitch: degrees } }));
  expect(camera).toMatchObject({ gives: "sum", axes: [{ parameter: "yaw", scale: 0.15 }, { parameter: "pitch", scale: -0.15 }] });
  const [turn] = motionsOf(suggested({ turn: { amount: { type: "number" } } }));
  expect(turn).toMatchObject({ gives: "change", axes: [{ parameter: "amount", from: "x", scale: 0.15 }] });
  const [small] = motionsOf(suggested({ look: { dx: unit, dy: unit } }));
  expect(small!.axes[0]!.scale).toBe(0.02);
});

test("a stick and keys push the same numbers", () => {
  const bindings = suggested({ move: { x: unit, y: unit } });
  expect(keysOf(bindings)).toMatchObject({ KeyA: "move x=-1 / move x=0 *", KeyW: "move y=1 / move y=0 *" });
  expect(motionsOf(bindings)[0]).toMatchObject({ inputs: ["stick:0", "touch:stick"], gives: "position", axes: [{ parameter: "x", scale: 1 }, { parameter: "y", scale: -1 }] });
  expect(bindings.flatMap(({ inputs }) => inputs)).not.toContain("stick:0:up");
});

test("a car has pedals", () => {
  const pedal = { type: "number", minimum: 0, maximum: 1, default: 0 };
  const bindings = suggested({ drive: { steering: unit, throttle: pedal, brake: pedal } });
  expect(keysOf(bindings)).toMatchObject({
    KeyA: "drive steering=-1 / drive steering=0 *",
    KeyW: "drive throttle=1 / drive throttle=0 *",
    KeyS: "drive brake=1 / drive brake=0 *",
  });
  expect(motionsOf(bindings).map(deedOf)).toEqual(["drive steering", "drive throttle", "drive brake"]);
});

test("the wheel zooms", () => {
  const [zoom] = motionsOf(suggested({ set_zoom: { zoom: { type: "number", minimum: 1, maximum: 5, default: 1 } } }));
  expect(zoom).toMatchObject({ inputs: ["wheel"], gives: "sum", axes: [{ parameter: "zoom", scale: -0.002 }] });
});

test.each([
  [{ set_prompt: { prompt: { type: "string", default: "" } } }],
  [{ set_angle: { angle: { type: "number", minimum: -180, maximum: 180, default: 0 } } }],
  [{ set_colour: { red: { type: "integer", minimum: 0, maximum: 255, default: 0 } } }],
  [{ set_style: { style: choice("oil", "ink", "a", "b") }, reset: {} }],
  [{ set_speed: { speed: { type: "number", minimum: 0, maximum: 4, default: 1 } }, set_loop: { loop: BOOL } }],
  [{ say: { line: { type: "string" } }, forget: {} }],
] as [Record<string, JsonObject>][])("%j is not played", (events) => {
  expect(suggested(events)).toEqual([]);
});
