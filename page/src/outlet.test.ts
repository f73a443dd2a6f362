import { expect, test, vi } from "vitest";
import type { Capture } from "./capture";
import { Outlet } from "./outlet";
import { Refusal, type Uplink } from "./transports/transport";

/** A connection that notes what it is asked, and answers when it is let. */
class Wire implements Uplink {
  readonly said: string[] = [];
  answer: Promise<void> = Promise.resolve();

  publish(name: string): Promise<void> {
    this.said.push(`publish ${name}`);
    return this.answer;
  }

  async carry(name: string, media: MediaStreamTrack): Promise<void> {
    this.said.push(`carry ${name} ${media.label}`);
  }

  async unpublish(name: string): Promise<void> {
    this.said.push(`unpublish ${name}`);
  }

  sent = async () => null;
}

class Media extends EventTarget {
  enabled = true;
  constructor(readonly label: string) {
    super();
  }
}

function captureOf(label: string, kind: Capture["kind"] = "camera", sound?: Capture) {
  const capture = { kind, media: new Media(label) as unknown as MediaStreamTrack, sound, isStopped: false, stop: () => void (capture.isStopped = true) };
  return capture;
}

function outlets() {
  const wire = new Wire();
  const at = { uplink: wire as Uplink | null };
  const troubles: string[] = [];
  const events = { onChange: () => undefined, onTrouble: (error: Error) => void troubles.push(error.message) };
  const mic = new Outlet("mic", () => at.uplink, events);
  return { wire, at, troubles, mic, webcam: new Outlet("webcam", () => at.uplink, events, mic) };
}

test("another source takes over without a second claim, and the first is closed", async () => {
  const { wire, webcam } = outlets();
  const front = captureOf("front");
  await webcam.send(front);
  await webcam.send(captureOf("back"));
  expect(wire.said).toEqual(["publish webcam", "carry webcam front", "carry webcam back"]);
  expect(front.isStopped).toBe(true);
});

test("what is chosen while the claim is on its way is what is sent", async () => {
  const { wire, webcam } = outlets();
  let answer!: () => void;
  wire.answer = new Promise((resolve) => (answer = resolve));
  const sending = webcam.send(captureOf("front"));
  await webcam.send(captureOf("back"));
  answer();
  await sending;
  expect(wire.said.at(-1)).toBe("carry webcam back");
});

test("a claim that arrives after the person has stopped is given back", async () => {
  const { wire, webcam } = outlets();
  const sending = webcam.send(captureOf("front"));
  await webcam.stop();
  await sending;
  expect(wire.said).toEqual(["publish webcam", "unpublish webcam", "unpublish webcam"]);
});

test("a refused source is closed, and nothing is sent", async () => {
  const { wire, webcam } = outlets();
  wire.answer = Promise.reject(new Refusal("publish_refused", "taken"));
  const front = captureOf("front");
  await expect(webcam.send(front)).rejects.toThrow("taken");
  expect([front.isStopped, webcam.capture]).toEqual([true, undefined]);
});

test("a new connection is sent what the one before was; one that dies meanwhile takes nothing away", async () => {
  const { at, webcam, troubles } = outlets();
  await webcam.send(captureOf("front"));
  const dying = new Wire();
  dying.answer = Promise.reject(new Error("The connection failed."));
  at.uplink = dying;
  await webcam.resume();
  const next = new Wire();
  at.uplink = next;
  await webcam.resume();
  expect([next.said, troubles]).toEqual([["publish webcam", "carry webcam front"], []]);
});

test("a new connection waits for the one before to give the track up", async () => {
  vi.useFakeTimers();
  const { at, webcam, troubles } = outlets();
  await webcam.send(captureOf("front"));
  const next = new Wire();
  next.answer = Promise.reject(new Refusal("publish_refused", "taken"));
  at.uplink = next;
  const resumed = webcam.resume();
  await vi.advanceTimersByTimeAsync(10_000);
  next.answer = Promise.resolve();
  await vi.advanceTimersByTimeAsync(3_000);
  await resumed;
  expect([next.said.at(-1), troubles]).toEqual(["carry webcam front", []]);
  vi.useRealTimers();
});

test("a new connection may find that another client has the track, and has it for good", async () => {
  vi.useFakeTimers();
  const { at, webcam, troubles } = outlets();
  const front = captureOf("front");
  await webcam.send(front);
  const next = new Wire();
  next.answer = Promise.reject(new Refusal("publish_refused", "taken"));
  at.uplink = next;
  const resumed = webcam.resume();
  await vi.advanceTimersByTimeAsync(30_000);
  await resumed;
  expect([front.isStopped, troubles]).toEqual([true, ["taken"]]);
  vi.useRealTimers();
});

test("muted, a source stays claimed, and so does the one that takes over", async () => {
  const { wire, webcam } = outlets();
  const [front, back] = [captureOf("front"), captureOf("back")];
  await webcam.send(front);
  webcam.mute(true);
  await webcam.send(back);
  expect([front.media.enabled, back.media.enabled]).toEqual([false, false]);
  webcam.mute(false);
  expect(back.media.enabled).toBe(true);
  expect(wire.said).not.toContain("unpublish webcam");
});

test("a screen brings its sound to the one track for sound, and takes it away again", async () => {
  const { wire, webcam, mic } = outlets();
  await webcam.send(captureOf("screen", "screen", captureOf("its sound", "screen")));
  expect(mic.capture?.media.label).toBe("its sound");
  await webcam.send(captureOf("window", "screen", captureOf("another sound", "screen")));
  expect(mic.capture?.media.label).toBe("another sound");
  expect(wire.said.filter((word) => word.startsWith("publish"))).toEqual(["publish webcam", "publish mic"]);
  await webcam.stop();
  expect(mic.capture).toBeUndefined();
});

test("a microphone that is on keeps its track from the screen's sound", async () => {
  const { webcam, mic } = outlets();
  await mic.send(captureOf("headset", "microphone"));
  expect(webcam.takesSound).toBe(false);
});

test("an unplugged device is complained of; a share that its person ended is not", async () => {
  const { webcam, troubles } = outlets();
  for (const [kind, count] of [["screen", 0], ["camera", 1]] as const) {
    const capture = captureOf(kind, kind);
    await webcam.send(capture);
    capture.media.dispatchEvent(new Event("ended"));
    expect([webcam.capture, troubles.length]).toEqual([undefined, count]);
  }
});
