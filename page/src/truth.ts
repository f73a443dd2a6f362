/** What a model's messages say about where its controls stand. Pure. */

import type { Control } from "./schema";
import { isObject, type Json } from "./wire";

/** One parameter, and the value it has in the model. */
export interface Told {
  event: string;
  parameter: string;
  value: Json;
}

/** Whether messages of this type describe the model's state: `state`, `state_update`, `ModelState`... */
export function isState(type: string): boolean {
  return type.split(/[^A-Za-z]+|(?<=[a-z])(?=[A-Z])/).some((word) => word.toLowerCase() === "state");
}

/** Reads a state: each of its keys that is a parameter's, or what a `set_` event sets. */
export function readState(data: Json, controls: Control[]): Told[] {
  if (!isObject(data)) return [];
  return Object.entries(data).flatMap(([key, value]) => toldBy(key, value, controls));
}

function toldBy(key: string, value: Json, controls: Control[]): Told[] {
  const holders = controls.filter(({ parameters }) => parameters.some(({ name }) => name === key));
  const setter = holders.find(({ event, parameters }) => event.startsWith("set_") && parameters.length === 1);
  const holder = setter ?? (holders.length === 1 ? holders[0] : undefined);
  if (holder) return [{ event: holder.event, parameter: key, value }];
  const named = controls.find(({ event }) => event === `set_${key}`);
  if (!named) return [];
  if (named.parameters.length === 1) return [{ event: named.event, parameter: named.parameters[0]!.name, value }];
  // `set_camera(yaw, pitch)` is told by `camera: {yaw, pitch}`.
  return named.parameters.flatMap(({ name }) =>
    isObject(value) && value[name] !== undefined ? [{ event: named.event, parameter: name, value: value[name] }] : [],
  );
}
