import { expect, test } from "vitest";

import { columnsFor } from "./layout";

const WIDE = 16 / 9;

test("pictures lie side by side or below one another, whichever shows them larger", () => {
  expect(columnsFor(1, WIDE, WIDE)).toBe(1);
  expect(columnsFor(2, 900 / 640, WIDE)).toBe(1);
  expect(columnsFor(2, 900 / 640, 1)).toBe(2);
  expect(columnsFor(2, 390 / 700, WIDE)).toBe(1);
  expect(columnsFor(3, 3 * WIDE, WIDE)).toBe(3);
  expect(columnsFor(4, WIDE, WIDE)).toBe(2);
});

test("pictures of the stage's own shape lie side by side", () => {
  expect(columnsFor(2, WIDE, WIDE)).toBe(2);
});
