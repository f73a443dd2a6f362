/** Dark or light: the system's, until a person or the address chooses. */

import type { Theme } from "./asked";
import { memory } from "./memory";

const KEY = "reactor-theme";
const systemIsLight = matchMedia("(prefers-color-scheme: light)");

/** Shows what was asked for, or what was chosen here before. */
export function applyTheme(asked: Theme | undefined): void {
  show(asked ?? chosen());
}

/** Changes to the other one. A choice that is the system's own is not kept, so that the page follows the system again. */
export function switchTheme(): void {
  const system = systemIsLight.matches ? "light" : "dark";
  const next = (document.documentElement.dataset["theme"] ?? system) === "dark" ? "light" : "dark";
  const choice = next === system ? undefined : next;
  show(choice);
  if (choice) memory.setItem(KEY, choice);
  else memory.removeItem(KEY);
}

function show(theme: Theme | undefined): void {
  if (theme) document.documentElement.dataset["theme"] = theme;
  else delete document.documentElement.dataset["theme"];
}

function chosen(): Theme | undefined {
  const kept = memory.getItem(KEY);
  return kept === "dark" || kept === "light" ? kept : undefined;
}
