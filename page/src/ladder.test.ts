import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Ladder, type LadderEvents, type Opener } from "./ladder";
import { HttpError } from "./signalling";
import type { Picture, Receiver, Rung, Transport } from "./transports/transport";
import type { Inbound } from "./wire";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const PICTURE: Picture = { image: {} as ImageBitmap, width: 2, height: 2, rtpTimestamp: 900, receivedAt: 0 };
const ACCEPTED: Inbound = { kind: "accepted", id: "c1" };
const NEWS: Inbound = { kind: "message", type: "news", data: {} };

/** A rung that opens, fails and dies when the test says so. */
class Rope {
  attempts = 0;
  begun = 0;
  isClosed = false;
  receiver!: Receiver;
  lose!: (reason: string) => void;
  #settle: ((transport: Transport) => void) | undefined;
  #reject: ((error: Error) => void) | undefined;

  constructor(readonly rung: Rung) {}

  readonly open: Opener = (receiver, signal) => {
    this.attempts++;
    this.isClosed = false;
    this.receiver = receiver;
    return new Promise((resolve, reject) => {
      this.#settle = resolve;
      this.#reject = reject;
      signal.addEventListener("abort", () => reject(new Error("aborted")));
    });
  };

  async comesUp(): Promise<void> {
    const lost = new Promise<string>((resolve) => (this.lose = resolve));
    const close = () => {
      this.isClosed = true;
      this.lose("Closed.");
    };
    const begin = () => void this.begun++;
    const stats = () => Promise.reject(new Error("unused"));
    this.#settle!({ rung: this.rung, lost, uplink: null, hasSound: true, isBusy: false, begin, send: () => true, stats, close });
    await vi.advanceTimersByTimeAsync(0);
  }

  async fails(error = new Error(`no ${this.rung}`)): Promise<void> {
    this.#reject!(error);
    await vi.advanceTimersByTimeAsync(0);
  }

  async dies(): Promise<void> {
    this.lose(`${this.rung} died`);
    await vi.advanceTimersByTimeAsync(0);
  }
}

function climbing() {
  const [webrtc, socket, http] = [new Rope("webrtc"), new Rope("socket"), new Rope("http")];
  const told: unknown[] = [];
  const events: LadderEvents = {
    onUp: ({ rung }) => told.push(rung),
    onDown: (reason) => told.push(reason),
    onTrack: () => undefined,
    onPicture: (_name, picture) => told.push(picture.rtpTimestamp ?? "unmeasured"),
    onSound: () => undefined,
    onMessage: (message) => told.push(message.kind),
  };
  const ladder = new Ladder([webrtc.open, socket.open, http.open], events);
  return { webrtc, socket, http, told, ladder };
}

test("WebRTC that is up within its head start is used alone", async () => {
  const { webrtc, socket, told, ladder } = climbing();
  await vi.advanceTimersByTimeAsync(900);
  await webrtc.comesUp();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told).toEqual(["webrtc"]);
  expect([webrtc.begun, socket.attempts]).toEqual([1, 0]);
  expect(ladder.transport?.rung).toBe("webrtc");
});

test("the socket starts beside WebRTC after a second, the last rung after four", async () => {
  const { socket, http } = climbing();
  await vi.advanceTimersByTimeAsync(999);
  expect(socket.attempts).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  expect([socket.attempts, http.attempts]).toEqual([1, 0]);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(http.attempts).toBe(1);
});

test("a rung that fails lets the next one start at once", async () => {
  const { webrtc, socket, http } = climbing();
  await webrtc.fails();
  expect([socket.attempts, http.attempts]).toEqual([1, 0]);
  await socket.fails();
  expect(http.attempts).toBe(1);
});

test("WebRTC that comes up later takes over, and the former brings its last answers and pictures, then closes", async () => {
  const { webrtc, socket, told } = climbing();
  await vi.advanceTimersByTimeAsync(1_000);
  await socket.comesUp();
  await vi.advanceTimersByTimeAsync(5_000);
  await webrtc.comesUp();
  expect(told).toEqual(["socket", "webrtc"]);
  expect(socket.isClosed).toBe(false);
  socket.receiver.onMessage(ACCEPTED);
  socket.receiver.onMessage(NEWS);
  socket.receiver.onPicture("main", PICTURE);
  expect(told.slice(2)).toEqual(["accepted", "unmeasured"]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(socket.isClosed).toBe(true);
  socket.receiver.onPicture("main", PICTURE);
  expect(told).toHaveLength(4);
});

test("when the rung in use dies the next one down starts at once, and WebRTC is tried again", async () => {
  const { webrtc, socket, told } = climbing();
  await webrtc.comesUp();
  await vi.advanceTimersByTimeAsync(60_000);
  await webrtc.dies();
  expect([webrtc.attempts, socket.attempts]).toEqual([2, 1]);
  await socket.comesUp();
  await webrtc.comesUp();
  expect(told).toEqual(["webrtc", "webrtc died", "socket", "webrtc"]);
});

test("WebRTC that keeps dying soon is tried ever more rarely", async () => {
  const { webrtc, socket } = climbing();
  await webrtc.comesUp();
  await webrtc.dies();
  await socket.comesUp();
  expect(webrtc.attempts).toBe(1);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(webrtc.attempts).toBe(2);
  await webrtc.fails();
  await vi.advanceTimersByTimeAsync(9_999);
  expect(webrtc.attempts).toBe(2);
  await vi.advanceTimersByTimeAsync(1);
  expect(webrtc.attempts).toBe(3);
});

test("a socket that is closed is replaced by the last rung, and both better ones are tried again", async () => {
  const { webrtc, socket, http, told } = climbing();
  await webrtc.fails();
  await socket.comesUp();
  await socket.dies();
  await http.comesUp();
  expect(told).toEqual(["socket", "socket died", "http"]);
  await vi.advanceTimersByTimeAsync(5_000);
  expect([webrtc.attempts, socket.attempts]).toEqual([2, 2]);
  await socket.comesUp();
  expect(told.at(-1)).toBe("socket");
});

test("when the network has changed the better rungs are tried anew, those that are being tried too", async () => {
  const { webrtc, socket, told, ladder } = climbing();
  await vi.advanceTimersByTimeAsync(1_000);
  await socket.comesUp();
  ladder.climb();
  expect(webrtc.attempts).toBe(2);
  await webrtc.comesUp();
  expect(told).toEqual(["socket", "webrtc"]);
});

test("a path in doubt is replaced before it is given up, and stays if it lives", async () => {
  const { webrtc, socket, told } = climbing();
  await webrtc.comesUp();
  webrtc.receiver.onDoubt(true);
  webrtc.receiver.onDoubt(false);
  await socket.comesUp();
  expect([told, socket.isClosed]).toEqual([["webrtc"], true]);
  webrtc.receiver.onDoubt(true);
  await socket.comesUp();
  expect([told, webrtc.isClosed]).toEqual([["webrtc", "socket"], true]);
});

test("what arrives while a transport opens is delivered once it is used, and never from one that is not", async () => {
  const { webrtc, socket, told } = climbing();
  await vi.advanceTimersByTimeAsync(1_000);
  socket.receiver.onMessage(NEWS);
  webrtc.receiver.onMessage(ACCEPTED);
  await webrtc.comesUp();
  expect(told).toEqual(["webrtc", "accepted"]);
  expect(socket.begun).toBe(0);
});

test("the ladder is lost when nothing gets through, for the reason that the server gave, else the first", async () => {
  const silent = climbing();
  for (const rope of [silent.webrtc, silent.socket, silent.http]) await rope.fails();
  expect((await silent.ladder.lost).message).toBe("no webrtc");
  const refused = climbing();
  await refused.webrtc.fails();
  await refused.socket.fails(new HttpError(404, "no such session", undefined));
  await refused.http.fails();
  expect((await refused.ladder.lost).message).toBe("no such session");
});

test("a closed ladder closes what it holds and tries nothing more", async () => {
  const { webrtc, socket, http, ladder } = climbing();
  await vi.advanceTimersByTimeAsync(1_000);
  await socket.comesUp();
  ladder.close();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(socket.isClosed).toBe(true);
  expect((await ladder.lost).message).toBe("Closed.");
  expect([webrtc.attempts, socket.attempts, http.attempts]).toEqual([1, 1, 0]);
});
