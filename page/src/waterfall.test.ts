import { expect, test } from "vitest";
import { segmentsOf } from "./waterfall";

const traced = (stages: Record<string, number>) => ({ id: "c1", command: "paint", stages });

test("the segments are the stages in order, without what is a sum of others", () => {
  const segments = segmentsOf(traced({ uplink: 1, wait: 10, compute: 20, present: 4, added: 5, total: 35 }));
  expect(segments).toEqual([
    { stage: "uplink", ms: 1 },
    { stage: "wait", ms: 10 },
    { stage: "compute", ms: 20 },
    { stage: "present", ms: 4 },
  ]);
});

test("what the browser did not tell is a segment of its own, so that they make up the total", () => {
  const segments = segmentsOf(traced({ wait: 10, compute: 20, added: 12, total: 42 }));
  expect(segments.at(-1)).toEqual({ stage: "untold", ms: 12 });
  expect(segmentsOf(traced({ wait: 10, total: 10.04 }))).toHaveLength(1);
});
