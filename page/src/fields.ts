/** One parameter of one event as something to touch. */

import { h } from "./dom";
import type { Parameter, Widget } from "./schema";
import type { Json } from "./wire";

const SHORT_JSON = 80; // characters that are shown on one line

export interface Field {
  element: HTMLElement;
  /**
   * The value as it stands; undefined leaves the parameter out.
   *
   * @throws {Error} What was typed is no value; the message is for the person who typed it.
   */
  read(): Json | undefined;
}

export interface FieldSetting {
  parameter: Parameter;
  id: string;
  testId: string;
  /** Id of the element that shows the event's error. */
  errorId: string;
  /** Hides the label from sight where the card's title says the same. */
  quietLabel: boolean;
  /** A value was changed by hand: `settled` once the hand let go. Text is not reported, it is submitted. */
  onChange: (settled: boolean) => void;
}

/** The input of one widget, without its label and without a way to say "none". */
interface Entry {
  element: HTMLElement;
  read(): Json;
}

export function fieldOf(setting: FieldSetting): Field {
  const { parameter, id, quietLabel } = setting;
  const entry = entryOf(setting);
  const none = parameter.none && noneBox(setting, entry);
  const help = parameter.help && h("p", { class: "help", id: `${id}-help` }, parameter.help);
  const head = h(
    "div",
    { class: "head" },
    h("label", { for: id, class: quietLabel ? "unseen" : "" }, parameter.label),
    none?.element,
  );
  return {
    element: h("div", { class: `field ${parameter.widget.kind}` }, head, entry.element, help),
    read: () => (none?.checked() ? (parameter.none === "null" ? null : undefined) : entry.read()),
  };
}

/** A box that says "no value"; touching the input takes it away. */
function noneBox({ parameter, testId, onChange }: FieldSetting, entry: Entry) {
  const box = h("input", { type: "checkbox", "data-testid": `${testId}-none` });
  const show = () => entry.element.classList.toggle("dimmed", box.checked);
  box.checked = parameter.default === undefined;
  show();
  box.addEventListener("change", () => {
    show();
    onChange(true);
  });
  entry.element.addEventListener(
    "input",
    () => {
      box.checked = false;
      show();
    },
    { capture: true },
  );
  return {
    element: h("label", { class: "none" }, box, "none"),
    checked: () => box.checked,
  };
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
    case "text":
      return textEntry(setting, widget);
    case "json":
      return jsonEntry(setting);
  }
}

function attributesOf({ id, testId, errorId, parameter }: FieldSetting) {
  const describedBy = parameter.help ? `${id}-help ${errorId}` : errorId;
  return { id, "data-testid": testId, "aria-describedby": describedBy, "aria-required": String(parameter.required) };
}

function sliderEntry(setting: FieldSetting, { min, max, step }: Widget & { kind: "slider" }): Entry {
  const { parameter, testId, onChange } = setting;
  const start = typeof parameter.default === "number" ? parameter.default : min;
  const slider = h("input", { ...attributesOf(setting), type: "range", min, max, step, value: start });
  const box = h("input", {
    type: "number",
    "data-testid": `${testId}-number`,
    "aria-label": `${parameter.label} as a number`,
    min,
    max,
    step: "any",
    value: start,
  });
  const fill = () => slider.style.setProperty("--part", String((slider.valueAsNumber - min) / (max - min)));
  fill();
  slider.addEventListener("input", () => {
    box.value = slider.value;
    fill();
    onChange(false);
  });
  slider.addEventListener("change", () => onChange(true));
  box.addEventListener("input", () => {
    slider.value = box.value;
    fill();
  });
  box.addEventListener("change", () => onChange(true));
  return { element: h("div", { class: "entry" }, slider, box), read: () => readNumber(box, parameter) };
}

function numberEntry(setting: FieldSetting, { min, max, integer }: Widget & { kind: "number" }): Entry {
  const { parameter } = setting;
  const value = typeof parameter.default === "number" ? parameter.default : "";
  const box = h("input", { ...attributesOf(setting), type: "number", min, max, step: integer ? 1 : "any", value });
  return { element: h("div", { class: "entry" }, box), read: () => readNumber(box, parameter) };
}

function readNumber(box: HTMLInputElement, { label }: Parameter): Json {
  if (box.value !== "") return box.valueAsNumber;
  throw new Error(box.validity.badInput ? `${label} is not a number.` : `${label} needs a number.`);
}

function choiceEntry(setting: FieldSetting, { choices }: Widget & { kind: "choice" }): Entry {
  const texts = choices.map((choice) => (typeof choice === "string" ? choice : JSON.stringify(choice)));
  const list = h("select", attributesOf(setting), ...texts.map((text) => h("option", { value: text }, text)));
  const standard = JSON.stringify(setting.parameter.default);
  list.selectedIndex = Math.max(choices.findIndex((choice) => JSON.stringify(choice) === standard), 0);
  list.addEventListener("change", () => setting.onChange(true));
  return { element: h("div", { class: "entry" }, list), read: () => choices[list.selectedIndex]! };
}

function switchEntry(setting: FieldSetting): Entry {
  const box = h("input", { ...attributesOf(setting), type: "checkbox", role: "switch", class: "switch" });
  box.checked = setting.parameter.default === true;
  box.addEventListener("change", () => setting.onChange(true));
  return { element: h("div", { class: "entry" }, box), read: () => box.checked };
}

function textEntry(setting: FieldSetting, { multiline, maxLength }: Widget & { kind: "text" }): Entry {
  const { parameter } = setting;
  const start = typeof parameter.default === "string" ? parameter.default : "";
  const attributes = { ...attributesOf(setting), maxlength: maxLength, autocomplete: "off" };
  const box = multiline
    ? area({ ...attributes, rows: 2, placeholder: "Enter sends" }, start, true)
    : h("input", { ...attributes, type: "text", value: start });
  return { element: h("div", { class: "entry" }, box), read: () => box.value };
}

function jsonEntry(setting: FieldSetting): Entry {
  const { parameter } = setting;
  const line = parameter.default === undefined ? "" : JSON.stringify(parameter.default);
  const start = line.length > SHORT_JSON ? JSON.stringify(parameter.default, null, 2) : line;
  const box = area({ ...attributesOf(setting), class: "code", rows: 3, spellcheck: "false", placeholder: "JSON" }, start, false);
  return {
    element: h("div", { class: "entry" }, box),
    read: () => {
      try {
        return JSON.parse(box.value) as Json;
      } catch (error) {
        throw new Error(`${parameter.label} is not JSON: ${(error as Error).message}`);
      }
    },
  };
}

/** A text area that sends its form with Ctrl+Enter, and with Enter alone where lines are rare. */
function area(attributes: Parameters<typeof h>[1], value: string, enterSends: boolean): HTMLTextAreaElement {
  const box = h("textarea", attributes);
  box.value = value;
  box.addEventListener("keydown", (event) => {
    // While an input method composes, Enter picks a word.
    if (event.key !== "Enter" || event.isComposing) return;
    if (!event.ctrlKey && !event.metaKey && (!enterSends || event.shiftKey)) return;
    event.preventDefault();
    box.form?.requestSubmit();
  });
  return box;
}
