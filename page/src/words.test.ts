import { expect, test } from "vitest";

import { minutesInWords, sizeInWords } from "./words";

test("sizes are read at a glance", () => {
  expect(sizeInWords(12)).toBe("1 kB");
  expect(sizeInWords(65_432)).toBe("65 kB");
  expect(sizeInWords(12_345_678)).toBe("12.3 MB");
});

test("times are minutes and seconds", () => {
  expect(minutesInWords(999)).toBe("0:00");
  expect(minutesInWords(125_000)).toBe("2:05");
  expect(minutesInWords(3_600_000)).toBe("60:00");
});
