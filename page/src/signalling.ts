/** The session routes of the server: one method per call, errors as `HttpError`. */

import { tabMemory } from "./memory";
import type { Descriptor, Health, JsonObject } from "./wire";

export class HttpError extends Error {
  constructor(
    readonly status: number,
    readonly detail: string,
    /** How long the server asked to wait, in milliseconds. */
    readonly retryAfterMs: number | undefined,
  ) {
    super(detail || `the server answered ${status}`);
  }
}

export interface Candidate {
  candidate: string;
  sdp_mid: string | null;
  sdp_mline_index: number | null;
}

export interface TrackMapping {
  mid: string;
  name: string;
  kind: "video" | "audio";
  direction: "recvonly" | "sendonly";
}

const CLIENT_INFO = { sdk_type: "js", sdk_version: "page" };
const REQUEST_TIMEOUT_MS = 10_000;
const FORMER_SESSION = "reactor-session";
const RUNNING = new Set(["WAITING", "STREAMING", "ORPHANED", "RECOVERING"]);

export async function health(): Promise<Health> {
  const response = await request("GET", "health");
  // 503 is an answer here: it says what the server is waiting for.
  if (!response.ok && response.status !== 503) throw await failure(response);
  return (await response.json()) as Health;
}

/** Starts a session or joins the one that runs; a reload goes back to its own, where the server runs several. */
export async function startSession(): Promise<Descriptor> {
  const former = tabMemory.getItem(FORMER_SESSION);
  const session =
    (former && (await runningSession(former))) || ((await json("POST", "start_session", {})) as Descriptor);
  tabMemory.setItem(FORMER_SESSION, session.session_id);
  return session;
}

async function runningSession(id: string): Promise<Descriptor | null> {
  const response = await request("GET", `session?session_id=${encodeURIComponent(id)}`);
  if (!response.ok) return null;
  const session = (await response.json()) as Descriptor;
  return RUNNING.has(session.state) ? session : null;
}

/** A path below one session, from the page's own place. */
export function sessionUrl(id: string, path: string): string {
  return `sessions/${encodeURIComponent(id)}/${path}`;
}

/** What is asked of one session over HTTP to open one WebRTC connection. */
export class Signalling {
  readonly #base: string;

  constructor(sessionId: string) {
    this.#base = sessionUrl(sessionId, "transport/webrtc");
  }

  async iceServers(): Promise<RTCIceServer[]> {
    const answer = (await json("GET", `${this.#base}/ice_servers`)) as {
      ice_servers?: { uris: string[]; credentials?: { username: string; password: string } }[];
    };
    return (answer.ice_servers ?? []).map(({ uris, credentials }) => ({
      urls: uris,
      ...(credentials && { username: credentials.username, credential: credentials.password }),
    }));
  }

  async register(): Promise<number> {
    return ((await json("POST", `${this.#base}/connections`)) as { connection_id: number }).connection_id;
  }

  async offer(connection: number, sdp: string, tracks: TrackMapping[]): Promise<void> {
    await json("POST", `${this.#base}/connections/${connection}/sdp_params`, {
      sdp_offer: sdp,
      client_info: CLIENT_INFO,
      track_mapping: tracks.map((track) => ({ ...track })),
    });
  }

  /** Returns the answer, or null while the server still makes it. */
  async answer(connection: number): Promise<string | null> {
    const response = await request("GET", `${this.#base}/connections/${connection}/sdp_params`);
    if (response.status === 202) return null;
    if (!response.ok) throw await failure(response);
    return ((await response.json()) as { sdp_answer: string }).sdp_answer;
  }

  async candidates(connection: number, candidates: Candidate[], isFinal: boolean): Promise<void> {
    await json("POST", `${this.#base}/connections/${connection}/ice_candidates`, {
      candidates: candidates.map((candidate) => ({ ...candidate })),
      is_final: isFinal,
      client_info: CLIENT_INFO,
    });
  }
}

function request(method: string, path: string, body?: JsonObject | string): Promise<Response> {
  return fetch(path, {
    method,
    cache: "no-store",
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    ...(body && { body: typeof body === "string" ? body : JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
}

/** Asks for JSON; a body that is a string is JSON already. */
export async function json(method: string, path: string, body?: JsonObject | string): Promise<unknown> {
  const response = await request(method, path, body);
  if (!response.ok) throw await failure(response);
  const text = await response.text();
  return text ? JSON.parse(text) : {};
}

/** What an answer that is none of the good ones says. */
export async function failure(response: Response): Promise<HttpError> {
  const wait = Number(response.headers.get("retry-after"));
  const text = await response.text().catch(() => "");
  let detail = "";
  try {
    const body = JSON.parse(text) as { detail?: unknown; error?: unknown };
    detail = typeof body.detail === "string" ? body.detail : typeof body.error === "string" ? body.error : "";
  } catch {
    // Not every answer in between is this server's own; the status says enough.
  }
  return new HttpError(response.status, detail, wait > 0 ? wait * 1000 : undefined);
}
