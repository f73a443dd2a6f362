import { expect, test } from "vitest";
import { humanise, singular, unitIn } from "./names";

test("a name in code becomes words", () => {
  expect(humanise("set_prompt")).toBe("Set prompt");
  expect(humanise("w")).toBe("W");
});

test.each([
  ["delay_ms", "delay", "ms"],
  ["hold_seconds", "hold", "s"],
  ["yaw_deg", "yaw", "°"],
  ["mix_percent", "mix", "%"],
  ["blur_px", "blur", "px"],
  ["rate_hz", "rate", "Hz"],
  ["ms", "ms", ""],
  ["num_frames", "num_frames", ""],
  ["prompt", "prompt", ""],
])("%s counts a %s in '%s'", (name, stem, unit) => {
  expect(unitIn(name)).toEqual({ stem, unit });
});

test("one of several", () => {
  expect(["bursts", "bodies", "glass", "path"].map(singular)).toEqual(["burst", "body", "glass", "path"]);
});
