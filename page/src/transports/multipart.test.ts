import { expect, test } from "vitest";
import { Multipart } from "./multipart";

const bytes = (text: string) => new TextEncoder().encode(text);
const part = (body: string, more = "") => `--cut\r\nContent-Type: image/jpeg\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}\r\n`;

const bodies = (multipart: Multipart, chunks: string[]) =>
  chunks.flatMap((chunk) => multipart.add(bytes(chunk))).map(({ body }) => new TextDecoder().decode(body));

test("parts come out whole, however the stream is cut", () => {
  const stream = part("one") + part("two\r\n\r\n--cut") + part("three");
  expect(bodies(new Multipart(), [stream])).toEqual(["one", "two\r\n\r\n--cut", "three"]);
  expect(bodies(new Multipart(), [...stream])).toEqual(["one", "two\r\n\r\n--cut", "three"]);
});

test("a part's headers are found by their names in any case", () => {
  const [only] = new Multipart().add(bytes(part("x", "X-Timestamp: 900\r\n")));
  expect(only!.headers.get("x-timestamp")).toBe("900");
});

test("a part that does not say its length is refused", () => {
  expect(() => new Multipart().add(bytes("--cut\r\nContent-Type: image/jpeg\r\n\r\nxxx"))).toThrow("length");
});
