import { expect, test } from "vitest";
import { decode, decodeAnswer, decodeHello, encodeCommand, encodePublish, encodeRuntime, encodeTrackEvent } from "./wire";

const runtime = (type: string, data: unknown) => decode(JSON.stringify({ scope: "runtime", data: { type, data } }));

test("a command is an application message with its id and its time beside type and data", () => {
  expect(encodeCommand("set_prompt", { prompt: "héllo ✓" }, "c1", 1500.5)).toBe(
    '{"scope":"application","data":{"type":"set_prompt","data":{"prompt":"héllo ✓"},"id":"c1","sent_at_ms":1500.5}}',
  );
});

test("runtime requests and track verbs have the shapes of the published clients", () => {
  expect(encodeRuntime("ping")).toBe('{"scope":"runtime","data":{"type":"ping","data":{}}}');
  expect(encodeTrackEvent("resume_track", "main_video")).toBe(
    '{"type":"notification","event":"resume_track","data":{"name":"main_video"}}',
  );
});

test("an input track is asked for and given back as by the published clients", () => {
  expect(encodePublish("webcam", "ctrl_1")).toBe(
    '{"type":"request","method":"publish_track","request_id":"ctrl_1","data":{"name":"webcam"}}',
  );
  expect(encodeTrackEvent("unpublish_track", "webcam")).toBe(
    '{"type":"notification","event":"unpublish_track","data":{"name":"webcam"}}',
  );
});

test.each([
  ['{"type":"response","method":"publish_track","request_id":"ctrl_1","data":{}}', { id: "ctrl_1", refusal: null }],
  [
    '{"type":"response","method":"publish_track","request_id":"ctrl_2","error":{"code":"publish_refused","message":"taken"}}',
    { id: "ctrl_2", refusal: { code: "publish_refused", message: "taken" } },
  ],
  [
    '{"type":"response","request_id":"ctrl_3","error":{"code":"publish_refused"}}',
    { id: "ctrl_3", refusal: { code: "publish_refused", message: "" } },
  ],
  ['{"type":"notification","event":"news"}', null],
  ["not JSON", null],
])("an answer on the control channel is read: %s", (text, answer) => {
  expect(decodeAnswer(text)).toEqual(answer);
});

test.each([
  ['{"scope":"application","data":{"type":"tick","data":{"n":1}}}', { kind: "message", type: "tick", data: { n: 1 } }],
  ['{"scope":"application","data":{"n":1}}', { kind: "message", type: "message", data: { n: 1 } }],
  ['{"scope":"application","data":[1]}', { kind: "message", type: "message", data: [1] }],
  ['{"type":"tick","data":{}}', { kind: "message", type: "tick", data: {} }],
])("%s is a message of the model", (text, message) => {
  expect(decode(text)).toEqual(message);
});

test.each(["", "{", "3", "null", "[]", '{"scope":"runtime"}', '{"scope":"runtime","data":7}'])("%j is passed over", (text) => {
  expect(decode(text)).toBeNull();
});

test.each([
  ["modelSchema", { openapi: "3.1.0" }, { kind: "schema", document: { openapi: "3.1.0" } }],
  ["commandAccepted", { id: "c1", command: "go" }, { kind: "accepted", id: "c1" }],
  [
    "commandRejected",
    { id: "c2", command: "go", code: "invalid_command", message: "no" },
    { kind: "rejected", id: "c2", command: "go", code: "invalid_command", message: "no" },
  ],
  ["commandRejected", { command: "go" }, { kind: "rejected", id: null, command: "go", code: "", message: "" }],
  ["sessionState", { state: "RECOVERING", reason: "why" }, { kind: "session", state: "recovering", reason: "why" }],
  ["sessionEnded", { reason: "done" }, { kind: "ended", reason: "done" }],
  ["modelFailed", { where: "run", summary: "ValueError" }, { kind: "failed", where: "run", summary: "ValueError" }],
  ["loading", { text: "unet", fraction: 0.5 }, { kind: "loading", progress: { text: "unet", fraction: 0.5 } }],
  ["loading", { text: "unet", fraction: null }, { kind: "loading", progress: { text: "unet", fraction: null } }],
  ["unreadable", { reason: "not JSON" }, { kind: "unreadable", reason: "not JSON" }],
  ["mediaStats", { video: {} }, null],
])("the runtime's %s with %j is understood", (type, data, message) => {
  expect(runtime(type, data)).toEqual(message);
});

test("what follows a command to the screen is read", () => {
  expect(runtime("clock", { asked_at_ms: 2500.5 })).toEqual({ kind: "clock", askedAt: 2500.5 });
  expect(runtime("frameAnswers", { track: "main", rtp_timestamp: 4000000000, command_ids: ["c1"] })).toEqual({
    kind: "answers",
    track: "main",
    rtpTimestamp: 4000000000,
    ids: ["c1"],
  });
  expect(runtime("commandTraced", { id: "c1", command: "paint", stages_ms: { total: 50 } })).toEqual({
    kind: "traced",
    traced: { id: "c1", command: "paint", stages: { total: 50 } },
  });
});

test("the server's figures are read, with those of the rung of each track", () => {
  const rung = { place: 1, of: 2, codec: "vp8", width: 640, height: 360, viewers: 1 };
  const counts = { generated: 90, shown: 80, dropped: 8, queued: 2, rate: 30 };
  const rungs = { main: { ...rung, bitrate_bps: 600_000 }, odd: 7 };
  const said = { id: null, ...counts, at_ms: 2500, version: "0.1.0", lead_ms: 12.3, rungs, estimate_bps: null, units_lost: 3 };
  const read = { ...counts, atMs: 2500, version: "0.1.0", leadMs: 12.3, rungs: { main: { ...rung, bitrateBps: 600_000 } }, estimateBps: null, leftOut: 3 };
  expect(runtime("figures", said)).toEqual({ kind: "figures", figures: read });
});

test("the frame that opens a socket names the output tracks in order, and no other frame does", () => {
  const hello = (data: unknown) => JSON.stringify({ scope: "runtime", data: { type: "hello", data } });
  const tracks = [{ name: "main_video", kind: "video" }, { name: "main_audio", kind: "audio" }];
  expect(decodeHello(hello({ connection_id: 3, tracks }))).toEqual(tracks);
  expect(decodeHello(hello({ connection_id: 3 }))).toEqual([]);
  expect(decodeHello('{"scope":"runtime","data":{"type":"sessionState","data":{"state":"STREAMING"}}}')).toBeNull();
});
