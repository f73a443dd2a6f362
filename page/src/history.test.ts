import { beforeEach, expect, test } from "vitest";
import { History } from "./history";
import type { Memory } from "./memory";

let memory: Memory;

beforeEach(() => {
  const texts = new Map<string, string>();
  memory = { getItem: (key) => texts.get(key) ?? null, setItem: (key, value) => void texts.set(key, value), removeItem: (key) => void texts.delete(key) };
});

function sent(...texts: string[]): History {
  const history = new History(memory, "key");
  texts.forEach((text) => history.add(text));
  return history;
}

test("one goes back through what was sent and forth again to what was begun", () => {
  const history = sent("one", "two", "three");
  expect(["dra", "three", "two", "one"].map((shown) => history.older(shown))).toEqual(["three", "two", "one", undefined]);
  expect([history.newer(), history.newer(), history.newer(), history.newer()]).toEqual(["two", "three", "dra", undefined]);
});

test("what still stands in the box is not the first thing recalled", () => {
  expect(sent("one", "two").older("two")).toBe("one");
});

test("a text is remembered once, where it was sent last, and blanks are not", () => {
  const history = sent("one", "two", "one", " ", "");
  expect([history.older(""), history.older("one"), history.older("two")]).toEqual(["one", "two", undefined]);
});

test("fifty are remembered, by other pages too", () => {
  sent(...Array.from({ length: 60 }, (_, index) => `text ${index}`));
  const history = new History(memory, "key");
  const recalled: string[] = [];
  for (let text = history.older(""); text !== undefined; text = history.older(text)) recalled.push(text);
  expect([recalled.length, recalled[0], recalled.at(-1)]).toEqual([50, "text 59", "text 10"]);
});

test("what somebody else wrote there is no history", () => {
  for (const text of ["{", "{}", "[1, 2]"]) {
    memory.setItem("key", text);
    expect(new History(memory, "key").older("")).toBeUndefined();
  }
});
