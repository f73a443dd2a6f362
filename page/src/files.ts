/** Files that the page gives to the person in front of it. */

import { h } from "./dom";

const REVOKED_AFTER_MS = 60_000; // the browser reads a download at its leisure

/** A name that says what, and when by the clock on the wall: `painter-main_video-2026-03-01-14-05-09.png`. */
export function fileName(words: readonly string[], at: Date, extension: string): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = [at.getFullYear(), at.getMonth() + 1, at.getDate()];
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()];
  const safe = words.map((word) => word.replace(/[^\p{L}\p{N}._]+/gu, "-").replace(/^[-.]+|-+$/g, "")).filter(Boolean);
  return `${[...safe, ...day.map(two), ...time.map(two)].join("-")}.${extension}`;
}

/** Hands a file to the browser's downloads. */
export function download(file: Blob, name: string): void {
  const href = URL.createObjectURL(file);
  h("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), REVOKED_AFTER_MS);
}
