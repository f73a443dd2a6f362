import { expect, test } from "vitest";
import { controlsOf } from "./schema";
import { isState, readState } from "./truth";

const CONTROLS = controlsOf({
  paths: Object.fromEntries(
    Object.entries({
      generate: ["prompt", "seed"],
      again: ["seed"],
      set_prompt: ["prompt"],
      set_level: ["value"],
      set_camera: ["yaw", "pitch"],
      pair: ["left", "right"],
    }).map(([event, names]) => {
      const schema = { properties: Object.fromEntries(names.map((name) => [name, {}])) };
      return [`/events/${event}`, { post: { requestBody: { content: { "application/json": { schema } } } } }];
    }),
  ),
});

test("messages about the state are told by their name", () => {
  for (const type of ["state", "state_update", "model_state", "StateUpdate", "stateChanged"]) expect(isState(type), type).toBe(true);
  for (const type of ["statement", "estate", "summary", "message"]) expect(isState(type), type).toBe(false);
});

test.each([
  ["a setter comes before whoever else takes the same", { prompt: "p" }, [{ event: "set_prompt", parameter: "prompt", value: "p" }]],
  ["a key may be what a setter is called after", { level: 3 }, [{ event: "set_level", parameter: "value", value: 3 }]],
  ["the only one with such a parameter is meant", { left: null }, [{ event: "pair", parameter: "left", value: null }]],
  ["where several could be meant, none is", { seed: 1 }, []],
  ["a setter of several is told by an object", { camera: { yaw: 1, roll: 2 } }, [{ event: "set_camera", parameter: "yaw", value: 1 }]],
  ["what no control has is passed over", { fps: 30, __proto__: 1 }, []],
  ["what is no object says nothing", [1, 2], []],
])("%s", (_, data, told) => {
  expect(readState(data as never, CONTROLS)).toEqual(told);
});
