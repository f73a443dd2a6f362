import { expect, test } from "vitest";

import { fileName } from "./files";

const AT = new Date(2026, 2, 1, 14, 5, 9);

test("a file's name says what and when", () => {
  expect(fileName(["painter", "main_video"], AT, "png")).toBe("painter-main_video-2026-03-01-14-05-09.png");
});

test("a name is one that every system takes", () => {
  expect(fileName(["../org/My model: 2", "Tiefe ö"], AT, "webm")).toBe("org-My-model-2-Tiefe-ö-2026-03-01-14-05-09.webm");
  expect(fileName(["", "log"], AT, "json")).toBe("log-2026-03-01-14-05-09.json");
});
