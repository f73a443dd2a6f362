import { expect, test } from "vitest";
import { pathIn, Unreadable } from "./complaints";

test.each([
  ["shade: 256 > le(255)", ["shade"]],
  ["scene.tags[0]: expected string, got null", ["scene", "tags", "0"]],
  ["paint: scene.tags.0: Input should be a valid string, got 3", ["scene", "tags", "0"]],
  ["The shade: it is too dark", []],
  ["other: missing", []],
  ["Not connected.", []],
  ["", []],
] as [string, string[]][])("%s is about %j", (message, path) => {
  expect(pathIn(message, "paint", ["shade", "scene"])).toEqual(path);
});

test("an event that is called like its parameter is told from it", () => {
  expect(pathIn("shade: 256 > le(255)", "shade", ["shade"])).toEqual(["shade"]);
});

test("what cannot be read says where, from the outside in", () => {
  expect(new Unreadable("X needs a number.").within("x").within("0").within("bursts")).toMatchObject({
    message: "X needs a number.",
    path: ["bursts", "0", "x"],
  });
});
