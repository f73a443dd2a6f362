/** Dark or light: the system's, until a person or the address chooses. */

import type { Theme } from "./asked";

const KEY = "reactor-theme";
const systemIsLight = matchMedia("(prefers-color-scheme: light)");

/** Shows what was asked for, or what was chosen here before. */
export function applyTheme(asked: Theme | undefined): void {
  show(asked ?? remembered());
}

/** Changes to the other one. A choice that is the system's own is not kept, so that the page follows the system again. */
export function switchTheme(): void {
  const system = systemIsLight.matches ? "light" : "dark";
  const next = (document.documentElement.dataset["theme"] ?? system) === "dark" ? "light" : "dark";
  const choice = next === system ? undefined : next;
  show(choice);
  try {
    if (choice) localStorage.setItem(KEY, choice);
    else localStorage.removeItem(KEY);
  } catch {
    // a frame without storage forgets it
  }
}

function show(theme: Theme | undefined): void {
  if (theme) document.documentElement.dataset["theme"] = theme;
  else delete document.documentElement.dataset["theme"];
}

function remembered(): Theme | undefined {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === "dark" || kept === "light" ? kept : undefined;
  } catch {
    return undefined;
  }
}
