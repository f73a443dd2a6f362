import { expect, test } from "vitest";
import { readFact } from "./facts";

const FACT = { type: "transition", event: "state", from: "ready", to: "ready", ts: 7, detail: {} };
const fact = (over: object) => JSON.stringify({ ...FACT, ...over });

test("a transition says where from, where to and why", () => {
  const told = readFact(fact({ to: "waiting", detail: { reason: "" } }));
  expect(told).toEqual({ atMs: 7, type: "state", body: "ready → waiting", tone: "note", source: "journal" });
  expect(readFact(fact({ to: "recovering", detail: { reason: "killed" } }))).toMatchObject({
    body: "ready → recovering · reason: killed",
    tone: "warning",
  });
});

test("any other fact tells its detail", () => {
  const detail = { name: "set_colour", args: { red: 1 }, conn_id: 5, why: null, more: {} };
  expect(readFact(fact({ event: "command", detail }))?.body).toBe('name: set_colour · args: {"red":1} · conn_id: 5');
  expect(readFact(fact({ event: "error", detail: { message: "refused" } }))).toMatchObject({ tone: "warning", source: "journal" });
});

test("a line of the model has its logger, its level and its text", () => {
  const detail = { level: "warning", logger: "painter", text: "the paint is wet" };
  expect(readFact(fact({ type: "log", event: "log", detail }))).toEqual({
    atMs: 7,
    type: "painter",
    body: "the paint is wet",
    tone: "warning",
    source: "model",
  });
  expect(readFact(fact({ type: "log", event: "log", detail: { ...detail, level: "debug" } }))?.tone).toBe("note");
});

test("a traceback is a failure, open where it ends the model", () => {
  const detail = { where: "load", error: "OSError: damaged", text: "Traceback …\nOSError: damaged" };
  const told = readFact(fact({ type: "traceback", event: "traceback", detail }));
  expect(told).toMatchObject({ type: "load", body: detail.text, tone: "failure", source: "model", isOpen: true });
  expect(readFact(fact({ type: "traceback", event: "traceback", detail: { ...detail, where: "handler" } }))?.isOpen).toBe(false);
});

test("the words that a traceback was logged with stand above it", () => {
  const detail = { where: "painter", error: "no such tone", text: "Traceback …\nKeyError: 1" };
  expect(readFact(fact({ type: "traceback", event: "traceback", detail }))?.body).toBe("no such tone\nTraceback …\nKeyError: 1");
});

test("what is no fact is passed over", () => {
  expect(readFact("")).toBeNull();
  expect(readFact("[1]")).toBeNull();
  expect(readFact('{"type":"transition"}')).toBeNull();
});
