import { expect, test } from "vitest";
import { heightsOf } from "./graph";

test("the highest value is at the top, and what is missing is nowhere", () => {
  expect(heightsOf({ values: [30, null, 60, 0], least: 10 })).toEqual([0.5, null, 1, 0]);
});

test("small values do not fill the lane", () => {
  expect(heightsOf({ values: [1, 2], least: 10 })).toEqual([0.1, 0.2]);
});
