/** From the model's OpenAPI document to the controls a person gets. Pure. */

import { humanise } from "./names";
import { parametersOf, type Parameter } from "./parameters";
import { object, resolver, text } from "./references";
import { isObject, type JsonObject } from "./wire";

export interface Control {
  event: string;
  label: string;
  help: string;
  /** What the author filed it under; empty when nothing is said. */
  group: string;
  parameters: Parameter[];
}

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
    const tag = Array.isArray(post["tags"]) ? text(post["tags"][0]) : "";
    controls.push({
      event,
      label: humanise(event),
      help: text(post["description"]) || wordsOf(text(post["summary"]), event),
      group: text(post["x-reactor-group"]) || tag,
      parameters: parametersOf(resolve(body), resolve),
    });
  }
  return controls;
}

/** A summary, unless it is the one an event has that its author said nothing about. */
function wordsOf(summary: string, event: string): string {
  return summary === `Trigger ${event}` ? "" : summary;
}
