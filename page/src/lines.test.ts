import { expect, test } from "vitest";
import { Lines, headline, passes, SOURCES, unfolded, unfolds, written, type Line, type Filter } from "./lines";

const SCORE: Line = { atMs: 1, type: "score", body: '{"points":3}', tone: "message", source: "messages" };
const line = (over: Partial<Line> = {}): Line => ({ ...SCORE, ...over });
const filter = (over: Partial<Filter> = {}): Filter => ({ sources: new Set(SOURCES), level: "all", text: "", ...over });

test("lines come in the order of time, whatever the order in which they arrived", () => {
  const lines = new Lines();
  lines.add(line({ atMs: 5 }));
  lines.add(line({ atMs: 3, source: "journal" }));
  lines.add(line({ atMs: 9, source: "page" }));
  expect(lines.all().map(({ atMs }) => atMs)).toEqual([3, 5, 9]);
});

test("a chatty source pushes out only its own, and is still counted", () => {
  const lines = new Lines();
  lines.add(line({ source: "journal" }));
  for (let n = 0; n < 5_000; n++) lines.add(line({ atMs: n }));
  expect(lines.seen("messages")).toBe(5_000);
  expect(lines.all().length).toBeLessThan(1_102);
  expect(lines.all().length).toBeGreaterThan(1_000);
  expect(lines.all().at(-1)?.atMs).toBe(4_999);
  expect(lines.all().some(({ source }) => source === "journal")).toBe(true);
});

test("of a very long body the beginning is kept", () => {
  const { body } = new Lines().add(line({ body: "x".repeat(200_000) }));
  expect(body.length).toBeLessThan(17_000);
  expect(body).toMatch(/^x+… \(200000 characters\)$/);
});

test("what is forgotten is gone from the list and the count, and nothing else is", () => {
  const lines = new Lines();
  lines.add(line());
  lines.add(line({ source: "model" }));
  lines.forget("model", "journal");
  expect([lines.seen("model"), lines.seen("messages")]).toEqual([0, 1]);
  expect(lines.all()).toEqual([line()]);
});

test("the filter goes by source, level and words in whatever case", () => {
  const failure = line({ tone: "failure", source: "model", type: "load", body: "OSError: Damaged" });
  expect(passes(failure, filter())).toBe(true);
  expect(passes(failure, filter({ sources: new Set(["page"]) }))).toBe(false);
  expect(passes(failure, filter({ text: "damaged" }))).toBe(true);
  expect(passes(failure, filter({ text: "LOAD" }))).toBe(true);
  expect(passes(failure, filter({ text: "else" }))).toBe(false);
  expect(passes(failure, filter({ level: "errors" }))).toBe(true);
  expect(passes(line({ tone: "warning" }), filter({ level: "errors" }))).toBe(false);
  expect(passes(line({ tone: "warning" }), filter({ level: "warnings" }))).toBe(true);
  expect(passes(line({ tone: "note" }), filter({ level: "warnings" }))).toBe(false);
});

test("a traceback is headed by its last line and other text by its first", () => {
  expect(headline("Traceback (most recent call last):\n  File …\nKeyError: 'tone'\n")).toBe("KeyError: 'tone'");
  expect(headline("two\nlines")).toBe("two");
  expect(headline("")).toBe("");
  expect(headline("x".repeat(1_000))).toBe(`${"x".repeat(300)}…`);
});

test("what has more to show unfolds: lines, objects, long text", () => {
  expect(["one line", "{}", "", "a\n"].map(unfolds)).toEqual([false, false, false, false]);
  expect(["two\nlines", '{"a":1}', "[1]", "x".repeat(400)].map(unfolds)).toEqual([true, true, true, true]);
});

test("JSON is unfolded line by line, and what is none is left as it is", () => {
  expect(unfolded('{"a":[1]}')).toBe('{\n  "a": [\n    1\n  ]\n}');
  expect(unfolded('{"a":"cut…')).toBe('{"a":"cut…');
  expect(unfolded("words")).toBe("words");
});

test("a line is copied with its time, its source and how bad it is", () => {
  expect(written(line({ atMs: 0, tone: "failure", source: "model", type: "load", body: "OSError\n" }))).toBe(
    "1970-01-01T00:00:00.000Z model error load: OSError",
  );
  expect(written(line({ atMs: 0 }))).toBe('1970-01-01T00:00:00.000Z messages score: {"points":3}');
});
