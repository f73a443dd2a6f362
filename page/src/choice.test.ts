import { expect, test } from "vitest";
import { chosenBy, explain, labelOf, levelOf, optionsOf, readChoice, valueOf, type Device } from "./choice";
import type { Track } from "./wire";

const webcam: Track = { name: "webcam", kind: "video", direction: "sendonly" };
const hands: Track = { name: "hands_up", kind: "video", direction: "sendonly" };
const mic: Track = { name: "mic", kind: "audio", direction: "sendonly" };

const FRONT: Device = { kind: "videoinput", deviceId: "a:1", label: "Front (046d:0825)" };
const BACK: Device = { kind: "videoinput", deviceId: "b", label: "Back" };
const HEADSET: Device = { kind: "audioinput", deviceId: "c", label: "Headset" };
const UNNAMED: Device = { kind: "videoinput", deviceId: "", label: "" };

test("a button is named after what it sends, and after its track where there are several", () => {
  expect([webcam, mic].map((track) => labelOf(track, [webcam, mic]))).toEqual(["Camera", "Microphone"]);
  expect(labelOf(hands, [webcam, hands, mic])).toBe("Camera · Hands up");
  expect(labelOf(webcam, [webcam], "file")).toBe("File");
  expect([webcam, mic].map((track) => labelOf(track, [webcam, mic], "screen"))).toEqual(["Screen", "Screen sound"]);
});

test("a menu names the devices of the track's kind, then the screen and a file", () => {
  expect(optionsOf("video", [FRONT, HEADSET, BACK], true).map(({ label }) => label)).toEqual([
    "Front",
    "Back",
    "Screen or window",
    "Video or picture file",
  ]);
  expect(optionsOf("audio", [FRONT, HEADSET], true).map(({ label }) => label)).toEqual(["Headset", "Sound file"]);
});

test("devices are one nameless camera until the person allows one", () => {
  expect(optionsOf("video", [UNNAMED], false).map(({ label }) => label)).toEqual(["Camera", "Video or picture file"]);
});

test("an option and a choice stand for each other, whatever is in a device's id", () => {
  const options = optionsOf("video", [FRONT, BACK], true);
  for (const { value } of options) expect(valueOf(chosenBy(value), options)).toBe(value);
});

test("a device that was unplugged is another one of its kind", () => {
  expect(valueOf({ kind: "camera", device: "gone" }, optionsOf("video", [BACK], true))).toBe("camera:b");
});

test("a choice comes back as it was kept, and as at first where nothing sensible was", () => {
  const kept = { kind: "screen", device: "b", cleansVoice: false, showsPreview: false } as const;
  expect(readChoice(JSON.stringify(kept), "video")).toEqual(kept);
  const first = { kind: "camera", device: "", cleansVoice: true, showsPreview: true };
  for (const text of [null, "", "null", "[]", '{"kind": "microphone", "device": 3}']) expect(readChoice(text, "video")).toEqual(first);
  expect(readChoice('{"kind": "screen"}', "audio").kind).toBe("microphone");
});

test("an error says whose doing it is and what helps", () => {
  const named = (name: string) => ({ name, message: "as the browser has it" });
  expect(explain(named("NotAllowedError"), "camera")).toMatch(/does not let the page use the camera.*site settings/);
  expect(explain(named("NotAllowedError"), "microphone", true)).toContain('allow="microphone"');
  expect(explain(named("NotAllowedError"), "screen")).toContain("declined");
  expect(explain(named("NotFoundError"), "microphone")).toContain("no microphone");
  expect(explain(named("NotReadableError"), "camera")).toContain("another program");
  expect(explain({ name: "Refusal", message: "", code: "publish_refused" }, "camera")).toContain("Another client");
  expect(explain(named("Error"), "file")).toBe("as the browser has it");
});

test("a level is as a person hears it: silence is 0, a hundredth is a third, the loudest is 1", () => {
  const square = (peak: number) => new Float32Array(64).map((_, index) => (index % 2 ? peak : -peak));
  expect([0, 0.01, 1].map((peak) => Number(levelOf(square(peak)).toFixed(2)))).toEqual([0, 0.33, 1]);
});
