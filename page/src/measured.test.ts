import { expect, test } from "vitest";
import type { Figures } from "./figures";
import { jitterOf, rowsOf, sampleOf, type Report } from "./measured";
import type { ServerFigures } from "./wire";

const RUNG = { place: 1, of: 2, codec: "vp8", width: 640, height: 360, bitrateBps: 600_000, viewers: 1 };
const SERVER: ServerFigures = {
  atMs: 2_000,
  version: "0.1.0",
  generated: 160,
  shown: 150,
  dropped: 8,
  queued: 2,
  rate: 30,
  leadMs: 12.3,
  rungs: { main: RUNG },
  estimateBps: 900_000,
  leftOut: 3,
};
const TRACK = { kind: "video", width: 640, height: 360, codec: "VP8", framesDecoded: 9, packetsLost: 1, fps: 30, bitrateBps: 4e5, lossShare: 0.02 };
const FIGURES: Figures = { path: "WebRTC over UDP", rttMs: 1.25, bitrateBps: 5e5, tracks: { main: TRACK } };

function report(more: Partial<Report> = {}): Report {
  const now = sampleOf(FIGURES, { last: SERVER, before: { ...SERVER, atMs: 1_000, generated: 129 }, roundTripMs: 8 }, [40, 60], [33, 33, 34]);
  const tracks = { main: { codec: "VP8", width: 640, height: 360, rung: RUNG } };
  const told = { at: "", model: "m", browser: "b", serverVersion: "0.1.0", transport: "WebRTC over UDP" };
  return { ...told, answer: { p50Ms: 46.4, p95Ms: 61 }, now, tracks, server: SERVER, commands: [], samples: [], ...more };
}

const valuesOf = (of: Report) => Object.fromEntries(rowsOf(of).map(({ id, value }) => [id, value]));

test("jitter is the standard deviation of the intervals", () => {
  expect(jitterOf([30, 36])).toBe(3);
  expect(jitterOf([33, 33, 33])).toBe(0);
  expect(jitterOf([33])).toBeNull();
});

test("a second is put together from what the page and the server measured", () => {
  const { now } = report();
  expect(now).toMatchObject({ shownFps: 30, generatedFps: 31, bitrateBps: 5e5, latencyMs: 50, leadMs: 12.3, queued: 2, lossShare: 0.02, roundTripMs: 1.25 });
});

test("where the way tells no round trip, it is the one of the question", () => {
  const sample = sampleOf({ ...FIGURES, rttMs: null }, { last: SERVER, before: null, roundTripMs: 8 }, [], []);
  expect(sample).toMatchObject({ roundTripMs: 8, generatedFps: null, latencyMs: null, jitterMs: null });
});

test("every figure has its words", () => {
  expect(valuesOf(report())).toEqual({
    answer: "p50 46 ms, p95 61 ms",
    shown: "30.0 fps",
    generated: "31.0 fps",
    jitter: "± 0.5 ms",
    lead: "12 ms, 2 queued",
    bitrate: "500 kbit/s",
    rung: "2 of 2, 640×360, 600 kbit/s",
    network: "900 kbit/s",
    codec: "VP8",
    server: "0.1.0",
    transport: "WebRTC over UDP",
    loss: "2.0 %",
    "round-trip": "1.3 ms",
  });
});

test("what nobody could tell is not made up", () => {
  const nothing = report({ answer: null, now: null, tracks: {}, server: null, serverVersion: null, transport: null });
  expect(new Set(Object.values(valuesOf(nothing)))).toEqual(new Set(["–"]));
});

test("over TCP nothing is lost, but the server may leave pictures out", () => {
  const now = sampleOf({ ...FIGURES, tracks: { main: { ...TRACK, lossShare: null } } }, { last: SERVER, before: null, roundTripMs: 8 }, [], []);
  expect(valuesOf(report({ now }))["loss"]).toBe("3 left out");
});
