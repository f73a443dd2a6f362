import { describe, expect, it } from "vitest";
import { askedBy } from "./asked";

describe("askedBy", () => {
  it("asks for nothing special without a query", () => {
    expect(askedBy("")).toEqual({ embed: false, controls: true, transport: undefined, theme: undefined });
  });

  it("takes an embed as a picture, with controls where they are wanted", () => {
    expect(askedBy("?embed=1")).toMatchObject({ embed: true, controls: false });
    expect(askedBy("?embed=1&controls=1")).toMatchObject({ embed: true, controls: true });
    expect(askedBy("?embed")).toMatchObject({ embed: true });
    expect(askedBy("?embed=0")).toMatchObject({ embed: false, controls: true });
  });

  it("takes the controls away from who only views, embedded or not", () => {
    expect(askedBy("?view=only").controls).toBe(false);
    expect(askedBy("?embed=1&controls=1&view=only").controls).toBe(false);
    expect(askedBy("?view=all").controls).toBe(true);
  });

  it("leaves out what it does not know", () => {
    expect(askedBy("?transport=socket&theme=light")).toMatchObject({ transport: "socket", theme: "light" });
    expect(askedBy("?transport=pigeon&theme=beige")).toMatchObject({ transport: undefined, theme: undefined });
  });
});
