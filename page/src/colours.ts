/** The ways a schema asks for a colour, and the colours of a picker in each of them. Pure. */

import { number, object, text } from "./references";
import type { Json, JsonObject } from "./wire";

/** `hex` is "#rrggbb", `bytes` are three integers 0..255, `parts` three numbers 0..1. */
export type ColourForm = "hex" | "bytes" | "parts";

const HEX = /^#[0-9a-f]{6}$/i;
const CALLED_COLOUR = /(^|[^a-z])(colou?rs?|tint|rgb)([^a-z]|$)/i;

/** How a parameter takes its colour; undefined when it is none. */
export function colourFormOf(schema: JsonObject, name: string, words: string, standard: Json | undefined): ColourForm | undefined {
  if (schema["type"] === "string") {
    const isHex = schema["format"] === "color" || takesHexAlone(text(schema["pattern"])) || HEX.test(text(standard));
    return isHex ? "hex" : undefined;
  }
  if (schema["type"] !== "array" || !CALLED_COLOUR.test(`${name.replaceAll("_", " ")} ${words}`)) return undefined;
  const shown = Array.isArray(standard) ? standard : undefined;
  const ofThree = shown ? shown.length === 3 : schema["minItems"] === 3 && schema["maxItems"] === 3;
  const item = object(Array.isArray(schema["prefixItems"]) ? schema["prefixItems"][0] : schema["items"]);
  if (!ofThree || !["integer", "number"].includes(text(item["type"]))) return undefined;
  if (item["type"] === "integer") return "bytes";
  const most = number(item["maximum"]);
  if (most !== undefined) return most > 1 ? "bytes" : "parts";
  return shown?.some((part) => Number(part) > 1) ? "bytes" : "parts";
}

function takesHexAlone(pattern: string): boolean {
  try {
    return pattern !== "" && new RegExp(pattern).test("#19af4c") && !new RegExp(pattern).test("red 19af");
  } catch {
    return false;
  }
}

/** The colour of a picker, `#rrggbb`, as the model takes it. */
export function fromHex(hex: string, form: ColourForm): Json {
  if (form === "hex") return hex;
  const bytes = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  return form === "bytes" ? bytes : bytes.map((byte) => Math.round((byte / 255) * 1e4) / 1e4);
}

/** A value of the model as a picker shows it; undefined when it is no colour. */
export function toHex(value: Json, form: ColourForm): string | undefined {
  if (form === "hex") return typeof value === "string" && HEX.test(value) ? value.toLowerCase() : undefined;
  if (!Array.isArray(value) || value.length < 3 || !value.every((part) => typeof part === "number")) return undefined;
  const bytes = value.slice(0, 3).map((part) => Math.min(Math.max(Math.round(form === "bytes" ? part : part * 255), 0), 255));
  return `#${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
