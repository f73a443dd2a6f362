/** What the measurements come to: one sample a second, and the words that they are shown in. */

import type { Figures } from "./figures";
import type { RungFigures, ServerFigures, Traced } from "./wire";

/** One second. Of several video tracks it is the first that counts; null is what nobody could tell. */
export interface Sample {
  /** Milliseconds since 1970. */
  atMs: number;
  shownFps: number | null;
  generatedFps: number | null;
  bitrateBps: number | null;
  /** From the hand to the picture, mean of the commands whose picture was seen in this second. */
  latencyMs: number | null;
  /** Standard deviation of the time from one shown picture to the next. */
  jitterMs: number | null;
  leadMs: number | null;
  queued: number | null;
  /** Packets lost on the way, 0..1. */
  lossShare: number | null;
  roundTripMs: number | null;
}

/** All that is shown, as it is copied. */
export interface Report {
  at: string;
  model: string;
  /** The browser's own words. */
  browser: string;
  serverVersion: string | null;
  transport: string | null;
  answer: { p50Ms: number; p95Ms: number } | null;
  now: Sample | null;
  tracks: Record<string, { codec: string; width: number; height: number; rung: RungFigures | null }>;
  server: Pick<ServerFigures, "generated" | "shown" | "dropped" | "rate" | "estimateBps" | "leftOut"> | null;
  /** The last few, the newest at the end. */
  commands: readonly Traced[];
  /** The last minute. */
  samples: readonly Sample[];
}

export interface Row {
  id: string;
  label: string;
  value: string;
  /** What exactly that is. */
  title: string;
  /** Takes the width of two. */
  isLong?: true;
}

const UNKNOWN = "–";

/** The time between pictures: standard deviation of the intervals, ms; null for fewer than two. */
export function jitterOf(intervalsMs: readonly number[]): number | null {
  if (intervalsMs.length < 2) return null;
  const mean = meanOf(intervalsMs)!;
  return Math.sqrt(meanOf(intervalsMs.map((interval) => (interval - mean) ** 2))!);
}

/** @param server What the server said last, and before that; with both, what it generates in a second is known. */
export function sampleOf(
  figures: Figures | null,
  server: { last: ServerFigures | null; before: ServerFigures | null; roundTripMs: number | null },
  totalsMs: readonly number[],
  intervalsMs: readonly number[],
): Sample {
  const video = figures && Object.values(figures.tracks).find(({ kind }) => kind === "video");
  return {
    atMs: Date.now(),
    shownFps: video?.fps ?? null,
    generatedFps: generatedFps(server.before, server.last),
    bitrateBps: figures?.bitrateBps ?? null,
    latencyMs: meanOf(totalsMs),
    jitterMs: jitterOf(intervalsMs),
    leadMs: server.last?.leadMs ?? null,
    queued: server.last?.queued ?? null,
    lossShare: video?.lossShare ?? null,
    roundTripMs: figures?.rttMs ?? server.roundTripMs,
  };
}

/** The rows that the overlay shows. */
export function rowsOf({ answer, now, tracks, server, serverVersion, transport }: Report): Row[] {
  const videos = Object.entries(tracks);
  const ofTracks = (words: (track: Report["tracks"][string]) => string) => videos.map(([, track]) => words(track)).join(", ") || UNKNOWN;
  const names = videos.length > 1 ? ` (${videos.map(([name]) => name).join(", ")})` : "";
  return [
    {
      id: "answer",
      label: "Answer",
      value: answer ? `p50 ${answer.p50Ms.toFixed(0)} ms, p95 ${answer.p95Ms.toFixed(0)} ms` : UNKNOWN,
      isLong: true,
      title: "Command to photon: from the hand to the changed picture on the screen, of the latest hundred commands",
    },
    { id: "shown", label: "Shown", value: measured(now?.shownFps, 1, "fps"), title: "Pictures on the screen in the last second" },
    {
      id: "generated",
      label: "Generated",
      value: measured(now?.generatedFps, 1, "fps"),
      title: server
        ? `Played at ${server.rate.toFixed(1)} fps; ${server.generated} generated so far, ${server.shown} shown, ${server.dropped} never`
        : "Frames that the model makes in a second",
    },
    {
      id: "jitter",
      label: "Jitter",
      value: now?.jitterMs == null ? UNKNOWN : `± ${now.jitterMs.toFixed(1)} ms`,
      title: "Standard deviation of the time from one shown picture to the next, of the first twenty in the last second",
    },
    {
      id: "lead",
      label: "Lead",
      value: now?.leadMs == null ? UNKNOWN : `${now.leadMs.toFixed(0)} ms, ${now.queued} queued`,
      title: "From when a frame is made until it is due, and how many wait for that",
    },
    { id: "bitrate", label: "Bitrate", value: rate(now?.bitrateBps), title: "What arrived in the last second, all tracks" },
    {
      id: "network",
      label: "Network",
      value: rate(server?.estimateBps),
      title: "What the way to this page carries, by the server's estimate; unknown while nothing was ever late",
    },
    loss(now, server),
    { id: "round-trip", label: "Round trip", value: measured(now?.roundTripMs, 1, "ms"), title: "To the server and back" },
    { id: "codec", label: "Codec", value: ofTracks(({ codec }) => codec || UNKNOWN), title: `What the pictures are encoded with${names}` },
    { id: "server", label: "Server", value: serverVersion ?? UNKNOWN, title: "The version that runs" },
    {
      id: "rung",
      label: "Rung",
      value: ofTracks(({ rung }) => (rung ? `${rung.place + 1} of ${rung.of}, ${rung.width}×${rung.height}, ${rate(rung.bitrateBps)}` : UNKNOWN)),
      title: `The encoded version that this page gets${names}: its place from the best down, its size, the rate it is made at`,
      isLong: true,
    },
    { id: "transport", label: "Transport", value: transport ?? UNKNOWN, title: "The way to the server", isLong: true },
  ];
}

function loss(now: Sample | null, server: Report["server"]): Row {
  const row = { id: "loss", label: "Loss" };
  if (now?.lossShare != null) return { ...row, value: `${(now.lossShare * 100).toFixed(1)} %`, title: "Packets of the last second that did not arrive" };
  const title = "TCP repeats what is lost; these pictures the server left out, since there was no room for them";
  return { ...row, value: server ? `${server.leftOut} left out` : UNKNOWN, title };
}

/** Bits per second in words. */
export function rate(bps: number | null | undefined): string {
  if (bps == null) return UNKNOWN;
  return bps < 1e6 ? `${Math.round(bps / 1e3)} kbit/s` : `${(bps / 1e6).toFixed(1)} Mbit/s`;
}

function measured(value: number | null | undefined, digits: number, unit: string): string {
  return value == null ? UNKNOWN : `${value.toFixed(digits)} ${unit}`;
}

function meanOf(values: readonly number[]): number | null {
  return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
}

function generatedFps(before: ServerFigures | null, last: ServerFigures | null): number | null {
  if (!before || !last || last.generated < before.generated || last.atMs <= before.atMs) return null;
  return ((last.generated - before.generated) * 1000) / (last.atMs - before.atMs);
}
