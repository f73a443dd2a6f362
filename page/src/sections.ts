/** How a long panel is ordered and searched. Pure. */

import { humanise } from "./names";
import type { Parameter } from "./parameters";
import type { Control } from "./schema";

/** Controls under one title; the first section's is empty. */
export interface Section {
  title: string;
  controls: Control[];
}

const FEWEST_ALIKE = 3;

/** Files controls under what their author says or else under the first word that several of their names share. */
export function sectionsOf(controls: Control[]): Section[] {
  const counts = new Map<string, number>();
  for (const { event } of controls) counts.set(firstWord(event), (counts.get(firstWord(event)) ?? 0) + 1);
  const titleOf = ({ group, event }: Control): string => {
    const shared = (counts.get(firstWord(event)) ?? 0) >= FEWEST_ALIKE;
    return group || (shared ? humanise(firstWord(event)) : "");
  };
  const plain: Section = { title: "", controls: [] };
  const titled = new Map<string, Section>();
  for (const control of controls) {
    const title = titleOf(control);
    const section = title === "" ? plain : (titled.get(title) ?? { title, controls: [] });
    if (title !== "") titled.set(title, section);
    section.controls.push(control);
  }
  // One title over everything says nothing.
  if (titled.size < 2 && !plain.controls.length) return [{ title: "", controls }];
  return [plain, ...titled.values()].filter((section) => section.controls.length);
}

/** `set_camera_yaw` and `camera_reset` are both about the `camera`. */
function firstWord(event: string): string {
  return event.replace(/^set_/, "").split("_")[0]!;
}

/** Whether each word of a query begins a word in what a control says. */
export function matches({ event, label, help, group, parameters }: Control, query: string): boolean {
  const said = [event, label, help, group, ...parameters.flatMap(wordsOf)].join(" ").toLowerCase();
  const words = said.split(/[^\p{L}\p{N}]+/u);
  const asked = query.toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  return asked.every((part) => words.some((word) => word.startsWith(part)));
}

function wordsOf({ name, label, help, widget }: Parameter): string[] {
  const inner = widget.kind === "group" ? widget.fields : widget.kind === "list" ? [widget.item] : [];
  const choices = widget.kind === "choice" ? widget.choices.map(String) : [];
  return [name, label, help, ...choices, ...inner.flatMap(wordsOf)];
}
