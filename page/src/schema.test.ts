import { expect, test } from "vitest";
import type { Parameter } from "./parameters";
import { controlsOf } from "./schema";
import type { JsonObject } from "./wire";

function documentOf(schema: JsonObject, components: JsonObject = {}): JsonObject {
  const requestBody = { content: { "application/json": { schema } } };
  return { paths: { "/events/go": { post: { summary: "Go on.", requestBody } } }, components: { schemas: components } };
}

function parameterOf(property: JsonObject, components: JsonObject = {}): Parameter {
  const [control] = controlsOf(documentOf({ type: "object", properties: { p: property } }, components));
  return control!.parameters[0]!;
}

test("an event becomes a control with its name, its words and its parameters in order", () => {
  const schema = { type: "object", properties: { b: { type: "string" }, a: { type: "boolean" } }, required: ["a"] };
  const [control] = controlsOf(documentOf(schema));
  expect(control).toMatchObject({ event: "go", label: "Go", help: "Go on." });
  expect(control!.parameters.map(({ name, required }) => [name, required])).toEqual([["b", false], ["a", true]]);
});

test("an event without a body becomes a control without parameters", () => {
  expect(controlsOf({ paths: { "/events/reset_scene": { post: {} } } })).toEqual([
    { event: "reset_scene", label: "Reset scene", help: "", group: "", parameters: [] },
  ]);
});

test("a summary that only repeats the name is left out", () => {
  expect(controlsOf({ paths: { "/events/jump": { post: { summary: "Trigger jump" } } } })[0]!.help).toBe("");
});

test("paths that are no events make no controls", () => {
  expect(controlsOf({ paths: { "/health": { get: {} }, "/events/x": { get: {} } } })).toEqual([]);
  expect(controlsOf({})).toEqual([]);
});

test.each([
  [{ type: "integer", minimum: 0, maximum: 255 }, { kind: "slider", min: 0, max: 255, step: 1, integer: true }],
  [{ type: "number", minimum: 0, maximum: 1 }, { kind: "slider", min: 0, max: 1, step: 0.01, integer: false }],
  [{ type: "number", minimum: -180, maximum: 180 }, { kind: "slider", min: -180, max: 180, step: 1, integer: false }],
  [{ type: "integer", minimum: 0, maximum: 10, multipleOf: 5 }, { kind: "slider", min: 0, max: 10, step: 5, integer: true }],
  [{ type: "integer", exclusiveMinimum: 0, exclusiveMaximum: 9 }, { kind: "slider", min: 1, max: 8, step: 1, integer: true }],
  [{ type: "integer", minimum: 0, maximum: 4294967295 }, { kind: "number", integer: true, min: 0, max: 4294967295 }],
  [{ type: "number", minimum: 2 }, { kind: "number", integer: false, min: 2 }],
  [{ type: "integer" }, { kind: "number", integer: true }],
  [{ type: "boolean" }, { kind: "switch" }],
  [{ type: "string", enum: ["a", "b"] }, { kind: "choice", choices: ["a", "b"] }],
  [{ enum: [1, 2] }, { kind: "choice", choices: [1, 2] }],
  [{ const: "only" }, { kind: "choice", choices: ["only"] }],
  [{ type: "string" }, { kind: "text", multiline: true }],
  [{ type: "string", maxLength: 4000 }, { kind: "text", multiline: true, maxLength: 4000 }],
  [{ type: "string", maxLength: 20 }, { kind: "text", multiline: false, maxLength: 20 }],
  [{ type: "array", items: { type: "array", items: { type: "number" } } }, { kind: "json" }],
  [{ type: "array" }, { kind: "json" }],
  [{ type: "string", format: "color" }, { kind: "colour", form: "hex" }],
  [{ format: "reactor-upload-reference" }, { kind: "upload" }],
  [{ type: "object" }, { kind: "json" }],
  [{}, { kind: "json" }],
  [{ anyOf: [{ type: "string" }, { type: "integer" }] }, { kind: "json" }],
] as [JsonObject, object][])("%j is offered as %j", (property, widget) => {
  expect(parameterOf(property).widget).toEqual(widget);
});

test.each([
  { anyOf: [{ type: "integer", minimum: 0, maximum: 9 }, { type: "null" }], default: null },
  { type: ["integer", "null"], minimum: 0, maximum: 9, default: null },
] as JsonObject[])("%j may be null", (property) => {
  expect(parameterOf(property)).toMatchObject({ none: "null", default: undefined, widget: { kind: "slider", max: 9 } });
});

test("what takes no null has none by being left out, where nothing or null is its default", () => {
  expect(parameterOf({ type: "array", default: null })).toMatchObject({ none: "omit", default: undefined });
  expect(parameterOf({ type: "integer" }).none).toBe("omit");
  expect(parameterOf({ type: "string", default: "" }).none).toBeUndefined();
});

test("what is required needs a value", () => {
  const [control] = controlsOf(documentOf({ properties: { p: { type: "integer" } }, required: ["p"] }));
  expect(control!.parameters[0]!.none).toBeUndefined();
});

test("a null among the choices is no choice but none", () => {
  expect(parameterOf({ enum: ["a", null] })).toMatchObject({
    none: "null",
    widget: { kind: "choice", choices: ["a"] },
  });
});

test("a reference is followed into the document, and words beside it win", () => {
  const mode = { type: "string", enum: ["day", "night"], description: "Of the class" };
  expect(parameterOf({ $ref: "#/components/schemas/Mode", default: "day", description: "When" }, { Mode: mode })).toMatchObject({
    help: "When",
    default: "day",
    widget: { kind: "choice", choices: ["day", "night"] },
  });
});

test("a reference is followed into the event's own definitions", () => {
  const [control] = controlsOf(
    documentOf({ properties: { mode: { allOf: [{ $ref: "#/$defs/Mode" }] } }, $defs: { Mode: { enum: ["x"] } } }),
  );
  expect(control!.parameters[0]!.widget).toEqual({ kind: "choice", choices: ["x"] });
});

test("a reference that leads nowhere or in a circle is left to be typed as JSON", () => {
  expect(parameterOf({ $ref: "#/components/schemas/Gone" }).widget).toEqual({ kind: "json" });
  expect(parameterOf({ $ref: "#/components/schemas/A" }, { A: { $ref: "#/components/schemas/A" } }).widget).toEqual({ kind: "json" });
});

test("defaults and help come with the parameter", () => {
  expect(parameterOf({ type: "number", default: 0, description: "How far" })).toMatchObject({ default: 0, help: "How far" });
  expect(parameterOf({ type: "number" }).default).toBeUndefined();
});

test("numbers come with their unit, from the schema or from the name", () => {
  const units = { delay_ms: {}, gain: { "x-unit": "dB" }, angle_deg: { unit: "turns" }, title_px: { type: "string" } };
  const properties = Object.fromEntries(Object.entries(units).map(([name, schema]) => [name, { type: "number", ...schema }]));
  const [control] = controlsOf(documentOf({ properties }));
  expect(control!.parameters.map(({ label, unit }) => [label, unit])).toEqual([["Delay", "ms"], ["Gain", "dB"], ["Angle", "turns"], ["Title px", ""]]);
});

test("a list has rows of what it holds, as many as are allowed", () => {
  expect(parameterOf({ type: "array", items: { type: "integer" }, minItems: 1, maxItems: 4 }).widget).toMatchObject({
    kind: "list",
    least: 1,
    most: 4,
    item: { required: true, widget: { kind: "number", integer: true } },
  });
  const place = { type: "number" };
  expect(parameterOf({ type: "array", prefixItems: [place, place], minItems: 2, maxItems: 2 }).widget).toMatchObject({ kind: "list", least: 2, most: 2 });
  expect(parameterOf({ type: "array", prefixItems: [place, { type: "string" }] }).widget).toEqual({ kind: "json" });
  expect(parameterOf({ type: "array", items: place, default: Array(100).fill(0) }).widget).toEqual({ kind: "json" });
});

test("an object has a field for each property, with what the parameter's default says of it", () => {
  const wind = { type: "object", properties: { x: { type: "number", default: 0 }, gusty: { type: "boolean" } }, required: ["gusty"] };
  const { widget } = parameterOf({ $ref: "#/components/schemas/Wind", default: { x: 3, gusty: true } }, { Wind: wind });
  expect(widget).toMatchObject({ kind: "group", fields: [{ name: "x", default: 3 }, { name: "gusty", default: true, required: true }] });
});

test("objects that hold themselves end in JSON", () => {
  const node = { type: "object", properties: { next: { $ref: "#/components/schemas/Node" } } };
  const text = JSON.stringify(parameterOf({ $ref: "#/components/schemas/Node" }, { Node: node }).widget);
  expect(text).toContain('"kind":"json"');
});

test("a union of objects with a tag is a choice between them", () => {
  const oil = { type: "object", properties: { kind: { const: "oil" }, gloss: { type: "number" } } };
  const ink = { type: "object", properties: { kind: { const: "ink" } } };
  const union = { oneOf: [oil, ink], discriminator: { propertyName: "kind" } };
  const widget = { kind: "variants", tag: "kind", variants: [{ value: "oil", fields: [{ name: "gloss" }] }, { value: "ink", fields: [] }] };
  expect(parameterOf(union).widget).toMatchObject(widget);
  expect(parameterOf({ anyOf: [oil, ink] }).widget).toMatchObject(widget);
  expect(parameterOf({ anyOf: [oil, { type: "object", properties: { kind: { type: "string" } } }] }).widget).toEqual({ kind: "json" });
});

test("a file is what refers to an upload, alone or in a list", () => {
  const components = { ReactorUploadReference: { type: "object", format: "reactor-upload-reference", description: "Of the wire", properties: { upload_id: {} } } };
  const reference = { $ref: "#/components/schemas/ReactorUploadReference" };
  expect(parameterOf(reference, components)).toMatchObject({ help: "", widget: { kind: "upload" } });
  expect(parameterOf({ anyOf: [reference, { type: "null" }], default: null }, components)).toMatchObject({ none: "null", widget: { kind: "upload" } });
  expect(parameterOf({ type: "array", items: reference }, components).widget).toMatchObject({ kind: "list", item: { widget: { kind: "upload" } } });
});
