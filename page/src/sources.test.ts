import { expect, test } from "vitest";
import { labelOf } from "./sources";
import type { Track } from "./wire";

const webcam: Track = { name: "webcam", kind: "video", direction: "sendonly" };
const hands: Track = { name: "hands_up", kind: "video", direction: "sendonly" };
const mic: Track = { name: "mic", kind: "audio", direction: "sendonly" };

test("a button is named after its device, and after its track where there are several", () => {
  expect([webcam, mic].map((track) => labelOf(track, [webcam, mic]))).toEqual(["Camera", "Microphone"]);
  expect(labelOf(hands, [webcam, hands, mic])).toBe("Camera · Hands up");
});
