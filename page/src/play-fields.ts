/** Small fields for what a binding sends: the command, its arguments, and numbers. */

import { h } from "./dom";
import type { Parameter } from "./parameters";
import type { Call } from "./play-mapping";
import type { Control } from "./schema";
import type { Json, JsonObject } from "./wire";

const LEFT_OUT = "–";

/** A labelled line of the editor. */
export function line(label: string, ...entries: (HTMLElement | false)[]): HTMLElement {
  return h("div", { class: "play-line", role: "group", "aria-label": label }, h("span", { class: "play-label", "aria-hidden": "true" }, label), ...entries);
}

/** A list to choose from, by the words of each choice. */
export function chooser<T>(label: string, testId: string, choices: [string, T][], chosen: T, onChoose: (choice: T) => void): HTMLSelectElement {
  const list = h("select", { "aria-label": label, "data-testid": testId }, ...choices.map(([words]) => h("option", {}, words)));
  list.selectedIndex = choices.findIndex(([, choice]) => choice === chosen);
  list.addEventListener("change", () => onChoose(choices[list.selectedIndex]![1]));
  return list;
}

export function numberBox(label: string, testId: string, value: number, onChange: (value: number) => void, ends: { min?: number; max?: number } = {}): HTMLInputElement {
  const box = h("input", { type: "number", step: "any", value, "aria-label": label, "data-testid": testId, ...ends });
  box.addEventListener("change", () => Number.isFinite(box.valueAsNumber) && box.checkValidity() && onChange(box.valueAsNumber));
  return box;
}

/** A command and its arguments; `none` is the choice of sending nothing. `onChange` is told whether another command was chosen. */
export function callFields(
  label: string,
  testId: string,
  controls: Control[],
  call: Call | null,
  none: boolean,
  onChange: (call: Call | null, isOther: boolean) => void,
): HTMLElement {
  const args = { ...call?.args };
  const choices: [string, string | null][] = [...(none ? [["nothing", null] as [string, null]] : []), ...controls.map(({ event }): [string, string] => [event, event])];
  // A model that has lost the command keeps the binding, which says so.
  if (call && !controls.some(({ event }) => event === call.event)) choices.push([`${call.event} (unknown)`, call.event]);
  const list = chooser(label, testId, choices, call?.event ?? null, (event) => onChange(event === null ? null : firstCall(controls, event), true));
  const parameters = controls.find(({ event }) => event === call?.event)?.parameters ?? [];
  const fields = parameters.map((parameter) =>
    h(
      "label",
      { class: "play-argument" },
      h("span", {}, parameter.name),
      argumentBox(parameter, `${testId}-${parameter.name}`, args[parameter.name], (value) => {
        if (value === undefined) delete args[parameter.name];
        else args[parameter.name] = value;
        onChange({ event: call!.event, args: { ...args } }, false);
      }),
    ),
  );
  return h("div", { class: "play-call" }, line(label, list), ...fields);
}

/** A command with the least that it takes. */
export function firstCall(controls: Control[], event: string): Call {
  const args: JsonObject = {};
  for (const parameter of controls.find((control) => control.event === event)?.parameters ?? []) {
    const value = parameter.required ? firstValue(parameter) : undefined;
    if (value !== undefined) args[parameter.name] = value;
  }
  return { event, args };
}

function firstValue({ widget, default: standard }: Parameter): Json | undefined {
  if (standard !== undefined) return standard;
  switch (widget.kind) {
    case "choice":
      return widget.choices[0];
    case "switch":
      return true;
    case "slider":
      return widget.max;
    case "number":
      return widget.max ?? widget.min ?? 0;
    case "text":
      return "";
    case "list":
      return [];
    default:
      return undefined;
  }
}

/** One argument; what is left out is left to the model. */
function argumentBox(parameter: Parameter, testId: string, value: Json | undefined, onChange: (value: Json | undefined) => void): HTMLElement {
  const { widget, name, required } = parameter;
  const none: [string, undefined][] = required ? [] : [[LEFT_OUT, undefined]];
  if (widget.kind === "choice") {
    const choices = widget.choices.map((choice): [string, Json] => [typeof choice === "string" ? choice : JSON.stringify(choice), choice]);
    return chooser<Json | undefined>(name, testId, [...none, ...choices], value, onChange);
  }
  if (widget.kind === "switch") return chooser<Json | undefined>(name, testId, [...none, ["on", true], ["off", false]], value, onChange);
  const isText = widget.kind === "text";
  const shown = value === undefined ? "" : isText ? String(value) : JSON.stringify(value);
  const box = h("input", { type: "text", value: shown, placeholder: LEFT_OUT, "aria-label": name, "data-testid": testId, spellcheck: "false" });
  box.addEventListener("change", () => {
    const read = box.value === "" && !(isText && required) ? undefined : isText ? box.value : parsed(box.value);
    box.setCustomValidity(read === undefined && box.value ? "This is not JSON." : "");
    if (box.reportValidity()) onChange(read);
  });
  return box;
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
