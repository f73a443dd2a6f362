/** What is measured of the connection, once a second. */

import type { Connection } from "./connection";
import type { Follower } from "./latency";
import type { Stage } from "./stage";

export interface TrackFigures {
  kind: string;
  /** Pictures per second on the screen over the last second; null while the page is hidden. */
  fps: number | null;
  width: number;
  height: number;
  codec: string;
  framesDecoded: number;
  packetsLost: number;
  bitrateBps: number;
}

export interface Figures {
  rttMs: number | null;
  bitrateBps: number;
  tracks: Record<string, TrackFigures>;
}

interface Count {
  at: number;
  bytes: number;
  shown: number;
}

/** Counts are kept between two measurements, so rates are those since the one before. */
export class Meter {
  #counts = new Map<string, Count>();

  constructor(private readonly stage: Stage) {}

  async measure(connection: Connection): Promise<Figures> {
    const report = await connection.stats();
    const figures: Figures = { rttMs: null, bitrateBps: 0, tracks: {} };
    const counts = new Map<string, Count>();
    for (const entry of report.values() as Iterable<Record<string, any>>) {
      if (entry["type"] === "candidate-pair" && entry["nominated"] && entry["currentRoundTripTime"] !== undefined) {
        figures.rttMs = entry["currentRoundTripTime"] * 1000;
      }
      const name = entry["type"] === "inbound-rtp" ? connection.trackOf(entry["mid"]) : undefined;
      if (name === undefined) continue;
      const count = {
        at: performance.now(),
        bytes: entry["bytesReceived"] ?? 0,
        shown: this.stage.tiles.get(name)?.shown ?? 0,
      };
      const before = this.#counts.get(name);
      const seconds = before ? (count.at - before.at) / 1000 : 0;
      const perSecond = (now: number, then: number) => (seconds > 0 && now >= then ? (now - then) / seconds : 0);
      const track = {
        kind: entry["kind"],
        fps: document.hidden ? null : perSecond(count.shown, before?.shown ?? 0),
        width: entry["frameWidth"] ?? 0,
        height: entry["frameHeight"] ?? 0,
        codec: report.get(entry["codecId"])?.mimeType?.split("/")[1] ?? "",
        framesDecoded: entry["framesDecoded"] ?? 0,
        packetsLost: entry["packetsLost"] ?? 0,
        bitrateBps: 8 * perSecond(count.bytes, before?.bytes ?? 0),
      };
      counts.set(name, count);
      figures.tracks[name] = track;
      figures.bitrateBps += track.bitrateBps;
    }
    this.#counts = counts;
    return figures;
  }
}

/** The figures as a line of short words. */
export function describe({ rttMs, bitrateBps, tracks }: Figures): string[] {
  const words: string[] = [];
  const video = Object.values(tracks).find(({ kind }) => kind === "video");
  if (video && video.fps !== null) words.push(`${Math.round(video.fps)} fps`);
  if (video?.width) words.push(`${video.width}×${video.height}`);
  if (rttMs !== null) words.push(`rtt ${Math.round(rttMs)} ms`);
  words.push(bitrateBps < 1e6 ? `${Math.round(bitrateBps / 1e3)} kbit/s` : `${(bitrateBps / 1e6).toFixed(1)} Mbit/s`);
  return words;
}

/** Command-to-photon latency as a few words, and where the last command's time went, to be read on demand. */
export function describeLatency({ last, p50, p95 }: NonNullable<ReturnType<Follower["figures"]>>): [string, string] {
  const ms = (value: number) => `${Math.round(value)} ms`;
  const { total = 0, ...stages } = last.stages;
  const split = Object.entries(stages).map(([stage, value]) => `${stage} ${value.toFixed(1)} ms`);
  return [`answer ${ms(total)} (p50 ${ms(p50)}, p95 ${ms(p95)})`, `${last.command}: ${split.join(", ")}`];
}
