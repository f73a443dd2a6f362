import { expect, test } from "vitest";
import { backoff } from "./client";

test("the first attempt is made at once, later ones wait ever longer, up to four seconds", () => {
  expect([0, 1, 2, 3, 4, 5, 6, 50].map((attempt) => backoff(attempt, 0.5))).toEqual([
    0, 250, 500, 1000, 2000, 4000, 4000, 4000,
  ]);
});

test("chance moves a wait by a tenth", () => {
  expect([backoff(1, 0), backoff(1, 1)]).toEqual([225, 275]);
});
