/** What crosses the data channels and the session routes, as plain values. Nothing here touches the network. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export interface Track {
  name: string;
  kind: "video" | "audio";
  /** Seen from the client: `recvonly` is what the model puts out. */
  direction: "recvonly" | "sendonly";
}

/** The answer to `POST /start_session`. */
export interface Descriptor {
  session_id: string;
  state: string;
  model: { name: string };
  capabilities?: { tracks: Track[] };
}

export interface Progress {
  text: string;
  /** 0..1, or null when it cannot be told. */
  fraction: number | null;
}

/** The answer to `GET /health`. */
export interface Health {
  status: "loading" | "ready" | "unhealthy";
  model?: string | null;
  detail?: string | null;
  progress?: Progress | null;
  /** Whether clients are shown the model's log lines and tracebacks. */
  development?: boolean;
}

/** Where the time of a command went: stage to milliseconds, in the order of time, then `added` and `total`. */
export interface Traced {
  id: string;
  command: string;
  stages: Record<string, number>;
}

/** The encoded version of a track that this page gets: its place from the best (0) down, among how many. */
export interface RungFigures {
  place: number;
  of: number;
  codec: string;
  width: number;
  height: number;
  bitrateBps: number;
  viewers: number;
}

/** How the server says that the stream and this page's connection do. Frames are counted since the stream began. */
export interface ServerFigures {
  /** The server's own clock. */
  atMs: number;
  version: string;
  generated: number;
  shown: number;
  dropped: number;
  queued: number;
  /** Frames per second that are played. */
  rate: number;
  leadMs: number;
  rungs: Record<string, RungFigures>;
  estimateBps: number | null;
  /** Encoded pictures that there was no room for on the way to this page. */
  leftOut: number;
}

/** One frame of the `data` channel, server to client. */
export type Inbound =
  | { kind: "message"; type: string; data: Json }
  | { kind: "schema"; document: JsonObject }
  | { kind: "accepted"; id: string }
  | { kind: "rejected"; id: string | null; command: string; code: string; message: string }
  | { kind: "session"; state: string; reason: string }
  | { kind: "ended"; reason: string }
  | { kind: "failed"; where: string; summary: string }
  | { kind: "loading"; progress: Progress }
  | { kind: "unreadable"; reason: string }
  | { kind: "clock"; askedAt: Json }
  | { kind: "answers"; track: string; rtpTimestamp: number; ids: string[] }
  | { kind: "traced"; traced: Traced }
  | { kind: "figures"; figures: ServerFigures };

/** A command that the server follows to the screen, since it says when it was sent. */
export function encodeCommand(name: string, args: JsonObject, id: string, sentAtMs: number): string {
  return JSON.stringify({ scope: "application", data: { type: name, data: args, id, sent_at_ms: sentAtMs } });
}

export function encodeRuntime(type: string, data: JsonObject = {}): string {
  return JSON.stringify({ scope: "runtime", data: { type, data } });
}

/** A verb of the `control` channel about one track. */
export function encodeTrackEvent(event: "resume_track" | "pause_track" | "unpublish_track", name: string): string {
  return JSON.stringify({ type: "notification", event, data: { name } });
}

/** Asks for an input track; answered by a frame that `decodeAnswer` reads. */
export function encodePublish(name: string, id: string): string {
  return JSON.stringify({ type: "request", method: "publish_track", request_id: id, data: { name } });
}

/** Reads one frame of the `control` channel: the answer to a request, and why it was refused, if it was. */
export function decodeAnswer(text: string): { id: string; refusal: { code: string; message: string } | null } | null {
  const frame = parse(text);
  if (!isObject(frame) || frame["type"] !== "response") return null;
  const error = frame["error"];
  const refusal = isObject(error) ? { code: word(error["code"]), message: word(error["message"]) } : null;
  return { id: word(frame["request_id"]), refusal };
}

/** Reads the frame that opens a socket: the output tracks in the order of the numbers in its binary frames. */
export function decodeHello(text: string): { name: string; kind: "video" | "audio" }[] | null {
  const frame = parse(text);
  const inner = isObject(frame) && frame["scope"] === "runtime" ? frame["data"] : null;
  if (!isObject(inner) || inner["type"] !== "hello" || !isObject(inner["data"])) return null;
  const tracks = inner["data"]["tracks"];
  if (!Array.isArray(tracks)) return [];
  return tracks.filter(isObject).map(({ name, kind }) => ({ name: word(name), kind: kind === "audio" ? "audio" : "video" }));
}

/** Reads one frame of the `data` channel; null when it says nothing that this page knows. */
export function decode(text: string): Inbound | null {
  const frame = parse(text);
  if (!isObject(frame)) return null;
  // A frame without a scope is the model's own, as in the first published families.
  if (frame["scope"] !== "runtime") return decodeMessage(frame["scope"] === "application" ? frame["data"] : frame);
  const inner = frame["data"];
  return isObject(inner) ? decodeRuntime(word(inner["type"]), inner["data"] ?? {}) : null;
}

function decodeMessage(body: Json | undefined): Inbound {
  // Generation 1 sends whatever its author hands over, so `type` may be missing.
  if (isObject(body) && typeof body["type"] === "string") {
    return { kind: "message", type: body["type"], data: body["data"] ?? {} };
  }
  return { kind: "message", type: "message", data: body ?? null };
}

function decodeRuntime(type: string, data: Json): Inbound | null {
  const field = isObject(data) ? data : {};
  switch (type) {
    case "modelSchema":
      return { kind: "schema", document: field };
    case "commandAccepted":
      return { kind: "accepted", id: word(field["id"]) };
    case "commandRejected":
      return {
        kind: "rejected",
        id: typeof field["id"] === "string" ? field["id"] : null,
        command: word(field["command"]),
        code: word(field["code"]),
        message: word(field["message"]),
      };
    case "sessionState":
      return { kind: "session", state: word(field["state"]).toLowerCase(), reason: word(field["reason"]) };
    case "sessionEnded":
      return { kind: "ended", reason: word(field["reason"]) };
    case "modelFailed":
      return { kind: "failed", where: word(field["where"]), summary: word(field["summary"]) };
    case "loading": {
      const fraction = field["fraction"];
      return {
        kind: "loading",
        progress: { text: word(field["text"]), fraction: typeof fraction === "number" ? fraction : null },
      };
    }
    case "unreadable":
      return { kind: "unreadable", reason: word(field["reason"]) };
    case "clock":
      return { kind: "clock", askedAt: field["asked_at_ms"] ?? null };
    case "frameAnswers": {
      const ids = field["command_ids"];
      return {
        kind: "answers",
        track: word(field["track"]),
        rtpTimestamp: Number(field["rtp_timestamp"]),
        ids: Array.isArray(ids) ? ids.map(word) : [],
      };
    }
    case "commandTraced": {
      const stages = isObject(field["stages_ms"]) ? (field["stages_ms"] as Record<string, number>) : {};
      return { kind: "traced", traced: { id: word(field["id"]), command: word(field["command"]), stages } };
    }
    case "figures":
      return { kind: "figures", figures: decodeFigures(field) };
    default:
      return null;
  }
}

function decodeFigures(field: JsonObject): ServerFigures {
  const rungs = isObject(field["rungs"]) ? Object.entries(field["rungs"]) : [];
  return {
    atMs: Number(field["at_ms"]),
    version: word(field["version"]),
    generated: Number(field["generated"]),
    shown: Number(field["shown"]),
    dropped: Number(field["dropped"]),
    queued: Number(field["queued"]),
    rate: Number(field["rate"]),
    leadMs: Number(field["lead_ms"]),
    rungs: Object.fromEntries(rungs.flatMap(([track, rung]) => (isObject(rung) ? [[track, decodeRung(rung)]] : []))),
    estimateBps: typeof field["estimate_bps"] === "number" ? field["estimate_bps"] : null,
    leftOut: Number(field["units_lost"]),
  };
}

function decodeRung(field: JsonObject): RungFigures {
  return {
    place: Number(field["place"]),
    of: Number(field["of"]),
    codec: word(field["codec"]),
    width: Number(field["width"]),
    height: Number(field["height"]),
    bitrateBps: Number(field["bitrate_bps"]),
    viewers: Number(field["viewers"]),
  };
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function word(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
