/**
 * Keeps one viewer connected to the model for as long as the page is open.
 *
 * connecting: the server loads, or the first connection is being made · waiting: connected, no picture yet ·
 * live: media arrives · recovering: the model restarts, the connection holds · failed: the model cannot be started, the
 * server is asked until it can · lost: the transport is gone and is being replaced · ended: the server ended the
 * session; `restart` begins another.
 *
 * One loop makes ladders, one after the other; a ladder finds a way to the server and changes it while it holds.
 */

import { Ladder, type LadderEvents } from "./ladder";
import { openersOf } from "./rungs";
import { health, HttpError, startSession } from "./signalling";
import { sleep, type Rung, type Transport } from "./transports/transport";
import { encodeCommand, encodeRuntime, type Descriptor, type Inbound, type JsonObject, type Progress } from "./wire";

export type State = "connecting" | "waiting" | "live" | "recovering" | "failed" | "lost" | "ended";

/** What the client tells the page. */
export interface View extends Pick<LadderEvents, "onTrack" | "onPicture"> {
  showState(state: State, reason: string): void;
  /** Progress of the model's loading; null when it is over. */
  showLoading(progress: Progress | null): void;
  showModel(name: string): void;
  /** Whether the journal tells what the model says to its author. */
  showDevelopment(isDevelopment: boolean): void;
  showSession(session: Descriptor): void;
  /** A command goes to the server. */
  onCommand(): void;
  /** A connection is open, the first or one in place of another. */
  showConnection(transport: Transport): void;
  /** The tracks are about to end. */
  keepPictures(): void;
  showMessage(message: Inbound): void;
}

/** A command the model or the server refused, or that nobody answered. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

interface Pending {
  resolve: () => void;
  reject: (error: Refused) => void;
  timer: ReturnType<typeof setTimeout>;
}

const UNREACHABLE = "The server does not answer.";
const HEALTH_INTERVAL_MS = 300;
const ENDED_HEALTH_INTERVAL_MS = 2_000;
const BUSY_MS = 400;
const REPLY_TIMEOUT_MS = 10_000;
const GAP_MS = 1_000; // without a connection that is not worth a word
const STEADY_MS = 5_000; // a connection that held this long starts the back-off anew
const BACKOFF_MS = { first: 250, most: 4_000 };

export class Client {
  #state: State = "connecting";
  #reason = "";
  #session: Descriptor | undefined;
  #ladder: Ladder | undefined;
  #gap: ReturnType<typeof setTimeout> | undefined;
  #opened = 0;
  #modelRestarts = false;
  #ended: string | undefined;
  #commands = 0;
  #wake: () => void = () => undefined;
  readonly #pending = new Map<string, Pending>();

  /** Over one rung alone, if one is named. */
  constructor(
    private readonly view: View,
    private readonly only?: Rung,
  ) {}

  get state(): State {
    return this.#state;
  }

  get transport(): Transport | undefined {
    return this.#ladder?.transport;
  }

  /** Connections opened so far. */
  get opened(): number {
    return this.#opened;
  }

  /** Connects and stays connected. Never returns. */
  async run(): Promise<never> {
    addEventListener("online", () => {
      this.#wake();
      this.#ladder?.climb();
    });
    for (let attempt = 0; ; attempt++) {
      const began = performance.now();
      const why = await this.#connectOnce();
      if (this.#ended !== undefined) {
        await this.#restarted(this.#ended);
        attempt = -1;
        continue;
      }
      this.#enter("lost", why);
      if (performance.now() - began > STEADY_MS) attempt = 0;
      await this.#pause(backoff(attempt));
    }
  }

  /**
   * Sends one command, given at `atMs` of `performance.now()`.
   *
   * @throws {Refused} The model does not take it, the connection is gone, or no answer came in 10 s.
   */
  send(name: string, args: JsonObject = {}, atMs = performance.now()): Promise<void> {
    const id = `c${++this.#commands}`;
    return new Promise((resolve, reject) => {
      if (!this.transport?.send(encodeCommand(name, args, id, atMs))) {
        reject(new Refused("not_connected", "Not connected."));
        return;
      }
      this.view.onCommand();
      const timer = setTimeout(() => this.#settle(id, new Refused("no_answer", "No answer.")), REPLY_TIMEOUT_MS);
      this.#pending.set(id, { resolve, reject, timer });
    });
  }

  /** Tells the runtime something that it does not answer; lost while not connected. */
  tell(type: string, data: JsonObject): void {
    this.transport?.send(encodeRuntime(type, data));
  }

  /** Begins a new session after one has ended. */
  restart(): void {
    this.#wake();
  }

  /** Leaves without ending the session, which others may watch. */
  close(): void {
    this.#ladder?.close();
  }

  /** To be called when a picture was shown or sound was played. */
  mediaArrived(): void {
    if (this.#state === "waiting") this.#enter("live");
  }

  /** Connects, stays so while any rung gets through, and says why none does any more. */
  async #connectOnce(): Promise<string> {
    try {
      const session = (this.#session ??= await this.#startSession());
      const tracks = session.capabilities?.tracks ?? [];
      this.#ladder = new Ladder(openersOf(session.session_id, tracks, this.only), {
        onUp: (transport) => this.#begin(transport),
        onDown: (reason) => this.#leave(reason),
        onTrack: (name, track) => this.view.onTrack(name, track),
        onPicture: (name, picture) => this.view.onPicture(name, picture),
        onSound: () => this.mediaArrived(),
        onMessage: (message) => this.#receive(message),
      });
      throw await this.#ladder.lost;
    } catch (error) {
      if (error instanceof HttpError) this.#session = undefined;
      // fetch says the same of every failure, and says it to programmers.
      return error instanceof TypeError || error instanceof DOMException ? UNREACHABLE : (error as Error).message;
    } finally {
      this.#hangUp();
    }
  }

  /** Starts a session, or joins the one that runs, as soon as the server can. */
  async #startSession(): Promise<Descriptor> {
    for (;;) {
      const { status, model, detail, progress, development } = await health();
      this.view.showDevelopment(development ?? false);
      if (model) this.view.showModel(model);
      this.view.showLoading(status === "loading" ? (progress ?? { text: "Loading…", fraction: null }) : null);
      if (status === "ready") {
        try {
          const session = await startSession();
          this.view.showSession(session);
          return session;
        } catch (error) {
          // The session before is still closing, or the model was lost this moment.
          if (!(error instanceof HttpError) || ![409, 503].includes(error.status)) throw error;
          await sleep(error.retryAfterMs ?? BUSY_MS);
        }
      } else {
        if (status === "loading") this.#enter("connecting");
        else this.#enter("failed", detail ?? "");
        await sleep(HEALTH_INTERVAL_MS);
      }
    }
  }

  #receive(message: Inbound): void {
    if (message.kind === "accepted") this.#settle(message.id);
    if (message.kind === "rejected" && message.id !== null) {
      this.#settle(message.id, new Refused(message.code, message.message || message.code));
    }
    if (message.kind === "clock") {
      this.tell("clock", { asked_at_ms: message.askedAt, client_at_ms: performance.now() });
    }
    if (message.kind === "loading") this.view.showLoading(message.progress);
    if (message.kind === "ended") this.#ended = message.reason;
    if (message.kind === "session") this.#follow(message.state, message.reason);
    this.view.showMessage(message);
    if (message.kind === "ended") this.#hangUp();
  }

  #begin(transport: Transport): void {
    clearTimeout(this.#gap);
    this.#opened++;
    this.#modelRestarts = false;
    this.view.keepPictures();
    this.#enter("waiting");
    this.view.showConnection(transport);
  }

  #leave(reason: string): void {
    this.view.keepPictures();
    for (const id of [...this.#pending.keys()]) this.#settle(id, new Refused("not_connected", "Connection lost."));
    clearTimeout(this.#gap);
    this.#gap = setTimeout(() => this.#enter("lost", reason), GAP_MS);
  }

  #hangUp(): void {
    if (this.#ladder) this.#leave("");
    clearTimeout(this.#gap);
    this.#ladder?.close();
    this.#ladder = undefined;
  }

  #follow(sessionState: string, reason: string): void {
    const restarted = this.#modelRestarts && sessionState !== "recovering";
    this.#modelRestarts = sessionState === "recovering";
    if (this.#modelRestarts) this.#enter("recovering", reason);
    if (!restarted) return;
    this.view.showLoading(null);
    this.#enter("waiting");
  }

  #settle(id: string, error?: Refused): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    if (error) pending.reject(error);
    else pending.resolve();
  }

  /** Waits in `ended` until a new session is asked for, or the server itself was replaced. */
  async #restarted(reason: string): Promise<void> {
    this.#enter("ended", reason);
    this.#session = undefined;
    let asked = false;
    while (!asked) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ENDED_HEALTH_INTERVAL_MS);
        this.#wake = () => {
          asked = true;
          clearTimeout(timer);
          resolve();
        };
      });
      if (!asked && !(await health().then(() => true, () => false))) {
        this.#enter("lost", UNREACHABLE);
        break;
      }
    }
    this.#ended = undefined;
    if (asked) this.#enter("connecting");
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #enter(state: State, reason = ""): void {
    if (state === this.#state && reason === this.#reason) return;
    this.#state = state;
    this.#reason = reason;
    this.view.showState(state, reason);
  }
}

/**
 * Milliseconds before attempt number `attempt`: none before the first, then doubling from a quarter of a second to
 * four, a tenth more or less by chance so that viewers do not return all at once.
 */
export function backoff(attempt: number, chance = Math.random()): number {
  if (attempt === 0) return 0;
  return Math.min(BACKOFF_MS.first * 2 ** (attempt - 1), BACKOFF_MS.most) * (0.9 + 0.2 * chance);
}
