/**
 * One viewer's way to the server: the best rung that gets through, the best first. WebRTC has a head start; the next
 * rung starts beside it, and the first to be open is used. A better one that opens later takes over, and so does the
 * next one down when the one in use dies.
 */

import { HttpError } from "./signalling";
import type { Picture, Receiver, Transport } from "./transports/transport";
import type { Inbound } from "./wire";

const HEAD_START_MS = 1_000; // of the first rung before the second
const NEXT_START_MS = 3_000; // and of that one before the third
const RETIRE_MS = 1_000; // in which a replaced transport still brings pictures and the answers to what it took
const STEADY_MS = 30_000; // a rung that held this long is worth an attempt at once
const CLIMB_MS = { first: 5_000, most: 60_000 };
const ANSWERS = new Set<Inbound["kind"]>(["accepted", "rejected"]);

/** Opens one transport; its rejection says why it could not. An abort closes it. */
export type Opener = (receiver: Receiver, signal: AbortSignal) => Promise<Transport>;

export interface LadderEvents extends Omit<Receiver, "onDoubt"> {
  /** A transport is in use; the one before it, if any, is about to close. */
  onUp(transport: Transport): void;
  /** The one in use died; the next one is tried. */
  onDown(reason: string): void;
}

interface Step {
  open: Opener;
  attempt?: AbortController | undefined;
  timer?: ReturnType<typeof setTimeout> | undefined;
  failures: number; // in a row
}

interface Used {
  level: number;
  transport: Transport;
  since: number;
  isDoubted: boolean;
}

export class Ladder {
  /** Resolves with the reason when no rung gets through, or with "Closed." */
  readonly lost: Promise<Error>;

  readonly #steps: Step[];
  #used: Used | undefined;
  #retired = new Set<Transport>();
  #next = 1; // level of the first step that has not been started
  #nextTimer: ReturnType<typeof setTimeout> | undefined;
  #why: Error | undefined;
  #isClosed = false;
  #lose!: (why: Error) => void;

  /** Starts with the first opener, which is that of the best rung. */
  constructor(
    openers: Opener[],
    private readonly events: LadderEvents,
  ) {
    this.lost = new Promise((resolve) => (this.#lose = resolve));
    this.#steps = openers.map((open) => ({ open, failures: 0 }));
    this.#arm();
    void this.#try(0);
  }

  get transport(): Transport | undefined {
    return this.#used?.transport;
  }

  /** Tries the better rungs anew, without waiting: the network has changed. */
  climb(): void {
    for (const [level, step] of this.#steps.slice(0, this.#used?.level ?? 0).entries()) {
      step.attempt?.abort();
      step.attempt = undefined;
      void this.#try(level);
    }
  }

  close(why = new Error("Closed.")): void {
    this.#isClosed = true;
    clearTimeout(this.#nextTimer);
    for (const step of this.#steps) {
      clearTimeout(step.timer);
      step.attempt?.abort();
    }
    for (const transport of this.#retired) transport.close();
    this.#used?.transport.close();
    this.#used = undefined;
    this.#lose(why);
  }

  async #try(level: number): Promise<void> {
    const step = this.#steps[level]!;
    if (step.attempt || this.#isClosed) return;
    clearTimeout(step.timer);
    step.timer = undefined;
    const attempt = new AbortController();
    step.attempt = attempt;
    const early: Inbound[] = [];
    let opened: Transport | undefined;
    const isUsed = () => opened !== undefined && opened === this.#used?.transport;
    const receiver: Receiver = {
      onMessage: (message) => {
        if (isUsed() || (this.#retired.has(opened!) && ANSWERS.has(message.kind))) this.events.onMessage(message);
        else if (!opened) early.push(message);
      },
      onTrack: (name, track) => this.events.onTrack(name, track),
      onPicture: (name, picture) => this.#show(name, picture, isUsed(), this.#retired.has(opened!)),
      onSound: () => this.events.onSound(),
      onDoubt: (isDoubted) => isUsed() && this.#doubt(isDoubted),
    };
    try {
      opened = await step.open(receiver, attempt.signal);
    } catch (error) {
      if (step.attempt === attempt) step.attempt = undefined;
      return attempt.signal.aborted ? undefined : this.#failed(level, error as Error);
    }
    if (step.attempt === attempt) step.attempt = undefined;
    if (attempt.signal.aborted || !this.#isBetter(level)) return opened.close();
    this.#use(level, opened);
    for (const message of early) this.events.onMessage(message);
    opened.begin();
  }

  #isBetter(level: number): boolean {
    return !this.#isClosed && (!this.#used || level < this.#used.level || this.#used.isDoubted);
  }

  #use(level: number, transport: Transport): void {
    const former = this.#used;
    clearTimeout(this.#nextTimer);
    this.#why = undefined;
    this.#used = { level, transport, since: performance.now(), isDoubted: false };
    for (const step of this.#steps.slice(level + 1)) {
      clearTimeout(step.timer);
      step.timer = undefined;
      step.attempt?.abort();
    }
    this.events.onUp(transport);
    if (former?.isDoubted) {
      this.#steps[former.level]!.failures++;
      former.transport.close();
    } else if (former) this.#retire(former.transport);
    void transport.lost.then((reason) => this.#fell(level, transport, reason));
    for (let above = 0; above < level; above++) this.#climbLater(above);
  }

  #retire(transport: Transport): void {
    this.#retired.add(transport);
    setTimeout(() => {
      this.#retired.delete(transport);
      transport.close();
    }, RETIRE_MS);
  }

  #show(name: string, picture: Picture, isUsed: boolean, isRetired: boolean): void {
    if (isUsed) this.events.onPicture(name, picture);
    // Its timestamps are not those of the transport in use.
    else if (isRetired) this.events.onPicture(name, { ...picture, rtpTimestamp: undefined });
  }

  #doubt(isDoubted: boolean): void {
    this.#used!.isDoubted = isDoubted;
    const below = this.#used!.level + 1;
    if (isDoubted && below < this.#steps.length) void this.#try(below);
  }

  #failed(level: number, error: Error): void {
    if (this.#isClosed) return;
    this.#steps[level]!.failures++;
    // What the server answered says more than that something was not reached.
    if (!this.#why || (error instanceof HttpError && !(this.#why instanceof HttpError))) this.#why = error;
    if (this.#used) {
      if (level < this.#used.level) this.#climbLater(level);
    } else if (this.#next < this.#steps.length) this.#startNext();
    else this.#endIfIdle();
  }

  #fell(level: number, transport: Transport, reason: string): void {
    if (this.#used?.transport !== transport) return;
    const isSteady = performance.now() - this.#used.since > STEADY_MS;
    this.#steps[level]!.failures = isSteady ? 0 : this.#steps[level]!.failures + 1;
    this.#used = undefined;
    this.#why = undefined;
    this.events.onDown(reason);
    this.#next = level + 1;
    for (let above = 0; above < level; above++) void this.#try(above);
    if (isSteady) void this.#try(level);
    else this.#climbLater(level);
    if (this.#next < this.#steps.length) this.#startNext();
    else this.#endIfIdle(new Error(reason));
  }

  #arm(): void {
    clearTimeout(this.#nextTimer);
    if (this.#next >= this.#steps.length) return;
    this.#nextTimer = setTimeout(() => this.#startNext(), this.#next === 1 ? HEAD_START_MS : NEXT_START_MS);
  }

  #startNext(): void {
    const level = this.#next++;
    this.#arm();
    void this.#try(level);
  }

  #climbLater(level: number): void {
    const step = this.#steps[level]!;
    if (step.attempt || step.timer !== undefined) return;
    const wait = Math.min(CLIMB_MS.first * 2 ** Math.max(0, step.failures - 1), CLIMB_MS.most);
    step.timer = setTimeout(() => void this.#try(level), wait);
  }

  #endIfIdle(why = this.#why ?? new Error("Closed.")): void {
    if (!this.#steps.some(({ attempt }) => attempt)) this.close(why);
  }
}
