/**
 * How long commands take from the hand to the picture. The server names the frame that is the first to show a command;
 * the browser says when that frame is seen. Times are milliseconds of `performance.now()`.
 */

import type { Traced } from "./wire";

/** A frame on the screen, as `requestVideoFrameCallback` tells of it, or as drawn by the page. */
export type Frame = Pick<VideoFrameCallbackMetadata, "presentationTime" | "expectedDisplayTime" | "rtpTimestamp" | "receiveTime" | "processingDuration"> & {
  /** Pictures shown so far; undefined where the page draws every one. */
  presentedFrames?: number;
};

/** Tells the server that a frame which answers commands is seen. */
export interface Sight {
  command_ids: string[];
  shown_at_ms: number;
  received_at_ms?: number;
  decode_ms?: number;
}

interface Awaited {
  track: string;
  rtpTimestamp: number;
  ids: string[];
}

const KEPT_FRAMES = 16; // a frame may be seen before the message that names it arrives
const MOST_AWAITED = 64; // a hidden page shows nothing
const KEPT_TOTALS = 100;
const KEPT_COMMANDS = 8;
const LONGEST_MS = 30_000; // the server follows a command no longer

export class Follower {
  readonly #seen = new Map<string, Frame[]>();
  #awaited: Awaited[] = [];
  #totals: number[] = [];
  #fresh: number[] = [];
  #recent: Traced[] = [];
  #underWay = 0;
  #sentAt = 0;

  constructor(private readonly report: (sight: Sight) => void) {}

  /** A command goes to the server. */
  sent(): void {
    this.#underWay = this.isWaiting ? this.#underWay + 1 : 1;
    this.#sentAt = performance.now();
  }

  /** Whether the next frame may be the one that shows a command; one that was refused is waited for in vain. */
  get isWaiting(): boolean {
    return this.#underWay > 0 && performance.now() - this.#sentAt < LONGEST_MS;
  }

  /** A frame is on the screen. */
  see(track: string, frame: Frame): void {
    if (frame.rtpTimestamp === undefined) return; // this browser does not tell
    const seen = this.#seen.get(track) ?? [];
    seen.push(frame);
    if (seen.length > KEPT_FRAMES) seen.shift();
    this.#seen.set(track, seen);
    if (this.#awaited.length) this.#match();
  }

  /** The server names the frame that answers commands. */
  expect(track: string, rtpTimestamp: number, ids: string[]): void {
    this.#awaited.push({ track, rtpTimestamp, ids });
    if (this.#awaited.length > MOST_AWAITED) this.#awaited.shift();
    this.#match();
  }

  /** The server says where the time of a command went. */
  note(traced: Traced): void {
    const total = traced.stages["total"] ?? 0;
    this.#recent = [...this.#recent, traced].slice(-KEPT_COMMANDS);
    this.#underWay--;
    this.#fresh.push(total);
    this.#totals.push(total);
    if (this.#totals.length > KEPT_TOTALS) this.#totals.shift();
  }

  /** Frames of a new connection have other timestamps. */
  reset(): void {
    this.#seen.clear();
    this.#awaited = [];
  }

  /** The last few commands, the newest at the end. */
  get recent(): readonly Traced[] {
    return this.#recent;
  }

  /** The totals that came since they were taken before. */
  takeTotals(): number[] {
    return this.#fresh.splice(0);
  }

  /** The last command, and the totals that half and nineteen twentieths of the latest hundred stay within. */
  figures(): { last: Traced; p50: number; p95: number } | null {
    const last = this.#recent.at(-1);
    if (!last) return null;
    const sorted = [...this.#totals].sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1]!;
    return { last, p50: at(0.5), p95: at(0.95) };
  }

  #match(): void {
    this.#awaited = this.#awaited.filter(({ track, rtpTimestamp, ids }) => {
      // The browser may leave a frame out: the first one after it shows the command then.
      const frame = this.#seen.get(track)?.find((seen) => isNotBefore(seen.rtpTimestamp!, rtpTimestamp));
      if (!frame) return true;
      const { presentationTime, expectedDisplayTime, receiveTime, processingDuration } = frame;
      this.report({
        command_ids: ids,
        // Chromium may expect a frame that comes late to be seen at the beginning of the interval that it missed.
        shown_at_ms: Math.max(presentationTime, expectedDisplayTime),
        ...(receiveTime !== undefined && { received_at_ms: receiveTime }),
        ...(processingDuration !== undefined && { decode_ms: processingDuration * 1000 }),
      });
      return false;
    });
  }
}

/** Compares RTP timestamps, which begin anew after 32 bits. */
function isNotBefore(timestamp: number, other: number): boolean {
  return ((timestamp - other) >>> 0) < 2 ** 31;
}
