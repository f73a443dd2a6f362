import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Throttle } from "./throttle";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function recorded() {
  const passed: number[] = [];
  return { passed, throttle: new Throttle<number>(50, (value) => passed.push(value)) };
}

test("the first value passes at once, then the newest once per interval", () => {
  const { passed, throttle } = recorded();
  for (const value of [1, 2, 3]) throttle.push(value);
  expect(passed).toEqual([1]);
  vi.advanceTimersByTime(50);
  expect(passed).toEqual([1, 3]);
  throttle.push(4);
  expect(passed).toEqual([1, 3]);
  vi.advanceTimersByTime(50);
  expect(passed).toEqual([1, 3, 4]);
});

test("a rest of an interval lets the next value through at once", () => {
  const { passed, throttle } = recorded();
  throttle.push(1);
  vi.advanceTimersByTime(50);
  throttle.push(2);
  expect(passed).toEqual([1, 2]);
});

test("flush passes the waiting value on, once", () => {
  const { passed, throttle } = recorded();
  throttle.push(1);
  throttle.push(2);
  throttle.flush();
  throttle.flush();
  expect(passed).toEqual([1, 2]);
  vi.advanceTimersByTime(200);
  expect(passed).toEqual([1, 2]);
});
