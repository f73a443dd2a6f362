import { expect, test } from "vitest";
import { decodeMedia } from "./media";

function frame(head: number[], payload = [1, 2, 3]): ArrayBuffer {
  const tail = [0xff, 0xff, 0xff, 0xfe, 0x05, 0x00, 0x02, 0xd0, 0, 0, 0, 9];
  return new Uint8Array([...head, ...tail, ...payload]).buffer;
}

test("a picture has its track, codec, key flag, timestamp and size before its bytes", () => {
  expect(decodeMedia(frame([0, 2, 1, 1]))).toEqual({
    kind: "video",
    track: 2,
    codec: "vp9",
    isKey: true,
    timestamp: 2 ** 32 - 2,
    width: 1280,
    height: 720,
    payload: new Uint8Array([1, 2, 3]),
  });
  expect(decodeMedia(frame([0, 0, 0, 0]))!.isKey).toBe(false);
});

test("a packet of sound is Opus", () => {
  expect(decodeMedia(frame([1, 0, 3, 0]))).toMatchObject({ kind: "audio", codec: "opus" });
});

test.each([
  ["another kind", frame([2, 0, 0, 0])],
  ["another codec", frame([0, 0, 9, 0])],
  ["sound in a codec of pictures", frame([1, 0, 0, 0])],
  ["no payload", frame([0, 0, 0, 0], [])],
  ["half a header", new ArrayBuffer(7)],
])("what this page does not know is left out: %s", (_what, buffer) => {
  expect(decodeMedia(buffer)).toBeNull();
});
