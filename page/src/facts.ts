/** What the server's journal tells, as lines of the log. */

import type { Line, Tone } from "./lines";
import { isObject, type Json, type JsonObject } from "./wire";

const LEVELS: Record<string, Tone> = { warning: "warning", error: "failure" };
/** Where a failure ends the model; what fails in a handler or a hook spoils one call. */
const FATAL = new Set(["import", "load", "run"]);

/** Reads the data of one server-sent event; null where it is none of the journal's. */
export function readFact(text: string): Line | null {
  const fact = parse(text);
  if (!isObject(fact) || typeof fact["event"] !== "string") return null;
  const detail = isObject(fact["detail"]) ? fact["detail"] : {};
  const atMs = Number(fact["ts"]);
  if (fact["type"] === "log") {
    const tone = LEVELS[word(detail["level"])] ?? "note";
    return { atMs, type: word(detail["logger"]), body: word(detail["text"]), tone, source: "model" };
  }
  if (fact["type"] === "traceback") {
    const where = word(detail["where"]);
    return { atMs, type: where, body: told(detail), tone: "failure", source: "model", isOpen: FATAL.has(where) };
  }
  const tone = fact["event"] === "error" || fact["to"] === "recovering" ? "warning" : "note";
  return { atMs, type: fact["event"], body: happened(fact, detail), tone, source: "journal" };
}

/** A traceback, under the words that it was logged with where it does not say them itself. */
function told(detail: JsonObject): string {
  const [error, text] = [word(detail["error"]), word(detail["text"])];
  return text.includes(error) ? text : `${error}\n${text}`;
}

function happened(fact: JsonObject, detail: JsonObject): string {
  const moved = fact["from"] === fact["to"] ? [] : [`${word(fact["from"])} → ${word(fact["to"])}`];
  const told = Object.entries(detail).filter(([, value]) => !["null", '""', "{}"].includes(JSON.stringify(value)));
  return [...moved, ...told.map(([key, value]) => `${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`)].join(" · ");
}

function word(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}
