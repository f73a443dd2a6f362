import { expect, test } from "vitest";
import { controlsOf, type Control } from "./schema";
import { matches, sectionsOf } from "./sections";
import type { JsonObject } from "./wire";

function controls(...events: (string | [string, JsonObject])[]): Control[] {
  const paths = events.map((event) => (typeof event === "string" ? [event, {}] : event) as [string, JsonObject]);
  return controlsOf({ paths: Object.fromEntries(paths.map(([event, post]) => [`/events/${event}`, { post }])) });
}

function titles(...events: (string | [string, JsonObject])[]): [string, string[]][] {
  return sectionsOf(controls(...events)).map(({ title, controls }) => [title, controls.map(({ event }) => event)]);
}

test("three that share a word stand under it, setters or not", () => {
  expect(titles("set_camera_yaw", "reset", "set_camera_pitch", "camera_reset", "light_on", "light_off")).toEqual([
    ["", ["reset", "light_on", "light_off"]],
    ["Camera", ["set_camera_yaw", "set_camera_pitch", "camera_reset"]],
  ]);
});

test("what the author files is filed so", () => {
  expect(titles(["a", { tags: ["Light", "Other"] }], ["b", { "x-reactor-group": "Scene" }], "c")).toEqual([
    ["", ["c"]],
    ["Light", ["a"]],
    ["Scene", ["b"]],
  ]);
});

test("one title over everything is left out", () => {
  expect(titles("move_left", "move_right", "move_up")).toEqual([["", ["move_left", "move_right", "move_up"]]]);
});

test("a control is found by the beginnings of words in anything it says", () => {
  const schema = { properties: { mode: { enum: ["oil", "ink"], description: "The hand it is in" }, lens: { type: "object", properties: { focal: {} } } } };
  const post = { summary: "Paint anew", requestBody: { content: { "application/json": { schema } } } };
  const [control] = controls(["set_style", post]);
  for (const query of ["", "sty", "SET_st", "anew", "hand", "mode", "ink", "foc", "paint sty"]) expect(matches(control!, query), query).toBe(true);
  for (const query of ["yle", "paint water", "x"]) expect(matches(control!, query), query).toBe(false);
});
