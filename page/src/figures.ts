/** What is measured of the connection, once a second. */

import type { Follower } from "./latency";
import type { Stage } from "./stage";
import type { TrackStats, Transport } from "./transports/transport";

export interface TrackFigures extends Omit<TrackStats, "bytes" | "packetsReceived"> {
  /** Pictures per second on the screen over the last second; null while the page is hidden. */
  fps: number | null;
  bitrateBps: number;
  /** Of the packets of the last second, 0..1; null where nothing is lost on the way, since TCP repeats it. */
  lossShare: number | null;
}

export interface Figures {
  /** The way to the server in words, such as "WebRTC over UDP". */
  path: string;
  rttMs: number | null;
  bitrateBps: number;
  tracks: Record<string, TrackFigures>;
}

interface Count {
  at: number;
  bytes: number;
  shown: number;
  lost: number;
  packets: number;
}

/** Counts are kept between two measurements, so rates are those since the one before. */
export class Meter {
  #counts = new Map<string, Count>();

  constructor(private readonly stage: Stage) {}

  async measure(transport: Transport): Promise<Figures> {
    const { path, rttMs, tracks } = await transport.stats();
    const figures: Figures = { path, rttMs, bitrateBps: 0, tracks: {} };
    const counts = new Map<string, Count>();
    for (const [name, { bytes, packetsReceived, ...rest }] of Object.entries(tracks)) {
      const { packetsLost: lost } = rest;
      const shown = this.stage.tiles.get(name)?.shown ?? 0;
      const count = { at: performance.now(), bytes, shown, lost, packets: lost + (packetsReceived ?? 0) };
      const before = this.#counts.get(name);
      const seconds = before ? (count.at - before.at) / 1000 : 0;
      const perSecond = (now: number, then: number) => (seconds > 0 && now >= then ? (now - then) / seconds : 0);
      const track = {
        ...rest,
        fps: document.hidden ? null : perSecond(count.shown, before?.shown ?? 0),
        bitrateBps: 8 * perSecond(bytes, before?.bytes ?? 0),
        lossShare: packetsReceived === null ? null : shareOf(lost - (before?.lost ?? 0), count.packets - (before?.packets ?? 0)),
      };
      counts.set(name, count);
      figures.tracks[name] = track;
      figures.bitrateBps += track.bitrateBps;
    }
    this.#counts = counts;
    this.stage.look(); // it is what counts them
    return figures;
  }
}

/** Packets that came late after all are counted back, so the last second may have lost less than none. */
function shareOf(lost: number, all: number): number {
  return all > 0 ? Math.min(Math.max(lost / all, 0), 1) : 0;
}

/** The figures as a line of short words. */
export function describe({ path, rttMs, bitrateBps, tracks }: Figures): string[] {
  const words = [path];
  const video = Object.values(tracks).find(({ kind }) => kind === "video");
  if (video && video.fps !== null) words.push(`${Math.round(video.fps)} fps`);
  if (video?.width) words.push(`${video.width}×${video.height}`);
  if (rttMs !== null) words.push(`rtt ${Math.round(rttMs)} ms`);
  words.push(bitrateBps < 1e6 ? `${Math.round(bitrateBps / 1e3)} kbit/s` : `${(bitrateBps / 1e6).toFixed(1)} Mbit/s`);
  return words;
}

/** The last command's way to the screen in two words, and where its time went, to be read on demand. */
export function describeLatency({ last }: NonNullable<ReturnType<Follower["figures"]>>): [string, string] {
  const { total = 0, ...stages } = last.stages;
  const split = Object.entries(stages).map(([stage, value]) => `${stage} ${value.toFixed(1)} ms`);
  return [`answer ${Math.round(total)} ms`, `${last.command}: ${split.join(", ")}`];
}
