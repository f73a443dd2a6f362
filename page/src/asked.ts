/** What the address asks of the page, such as `?embed=1&controls=1` or `?view=only&theme=light&transport=socket`. */

import { RUNG_NAMES, type Rung } from "./transports/transport";

export type Theme = "dark" | "light";

export interface Asked {
  /** The page is a frame in another one: the picture, and a bar while the pointer or the focus is on it. */
  embed: boolean;
  /** Whether a person can steer and send here; the model itself takes commands of anybody who reaches the server. */
  controls: boolean;
  /** One way to the server, instead of the best that gets through. */
  transport: Rung | undefined;
  /** In place of the system's, and of what was chosen here before. */
  theme: Theme | undefined;
}

const RUNGS = Object.keys(RUNG_NAMES) as Rung[];
const THEMES: readonly Theme[] = ["dark", "light"];

/** @param query As in `location.search`. What is not known is not asked for. */
export function askedBy(query: string): Asked {
  const asked = new URLSearchParams(query);
  const isOn = (name: string) => ["", "1", "true"].includes(asked.get(name) ?? "0");
  const oneOf = <Word extends string>(words: readonly Word[], name: string) => words.find((word) => word === asked.get(name));
  const embed = isOn("embed");
  return {
    embed,
    controls: asked.get("view") !== "only" && (!embed || isOn("controls")),
    transport: oneOf(RUNGS, "transport"),
    theme: oneOf(THEMES, "theme"),
  };
}
