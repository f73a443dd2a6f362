/** From the model's OpenAPI document to the controls a person gets. Pure. */

import { isObject, type Json, type JsonObject } from "./wire";

export type Widget =
  | { kind: "slider"; min: number; max: number; step: number }
  | { kind: "number"; min?: number; max?: number; integer: boolean }
  | { kind: "choice"; choices: Json[] }
  | { kind: "switch" }
  | { kind: "text"; multiline: boolean; maxLength?: number }
  | { kind: "json" };

export interface Parameter {
  name: string;
  label: string;
  help: string;
  widget: Widget;
  required: boolean;
  /** How to say that there is no value: with a null, or by leaving the parameter out; undefined when it needs one. */
  none: "null" | "omit" | undefined;
  /** What to show first; undefined when the schema names none, or none but null. */
  default: Json | undefined;
}

export interface Control {
  event: string;
  label: string;
  help: string;
  parameters: Parameter[];
}

// A slider of more integers than this cannot be aimed by hand (a seed, for example).
const MOST_SLIDER_STEPS = 100_000;
const LONGEST_LINE = 120;

/** One control per event of the document, in its order. */
export function controlsOf(document: JsonObject): Control[] {
  const controls: Control[] = [];
  for (const [path, item] of Object.entries(object(document["paths"]))) {
    const post = object(object(item)["post"]);
    if (!path.startsWith("/events/") || !isObject(object(item)["post"])) continue;
    const event = path.slice("/events/".length);
    const content = object(object(object(post["requestBody"])["content"])["application/json"]);
    const body = object(content["schema"]);
    const resolve = resolver(document, body);
    const schema = resolve(body);
    const required = Array.isArray(schema["required"]) ? schema["required"] : [];
    controls.push({
      event,
      label: humanise(event),
      help: text(post["description"]) || wordsOf(text(post["summary"]), event),
      parameters: Object.entries(object(schema["properties"])).map(([name, property]) =>
        parameterOf(name, object(property), required.includes(name), resolve),
      ),
    });
  }
  return controls;
}

function parameterOf(
  name: string,
  property: JsonObject,
  required: boolean,
  resolve: (schema: JsonObject) => JsonObject,
): Parameter {
  const outer = resolve(property);
  const { schema, nullable } = withoutNull(outer, resolve);
  const standard = outer["default"] ?? schema["default"] ?? undefined;
  return {
    name,
    label: humanise(name),
    help: text(outer["description"]) || text(schema["description"]),
    widget: widgetOf(schema),
    required,
    none: nullable ? "null" : required || standard !== undefined ? undefined : "omit",
    default: standard,
  };
}

function widgetOf(schema: JsonObject): Widget {
  if (Array.isArray(schema["enum"])) return { kind: "choice", choices: schema["enum"] };
  if (schema["const"] !== undefined) return { kind: "choice", choices: [schema["const"]] };
  switch (schema["type"]) {
    case "boolean":
      return { kind: "switch" };
    case "integer":
    case "number":
      return numberWidget(schema, schema["type"] === "integer");
    case "string": {
      const maxLength = number(schema["maxLength"]);
      const multiline = maxLength === undefined || maxLength > LONGEST_LINE;
      return { kind: "text", multiline, ...(maxLength !== undefined && { maxLength }) };
    }
    default:
      return { kind: "json" };
  }
}

function numberWidget(schema: JsonObject, integer: boolean): Widget {
  const low = number(schema["minimum"]) ?? number(schema["exclusiveMinimum"]);
  const high = number(schema["maximum"]) ?? number(schema["exclusiveMaximum"]);
  if (low === undefined || high === undefined || high <= low) {
    return {
      kind: "number",
      integer,
      ...(low !== undefined && { min: low }),
      ...(high !== undefined && { max: high }),
    };
  }
  const step = number(schema["multipleOf"]) ?? (integer ? 1 : fineStep(high - low));
  // A slider only knows inclusive ends: an exclusive one is drawn a step inside.
  const min = schema["minimum"] === undefined ? low + step : low;
  const max = schema["maximum"] === undefined ? high - step : high;
  if (integer && (max - min) / step > MOST_SLIDER_STEPS) return { kind: "number", integer, min, max };
  return { kind: "slider", min, max, step };
}

/** The power of ten that cuts a range into 100 to 1000 steps. */
function fineStep(range: number): number {
  return Number(`1e${Math.floor(Math.log10(range / 100) + 1e-9)}`);
}

/** Follows `$ref` into the document or, for pydantic's `#/$defs/`, into the event's own schema. */
function resolver(document: JsonObject, body: JsonObject): (schema: JsonObject) => JsonObject {
  return function resolve(schema: JsonObject, depth = 0): JsonObject {
    const only = Array.isArray(schema["allOf"]) && schema["allOf"].length === 1 ? schema["allOf"][0] : undefined;
    const reference = schema["$ref"];
    if (depth > 16 || (typeof reference !== "string" && only === undefined)) return schema;
    const target = typeof reference === "string" ? (follow(body, reference) ?? follow(document, reference)) : only;
    const { $ref: _ref, allOf: _allOf, ...beside } = schema;
    return { ...resolve(object(target), depth + 1), ...beside };
  };
}

function follow(root: JsonObject, reference: string): Json | undefined {
  let at: Json | undefined = root;
  for (const part of reference.replace(/^#\//, "").split("/")) {
    at = isObject(at) ? at[part.replace(/~1/g, "/").replace(/~0/g, "~")] : undefined;
  }
  return at;
}

/** Takes the `null` out of `T | None` in each of the ways it is written. */
function withoutNull(
  schema: JsonObject,
  resolve: (schema: JsonObject) => JsonObject,
): { schema: JsonObject; nullable: boolean } {
  const union = schema["anyOf"] ?? schema["oneOf"];
  if (Array.isArray(union)) {
    const options = union.map((option) => resolve(object(option)));
    const solid = options.filter((option) => option["type"] !== "null");
    const nullable = solid.length < options.length;
    const { anyOf: _anyOf, oneOf: _oneOf, ...beside } = schema;
    return { schema: solid.length === 1 ? { ...solid[0], ...beside } : beside, nullable };
  }
  const types = schema["type"];
  if (Array.isArray(types)) {
    const solid = types.filter((type) => type !== "null");
    const nullable = solid.length < types.length;
    return { schema: { ...schema, type: solid.length === 1 ? solid[0]! : solid }, nullable };
  }
  if (Array.isArray(schema["enum"]) && schema["enum"].includes(null)) {
    return { schema: { ...schema, enum: schema["enum"].filter((choice) => choice !== null) }, nullable: true };
  }
  return { schema, nullable: false };
}

/** A summary, unless it is the one an event has that its author said nothing about. */
function wordsOf(summary: string, event: string): string {
  return summary === `Trigger ${event}` ? "" : summary;
}

/** `set_prompt` as a person would write it: `Set prompt`. */
export function humanise(name: string): string {
  const words = name.replace(/[_-]+/g, " ").trim();
  return words ? words[0]!.toUpperCase() + words.slice(1) : name;
}

function object(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

function number(value: Json | undefined): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
