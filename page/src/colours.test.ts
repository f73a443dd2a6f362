import { expect, test } from "vitest";
import { colourFormOf, fromHex, toHex } from "./colours";
import type { Json, JsonObject } from "./wire";

const THREE = { minItems: 3, maxItems: 3 };

test.each([
  [{ type: "string", format: "color" }, "ink", "", undefined, "hex"],
  [{ type: "string", pattern: "^#[0-9a-fA-F]{6}$" }, "ink", "", undefined, "hex"],
  [{ type: "string" }, "ink", "", "#ff8800", "hex"],
  [{ type: "string", pattern: ".*" }, "colour", "", undefined, undefined],
  [{ type: "string", pattern: "(" }, "colour", "", undefined, undefined],
  [{ type: "array", items: { type: "integer" }, ...THREE }, "sky_colour", "", undefined, "bytes"],
  [{ type: "array", items: { type: "number", maximum: 1 }, ...THREE }, "sky", "An RGB triple", undefined, "parts"],
  [{ type: "array", items: { type: "number" } }, "tint", "", [255, 0, 10], "bytes"],
  [{ type: "array", items: { type: "number" } }, "color", "", [0.5, 0, 1], "parts"],
  [{ type: "array", prefixItems: [{ type: "integer" }, { type: "integer" }, { type: "integer" }], ...THREE }, "rgb", "", undefined, "bytes"],
  [{ type: "array", items: { type: "integer" }, ...THREE }, "position", "", undefined, undefined],
  [{ type: "array", items: { type: "integer" } }, "colours", "", undefined, undefined],
  [{ type: "array", items: { type: "string" }, ...THREE }, "colours", "", undefined, undefined],
] as [JsonObject, string, string, Json | undefined, string | undefined][])("%j called %s is taken as %4$s", (schema, name, words, standard, form) => {
  expect(colourFormOf(schema, name, words, standard)).toBe(form);
});

test("a colour comes back as it went", () => {
  expect(fromHex("#ff8000", "hex")).toBe("#ff8000");
  expect(fromHex("#ff8000", "bytes")).toEqual([255, 128, 0]);
  expect(fromHex("#ff8000", "parts")).toEqual([1, 0.502, 0]);
  for (const form of ["hex", "bytes", "parts"] as const) expect(toHex(fromHex("#19af4c", form), form)).toBe("#19af4c");
});

test("what is no colour has none to show", () => {
  expect(toHex("red", "hex")).toBeUndefined();
  expect(toHex([1, 2], "bytes")).toBeUndefined();
  expect(toHex(["a", 2, 3], "bytes")).toBeUndefined();
  expect(toHex([300, -4, 0], "bytes")).toBe("#ff0000");
});
