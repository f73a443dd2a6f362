import { expect, test } from "vitest";
import { wordsOf, type Action, type Binding, type Motion } from "./play-mapping";
import { Player, type Range } from "./play-player";
import type { JsonObject } from "./wire";

const PIXELS: Range = { min: -2000, max: 2000, integer: false, start: 0 };

function playing(bindings: Binding[], ranges: Record<string, Range> = {}) {
  const sent: string[] = [];
  const releases: string[] = [];
  const outlet = {
    isBusy: false,
    send: (call: Parameters<typeof wordsOf>[0], atMs: number, isRelease: boolean) => {
      sent.push(`${wordsOf(call)} @${atMs}`);
      if (isRelease) releases.push(wordsOf(call));
    },
  };
  const player = new Player({ send: outlet.send, isBusy: () => outlet.isBusy, rangeOf: (event, parameter) => ranges[`${event}.${parameter}`] });
  player.map(bindings, 0);
  return { player, sent, releases, outlet };
}

function key(input: string, event: string, held: JsonObject, rest: JsonObject | null, joined = false): Action {
  return { kind: "action", inputs: [input], press: { event, args: held }, release: rest && { event, args: rest }, joined };
}

function look(gives: Motion["gives"], more: Partial<Motion> = {}): Motion {
  const axes = [{ parameter: "dx", from: "x" as const, scale: 1 }, { parameter: "dy", from: "y" as const, scale: -1 }];
  return { kind: "motion", inputs: ["mouse:move", "stick:1"], event: "look", args: {}, axes, gives, deadZone: 0.2, rate: 60, ...more };
}

test("press and release go out at once, with the hand's own times", () => {
  const { player, sent, releases } = playing([key("key:KeyW", "go", { on: true }, { on: false })]);
  player.set("key:KeyW", true, 10);
  player.set("key:KeyW", true, 15);
  player.set("key:KeyW", false, 20);
  expect(sent).toEqual(["go on=true @10", "go on=false @20"]);
  expect(releases).toEqual(["go on=false"]);
});

test("two inputs of one action are one hand: the last to let go ends it", () => {
  const { player, sent } = playing([{ ...key("a", "go", { on: true }, { on: false }), inputs: ["a", "b"] }]);
  for (const [input, isDown] of [["a", true], ["b", true], ["a", false], ["b", false]] as const) player.set(input, isDown, 1);
  expect(sent).toEqual(["go on=true @1", "go on=false @1"]);
});

test("flags that are held together are sent together", () => {
  const { player, sent } = playing(["w", "a"].map((name) => key(name, "keys", { [name]: true }, { [name]: false }, true)));
  for (const [input, isDown] of [["w", true], ["a", true], ["w", false], ["a", false]] as const) player.set(input, isDown, 1);
  expect(sent).toEqual(["keys w=true a=false @1", "keys w=true a=true @1", "keys w=false a=true @1", "keys w=false a=false @1"]);
});

test("lists are put together, numbers added, the direction pressed last counts until it is let go", () => {
  const pairs: [JsonObject, JsonObject][] = [
    [{ keys: ["w"], x: 1, way: "forward" }, { keys: [], x: 0, way: "none" }],
    [{ keys: ["a"], x: -1, way: "left" }, { keys: [], x: 0, way: "none" }],
  ];
  const { player, sent } = playing(pairs.map(([held, rest], index) => key(String(index), "do", held, rest, true)));
  player.set("0", true, 1);
  player.set("1", true, 2);
  player.set("1", false, 3);
  player.set("0", false, 4);
  expect(sent).toEqual([
    'do keys=["w"] x=1 way=forward @1',
    'do keys=["w","a"] x=0 way=left @2',
    'do keys=["w"] x=1 way=forward @3',
    "do keys=[] x=0 way=none @4",
  ]);
});

test("motion adds up between sendings, sixty a second, and says once that it stopped", () => {
  const { player, sent } = playing([look("change")], { "look.dx": PIXELS, "look.dy": PIXELS });
  player.shift("mouse:move", 5, 1, 100);
  player.shift("mouse:move", 2, 0, 104);
  player.shift("mouse:move", 3, -4, 112);
  player.tick(117);
  for (let now = 133; now < 400; now += 16) player.tick(now);
  expect(sent).toEqual(["look dx=5 dy=-1 @100", "look dx=5 dy=4 @117", "look dx=0 dy=0 @181"]);
  expect(player.isRestless).toBe(false);
});

test("motion waits while the way out is busy, and adds up; a press does not wait", () => {
  const { player, sent, outlet } = playing([look("change"), key("w", "go", {}, null)]);
  outlet.isBusy = true;
  player.shift("mouse:move", 5, 0, 100);
  player.tick(130);
  player.shift("mouse:move", 5, 0, 140);
  expect(sent).toEqual([]);
  player.set("w", true, 141);
  expect(sent).toEqual(["look dx=10 dy=0 @141", "go @141"]);
});

test("whole numbers keep what is left over, and ranges are kept to", () => {
  const whole = { min: -3, max: 3, integer: true, start: 0 };
  const { player, sent } = playing([look("change", { axes: [{ parameter: "dx", from: "x", scale: 0.4 }] })], { "look.dx": whole });
  player.shift("mouse:move", 4, 0, 100);
  player.shift("mouse:move", 1, 0, 200);
  player.shift("mouse:move", 900, 0, 300);
  player.releaseAll(400);
  player.shift("mouse:move", 1, 0, 500);
  expect(sent).toEqual(["look dx=1 @100", "look dx=1 @200", "look dx=3 @300", "look dx=0 @400"]);
});

test("what is rounded for the wire is not moved again", () => {
  const { player, sent } = playing([look("change", { axes: [{ parameter: "dx", from: "x", scale: 1 / 3 }] })]);
  player.shift("mouse:move", 10, 0, 100);
  for (let now = 116; now < 300; now += 16) player.tick(now);
  expect(sent).toEqual(["look dx=3.33333 @100", "look dx=0 @164"]);
});

test("a sum begins where the model does, turns round a full circle and stops at other ends", () => {
  const axes = [{ parameter: "yaw", from: "x" as const, scale: 1 }, { parameter: "pitch", from: "y" as const, scale: -1 }];
  const { player, sent } = playing([look("sum", { axes })], {
    "look.yaw": { min: -180, max: 180, integer: false, start: 170 },
    "look.pitch": { min: -80, max: 80, integer: false, start: 0 },
  });
  player.shift("mouse:move", 20, 90, 100);
  player.shift("mouse:move", 0, -10, 200);
  expect(sent).toEqual(["look yaw=-170 pitch=-80 @100", "look yaw=-170 pitch=-70 @200"]);
});

test("a stick moves as fast as it is pushed, by the time that passes", () => {
  const { player, sent } = playing([look("change")]);
  player.tilt("stick:1", 0.1, 0, 1000);
  player.tick(1050);
  expect(sent).toEqual([]);
  player.tilt("stick:1", 1, 0, 1060);
  player.tick(1070);
  player.tick(1090);
  player.tilt("stick:1", 0, 0, 1095);
  player.tick(1190);
  expect(sent).toEqual(["look dx=12 dy=0 @1070", "look dx=12 dy=0 @1090", "look dx=0 dy=0 @1190"]);
});

test("a stick's position and keys add up, a zero is the last", () => {
  const unit = { min: -1, max: 1, integer: false, start: 0 };
  const move = look("position", { event: "move", inputs: ["stick:0"], axes: [{ parameter: "x", from: "x", scale: 1 }], deadZone: 0 });
  const { player, sent, releases } = playing([move, key("d", "move", { x: 1 }, { x: 0 }, true)], { "move.x": unit });
  player.tilt("stick:0", -0.5, 0, 100);
  player.set("d", true, 110);
  player.tilt("stick:0", 0.5, 0, 200);
  player.set("d", false, 210);
  player.tilt("stick:0", 0, 0, 215);
  player.tick(230);
  player.tick(400);
  expect(sent).toEqual(["move x=-0.5 @100", "move x=0.5 @110", "move x=1 @200", "move x=0.5 @210", "move x=0 @230"]);
  expect(releases.at(-1)).toBe("move x=0");
});

test("a stick that trembles in its middle sends nothing", () => {
  const { player, sent } = playing([look("position", { inputs: ["stick:0"] }), look("change")]);
  for (let now = 0; now < 200; now += 16) {
    player.tilt("stick:0", 0.02 * Math.sin(now), 0.05, now);
    player.tick(now);
  }
  expect(sent).toEqual([]);
});

test("a stick pushed far enough is a direction", () => {
  const { player, sent } = playing([key("stick:0:up", "go", { way: "forward" }, null), key("stick:0:left", "go", { way: "left" }, null)]);
  player.tilt("stick:0", -0.2, -0.4, 1);
  player.tilt("stick:0", -0.7, -0.7, 2);
  player.tilt("stick:0", 0, 0, 3);
  player.tilt("stick:0", 0, -1, 4);
  expect(sent).toEqual(["go way=forward @2", "go way=left @2", "go way=forward @4"]);
});

test("everything is let go at once", () => {
  const { player, sent } = playing([look("change"), key("w", "go", { on: true }, { on: false }), key("a", "keys", { a: true }, { a: false }, true)]);
  player.set("w", true, 1);
  player.set("a", true, 2);
  player.shift("mouse:move", 1, 0, 3);
  player.releaseAll(10);
  player.releaseAll(11);
  expect(sent.slice(3)).toEqual(["go on=false @10", "keys a=false @10", "look dx=0 dy=0 @10"]);
});
