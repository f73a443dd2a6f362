import { expect, test, vi } from "vitest";
import { Follower, type Frame, type Sight } from "./latency";

const frame = (rtpTimestamp: number, more: Partial<Frame> = {}): Frame => ({ presentationTime: rtpTimestamp / 90, expectedDisplayTime: 0, rtpTimestamp, ...more });

function following(): { follower: Follower; sights: Sight[] } {
  const sights: Sight[] = [];
  return { sights, follower: new Follower((sight) => sights.push(sight)) };
}

test("the frame that answers a command is reported when it is seen", () => {
  const { follower, sights } = following();
  follower.expect("main", 900, ["c1", "c2"]);
  follower.see("main", frame(450));
  expect(sights).toEqual([]);
  follower.see("main", frame(900, { receiveTime: 5, processingDuration: 0.004 }));
  follower.see("main", frame(1350));
  expect(sights).toEqual([{ command_ids: ["c1", "c2"], shown_at_ms: 10, received_at_ms: 5, decode_ms: 4 }]);
});

test("a frame that was seen before the server named it is still found, and not one after it", () => {
  const { follower, sights } = following();
  for (const timestamp of [450, 900, 1350]) follower.see("main", frame(timestamp));
  follower.expect("main", 900, ["c1"]);
  expect(sights.map((sight) => sight.shown_at_ms)).toEqual([10]);
});

test("where the browser left the frame out, the next one counts, across the end of 32 bits too", () => {
  const { follower, sights } = following();
  follower.expect("main", 2 ** 32 - 90, ["c1"]);
  follower.see("main", frame(2 ** 32 - 180));
  expect(sights).toEqual([]);
  follower.see("main", frame(90));
  expect(sights).toEqual([{ command_ids: ["c1"], shown_at_ms: 1 }]);
});

test("another track's frames and those of a former connection answer nothing", () => {
  const { follower, sights } = following();
  follower.see("main", frame(1800));
  follower.reset();
  follower.expect("main", 900, ["c1"]);
  follower.see("side", frame(900));
  expect(sights).toEqual([]);
});

test("a browser that tells no timestamps reports nothing", () => {
  const { follower, sights } = following();
  follower.expect("main", 900, ["c1"]);
  follower.see("main", { presentationTime: 10, expectedDisplayTime: 10 });
  expect(sights).toEqual([]);
});

test("frames count from when a command is sent until the server says where its time went", () => {
  vi.useFakeTimers();
  const { follower } = following();
  expect(follower.isWaiting).toBe(false);
  for (let sent = 0; sent < 2; sent++) follower.sent();
  follower.note({ id: "c1", command: "paint", stages: { total: 1 } });
  expect(follower.isWaiting).toBe(true);
  follower.note({ id: "c2", command: "paint", stages: { total: 1 } });
  expect(follower.isWaiting).toBe(false);
  follower.sent(); // and refused
  vi.advanceTimersByTime(30_001);
  expect(follower.isWaiting).toBe(false);
  follower.sent();
  follower.note({ id: "c4", command: "paint", stages: { total: 1 } });
  expect(follower.isWaiting).toBe(false);
  vi.useRealTimers();
});

test("the figures are the last command's and quantiles of the latest", () => {
  const { follower } = following();
  expect(follower.figures()).toBeNull();
  for (let total = 1; total <= 150; total++) follower.note({ id: `c${total}`, command: "paint", stages: { total } });
  expect(follower.recent.map(({ id }) => id)).toEqual(["c143", "c144", "c145", "c146", "c147", "c148", "c149", "c150"]);
  expect(follower.takeTotals()).toHaveLength(150);
  expect(follower.takeTotals()).toEqual([]);
  expect(follower.figures()).toEqual({ last: { id: "c150", command: "paint", stages: { total: 150 } }, p50: 100, p95: 145 });
});
