/** From the schema of one parameter to what a person is offered for it. Pure. */

import { colourFormOf, type ColourForm } from "./colours";
import { humanise, singular, unitIn } from "./names";
import { number, object, text, withoutNull, type Resolve } from "./references";
import { isObject, type Json, type JsonObject } from "./wire";

export type Widget =
  | { kind: "slider"; min: number; max: number; step: number; integer: boolean }
  | { kind: "number"; min?: number; max?: number; integer: boolean }
  | { kind: "choice"; choices: Json[] }
  | { kind: "switch" }
  | { kind: "colour"; form: ColourForm }
  | { kind: "text"; multiline: boolean; maxLength?: number }
  | { kind: "upload" }
  | { kind: "list"; item: Parameter; least: number; most: number | undefined }
  | { kind: "group"; fields: Parameter[] }
  | { kind: "variants"; tag: string; variants: Variant[] }
  | { kind: "json" };

/** One of several objects that a parameter may be, told apart by the value of its tag. */
export interface Variant {
  value: Json;
  fields: Parameter[];
}

export interface Parameter {
  name: string;
  label: string;
  /** What its numbers count, as `ms`; empty when nothing tells. */
  unit: string;
  help: string;
  widget: Widget;
  required: boolean;
  /** How to say that there is no value: with a null, or by leaving the parameter out; undefined when it needs one. */
  none: "null" | "omit" | undefined;
  /** What to show first; undefined when the schema names none, or none but null. */
  default: Json | undefined;
}

const UPLOAD_FORMAT = "reactor-upload-reference";
// A slider of more integers than this cannot be aimed by hand (a seed, for example).
const MOST_SLIDER_STEPS = 100_000;
const LONGEST_LINE = 120;
const MOST_ROWS = 32; // a longer default is data, and pasted rather than typed
const DEEPEST = 4;

/** The parameters that an object of this schema holds, in its order. */
export function parametersOf(schema: JsonObject, resolve: Resolve, standard?: Json, depth = 0): Parameter[] {
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  return Object.entries(object(schema["properties"])).map(([name, property]) => {
    const own = isObject(standard) ? standard[name] : undefined;
    return parameterOf(name, { ...object(property), ...(own !== undefined && { default: own }) }, required.includes(name), resolve, depth);
  });
}

function parameterOf(name: string, property: JsonObject, required: boolean, resolve: Resolve, depth: number): Parameter {
  const outer = resolve(property);
  const { schema, nullable } = withoutNull(outer, resolve);
  const standard = outer["default"] ?? schema["default"] ?? undefined;
  // What the reference to an upload says of itself is for those who write clients.
  const told = schema["format"] === UPLOAD_FORMAT ? [property] : [outer, schema];
  const help = told.map(({ description }) => text(description)).find(Boolean) ?? "";
  const widget = widgetOf(schema, { name, help, standard, resolve, depth });
  const { stem, unit } = widget.kind === "slider" || widget.kind === "number" ? unitIn(name) : { stem: name, unit: "" };
  return {
    name,
    label: humanise(stem),
    unit: [outer["x-unit"], schema["x-unit"], outer["unit"], schema["unit"]].map(text).find(Boolean) ?? unit,
    help,
    widget,
    required,
    none: nullable ? "null" : required || standard !== undefined ? undefined : "omit",
    default: standard,
  };
}

interface Around {
  name: string;
  help: string;
  standard: Json | undefined;
  resolve: Resolve;
  depth: number;
}

function widgetOf(schema: JsonObject, around: Around): Widget {
  if (Array.isArray(schema["enum"])) return { kind: "choice", choices: schema["enum"] };
  if (schema["const"] !== undefined) return { kind: "choice", choices: [schema["const"]] };
  if (schema["format"] === UPLOAD_FORMAT) return { kind: "upload" };
  const form = colourFormOf(schema, around.name, around.help, around.standard);
  if (form) return { kind: "colour", form };
  if (Array.isArray(schema["anyOf"])) return variantsWidget(schema, around) ?? { kind: "json" };
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
    case "array":
      return listWidget(schema, around);
    case "object":
      return groupWidget(schema, around);
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
  return { kind: "slider", min, max, step, integer };
}

/** The power of ten that cuts a range into 100 to 1000 steps. */
function fineStep(range: number): number {
  return Number(`1e${Math.floor(Math.log10(range / 100) + 1e-9)}`);
}

function listWidget(schema: JsonObject, { name, standard, resolve, depth }: Around): Widget {
  const places = Array.isArray(schema["prefixItems"]) ? schema["prefixItems"] : undefined;
  const rows = (places ?? [schema["items"]]).map((item) => parameterOf(singular(name), object(item), true, resolve, depth + 1));
  const item = rows[0];
  const isAlike = rows.every(({ widget }) => JSON.stringify(widget) === JSON.stringify(item?.widget));
  const isLong = Array.isArray(standard) && standard.length > MOST_ROWS;
  // Lists of lists are matrices: they come as text from somewhere else.
  if (!item || !isAlike || isLong || ["json", "list"].includes(item.widget.kind)) return { kind: "json" };
  if (item.widget.kind === "text") item.widget.multiline = false;
  const least = places?.length ?? number(schema["minItems"]) ?? 0;
  const most = places?.length ?? number(schema["maxItems"]);
  return least > MOST_ROWS ? { kind: "json" } : { kind: "list", item, least, most };
}

function groupWidget(schema: JsonObject, { standard, resolve, depth }: Around): Widget {
  const fields = depth < DEEPEST ? parametersOf(schema, resolve, standard, depth + 1) : [];
  return fields.length ? { kind: "group", fields } : { kind: "json" };
}

/** A union of objects of which each names itself in the same property. */
function variantsWidget(schema: JsonObject, { resolve, depth }: Around): Widget | undefined {
  const options = (schema["anyOf"] as Json[]).map(object);
  if (depth >= DEEPEST || !options.length) return undefined;
  const told = text(object(schema["discriminator"])["propertyName"]);
  const tag = told || Object.keys(object(options[0]!["properties"])).find((name) => options.every((option) => tagOf(option, name) !== undefined));
  if (!tag) return undefined;
  const variants: Variant[] = [];
  for (const option of options) {
    const value = tagOf(option, tag);
    if (value === undefined) return undefined;
    const fields = parametersOf(option, resolve, undefined, depth + 1).filter(({ name }) => name !== tag);
    variants.push({ value, fields });
  }
  return { kind: "variants", tag, variants };
}

function tagOf(option: JsonObject, name: string): Json | undefined {
  const property = object(object(option["properties"])[name]);
  const only = Array.isArray(property["enum"]) && property["enum"].length === 1 ? property["enum"][0] : undefined;
  return property["const"] ?? only;
}
