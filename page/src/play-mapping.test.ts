import { expect, test } from "vitest";
import { hintOf, nameOf, readMapping, type Binding } from "./play-mapping";

const JUMP: Binding = { kind: "action", inputs: ["key:Space", "touch:1"], press: { event: "jump", args: {} }, release: null, joined: false };
const LOOK: Binding = {
  kind: "motion",
  inputs: ["mouse:move", "touch:drag"],
  event: "look",
  args: { smooth: true },
  axes: [{ parameter: "dx", from: "x", scale: -0.5 }],
  gives: "change",
  deadZone: 0.15,
  rate: 30,
};

test.each([
  ["key:KeyW", "W"],
  ["key:Digit1", "1"],
  ["key:ArrowUp", "↑"],
  ["key:ShiftLeft", "Shift"],
  ["key:Space", "Space"],
  ["key:NumpadEnter", "Numpad Enter"],
  ["mouse:2", "Right click"],
  ["mouse:move", "Mouse"],
  ["pad:0", "A"],
  ["pad:12", "D-pad ↑"],
  ["stick:0:left", "Left stick ←"],
  ["touch:stick:up", "On-screen stick ↑"],
  ["touch:2", "On-screen button"],
])("%s is called %s", (input, name) => {
  expect(nameOf(input)).toBe(name);
});

test("what is written is read again", () => {
  const mapping = { always: false, bindings: [JUMP, LOOK] };
  expect(readMapping(JSON.stringify(mapping))).toEqual(mapping);
});

test("what was written by hand is brought into its ranges", () => {
  const [read] = readMapping(JSON.stringify({ bindings: [{ ...LOOK, rate: 900, deadZone: -1, axes: [{ parameter: "dx", scale: "x" }] }] })).bindings;
  expect(read).toMatchObject({ rate: 60, deadZone: 0, axes: [{ parameter: "dx", from: "x", scale: 0 }] });
});

test.each([
  ["nonsense", "This is not JSON."],
  ["[]", "This holds no mapping."],
  ['{"bindings": [{"kind": "action", "inputs": []}]}', "Entry 1 of this mapping cannot be read."],
  ['{"bindings": [{"kind": "motion", "inputs": [], "event": "look", "axes": [], "gives": "much"}]}', "Entry 1 of this mapping cannot be read."],
])("%s is refused in words", (text, words) => {
  expect(() => readMapping(text)).toThrow(words);
});

test("the hint names keys and what they do", () => {
  const keys = ["KeyW", "KeyA"].map((code): Binding => ({ ...JUMP, inputs: [`key:${code}`, "touch:stick:up"], press: { event: "set_keys", args: {} } }));
  expect(hintOf([...keys, JUMP, LOOK])).toBe("W A · Space jump · Mouse look");
});
