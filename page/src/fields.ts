/** One parameter of one event as something to touch: its label, its input, the way back, and how to say "none". */

import type { Path } from "./complaints";
import { h } from "./dom";
import { choiceEntry, colourEntry, numberEntry, sliderEntry, switchEntry } from "./entries";
import { uploadEntry } from "./drop";
import type { History } from "./history";
import { iconButton } from "./icons";
import { groupEntry, listEntry, variantsEntry } from "./nests";
import type { Parameter, Widget } from "./parameters";
import { jsonEntry, textEntry } from "./texts";
import type { Upload } from "./uploads";
import type { Json } from "./wire";

export interface Field {
  element: HTMLElement;
  /** Whether a hand changed the value since it was last settled: nobody else may change it then. */
  touched: boolean;
  /**
   * The value as it stands; undefined leaves the parameter out.
   *
   * @throws {Unreadable} What was typed is no value.
   */
  read(): Json | undefined;
  /** Shows a value without telling anybody; null and undefined are none, where there may be none. */
  write(value: Json | undefined): void;
  /** The field within this one that a path leads to, as far as it does. */
  at(path: Path): Field;
}

export interface FieldSetting {
  parameter: Parameter;
  id: string;
  testId: string;
  /** Id of the element that shows the event's error. */
  errorId: string;
  label: string;
  /** Hides the label from sight where something beside the field says the same. */
  quietLabel: boolean;
  /** A value was changed by hand: `settled` once the hand let go. Text is not reported, it is submitted. */
  onChange: (settled: boolean) => void;
  /** Calls back each time the form was submitted. */
  whenSent: (act: () => void) => void;
  history: () => History;
  upload: Upload;
  /** A file to begin with. */
  file?: File;
}

/** The input of one widget, without its label and without a way to say "none". */
export interface Entry {
  element: HTMLElement;
  read(): Json;
  write(value: Json): void;
  /** The field of one step of a path, where there are fields within. */
  inner?(step: string): Field | undefined;
}

const ON_ONE_LINE = new Set<Widget["kind"]>(["slider", "number", "choice", "switch", "colour"]);

/** Whether a parameter takes no more than a line: label, input and reset side by side. */
export function isOneLine({ widget }: Parameter): boolean {
  return widget.kind === "text" ? !widget.multiline : ON_ONE_LINE.has(widget.kind);
}

export function fieldOf(setting: FieldSetting): Field {
  const { parameter, id, testId, label, quietLabel, onChange } = setting;
  const standard = parameter.default;
  const entry = entryOf(setting);
  const none = parameter.none && h("input", { type: "checkbox", "data-testid": `${testId}-none`, "aria-label": `${label}: none` });
  const reset = iconButton("reset", `Reset ${label}`, { class: "reset", "data-testid": `${testId}-reset` });
  const help = parameter.help && h("p", { class: "help", id: `${id}-help` }, parameter.help);
  const noneLabel = none && h("label", { class: "none" }, none, "none");
  const title = h("label", { for: id, class: quietLabel ? "unseen" : "" }, label);
  const isLine = isOneLine(parameter);
  const element = h(
    "div",
    { class: `field ${isLine ? "line" : "block"} ${parameter.widget.kind}` },
    h("div", { class: "head" }, title, !isLine && noneLabel),
    h("div", { class: "cell" }, entry.element, isLine && noneLabel),
    standard !== undefined && reset,
    help,
  );

  const refresh = () => {
    if (none) entry.element.classList.toggle("dimmed", none.checked);
    reset.classList.toggle("idle", isStandard());
  };
  const isStandard = (): boolean => {
    try {
      return !none?.checked && JSON.stringify(entry.read()) === JSON.stringify(standard);
    } catch {
      return false;
    }
  };
  const field: Field = {
    element,
    touched: false,
    read: () => (none?.checked ? (parameter.none === "null" ? null : undefined) : entry.read()),
    write(value) {
      if (none) none.checked = value === null || value === undefined;
      if (value !== null && value !== undefined) entry.write(value);
      refresh();
    },
    at(path) {
      const inner = path.length ? entry.inner?.(path[0]!) : undefined;
      return inner ? inner.at(path.slice(1)) : field;
    },
  };
  // Before whatever the input itself does: it reports what it holds only when none is off.
  entry.element.addEventListener("input", () => none && (none.checked = false), { capture: true });
  element.addEventListener("input", () => {
    field.touched = true;
    refresh();
  });
  element.addEventListener("change", refresh);
  none?.addEventListener("change", () => onChange(true));
  reset.addEventListener("click", () => {
    field.write(standard);
    // For the fields around this one.
    element.dispatchEvent(new Event("input", { bubbles: true }));
    onChange(true);
    // With nothing to reset this button is gone.
    entry.element.querySelector<HTMLElement>("input, select, textarea")?.focus();
  });
  field.write(standard);
  return field;
}

function entryOf(setting: FieldSetting): Entry {
  const { widget } = setting.parameter;
  switch (widget.kind) {
    case "slider":
      return sliderEntry(setting, widget);
    case "number":
      return numberEntry(setting, widget);
    case "choice":
      return choiceEntry(setting, widget);
    case "switch":
      return switchEntry(setting);
    case "colour":
      return colourEntry(setting, widget);
    case "text":
      return textEntry(setting, widget);
    case "upload":
      return uploadEntry(setting);
    case "list":
      return listEntry(setting, widget);
    case "group":
      return groupEntry(setting, widget);
    case "variants":
      return variantsEntry(setting, widget);
    case "json":
      return jsonEntry(setting);
  }
}

/** What every input of a field carries. */
export function attributesOf({ id, testId, errorId, parameter }: FieldSetting) {
  const describedBy = parameter.help ? `${id}-help ${errorId}` : errorId;
  return { id, "data-testid": testId, "aria-describedby": describedBy, "aria-required": String(parameter.required) };
}
