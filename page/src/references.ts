/** JSON Schema as it is written, read with its references followed and its nulls taken out. Pure. */

import { isObject, type Json, type JsonObject } from "./wire";

/** Puts in place of a reference what it refers to; the words beside it win. */
export type Resolve = (schema: JsonObject) => JsonObject;

/** Follows `$ref` into the document or, for pydantic's `#/$defs/`, into the event's own schema. */
export function resolver(document: JsonObject, body: JsonObject): Resolve {
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

/** Takes the `null` out of `T | None` in each of the ways it is written; what is left of a union stands in `anyOf`, resolved. */
export function withoutNull(schema: JsonObject, resolve: Resolve): { schema: JsonObject; nullable: boolean } {
  const union = schema["anyOf"] ?? schema["oneOf"];
  if (Array.isArray(union)) {
    const options = union.map((option) => resolve(object(option)));
    const solid = options.filter((option) => option["type"] !== "null");
    const nullable = solid.length < options.length;
    const { anyOf: _anyOf, oneOf: _oneOf, ...beside } = schema;
    return { schema: solid.length === 1 ? { ...solid[0], ...beside } : { ...beside, anyOf: solid }, nullable };
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

export function object(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

export function number(value: Json | undefined): number | undefined {
  return typeof value === "number" ? value : undefined;
}

export function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
