/** Inputs that take one line: numbers, choices, switches and colours. */

import { fromHex, toHex } from "./colours";
import { Unreadable } from "./complaints";
import { h } from "./dom";
import { attributesOf, type Entry, type FieldSetting } from "./fields";
import type { Widget } from "./parameters";
import type { Json } from "./wire";

type Of<K extends Widget["kind"]> = Widget & { kind: K };

export function sliderEntry(setting: FieldSetting, { min, max, step, integer }: Of<"slider">): Entry {
  const { parameter, testId, label, onChange } = setting;
  const slider = h("input", { ...attributesOf(setting), type: "range", min, max, step, value: min });
  const box = h("input", {
    type: "number",
    "data-testid": `${testId}-number`,
    "aria-label": `${label} as a number`,
    min,
    max,
    step: integer ? step : "any",
    value: min,
  });
  const fill = () => slider.style.setProperty("--part", String((slider.valueAsNumber - min) / (max - min)));
  let isMoving = false;
  const settle = () => {
    if (isMoving) onChange(true);
    isMoving = false;
  };
  slider.addEventListener("input", () => {
    isMoving = true;
    box.value = slider.value;
    fill();
    onChange(false);
  });
  slider.addEventListener("change", settle);
  // A drag that ends where it began is no change to the browser.
  slider.addEventListener("pointerup", settle);
  box.addEventListener("input", () => {
    slider.value = box.value;
    fill();
  });
  box.addEventListener("change", () => onChange(true));
  fill();
  return {
    element: h("div", { class: "entry" }, slider, amount(box, parameter.unit)),
    read: () => readNumber(box, label),
    write(value) {
      slider.value = box.value = numberText(value);
      fill();
    },
  };
}

export function numberEntry(setting: FieldSetting, { min, max, integer }: Of<"number">): Entry {
  const { parameter, label, onChange } = setting;
  const box = h("input", { ...attributesOf(setting), type: "number", min, max, step: integer ? 1 : "any" });
  box.addEventListener("change", () => onChange(true));
  return {
    element: h("div", { class: "entry" }, amount(box, parameter.unit)),
    read: () => readNumber(box, label),
    write: (value) => (box.value = numberText(value)),
  };
}

/** A number box with its unit inside its frame. */
function amount(box: HTMLInputElement, unit: string): HTMLElement {
  return h("span", { class: "amount" }, box, unit && h("span", { class: "unit" }, unit));
}

function readNumber(box: HTMLInputElement, label: string): Json {
  if (box.value !== "") return box.valueAsNumber;
  throw new Unreadable(box.validity.badInput ? `${label} is not a number.` : `${label} needs a number.`);
}

/** A number without the dust of binary fractions. */
function numberText(value: Json): string {
  if (typeof value !== "number") return "";
  return String(Number.isInteger(value) ? value : Number(value.toPrecision(10)));
}

export function choiceEntry(setting: FieldSetting, { choices }: Of<"choice">): Entry {
  const list = choiceList(choices, attributesOf(setting));
  list.addEventListener("change", () => setting.onChange(true));
  return {
    element: h("div", { class: "entry" }, list),
    read: () => choices[list.selectedIndex] ?? null,
    write: (value) => (list.selectedIndex = indexIn(choices, value)),
  };
}

/** A list to choose one of several values from. */
export function choiceList(choices: Json[], attributes: Parameters<typeof h>[1]): HTMLSelectElement {
  const texts = choices.map((choice) => (typeof choice === "string" ? choice : JSON.stringify(choice)));
  return h("select", attributes, ...texts.map((text) => h("option", { value: text }, text)));
}

/** Where a value stands among the choices, the first where it is none of them. */
export function indexIn(choices: Json[], value: Json | undefined): number {
  const text = JSON.stringify(value);
  return Math.max(choices.findIndex((choice) => JSON.stringify(choice) === text), 0);
}

export function switchEntry(setting: FieldSetting): Entry {
  const box = h("input", { ...attributesOf(setting), type: "checkbox", role: "switch", class: "switch" });
  box.addEventListener("change", () => setting.onChange(true));
  return {
    element: h("div", { class: "entry" }, box),
    read: () => box.checked,
    write: (value) => (box.checked = value === true),
  };
}

export function colourEntry(setting: FieldSetting, { form }: Of<"colour">): Entry {
  const { testId, label, onChange } = setting;
  const picker = h("input", { ...attributesOf(setting), type: "color", value: "#000000" });
  const box = h("input", { type: "text", class: "code", "data-testid": `${testId}-hex`, "aria-label": `${label} as #rrggbb`, maxlength: 7, spellcheck: "false", value: "#000000" });
  picker.addEventListener("input", () => {
    box.value = picker.value;
    onChange(false);
  });
  picker.addEventListener("change", () => onChange(true));
  box.addEventListener("input", () => {
    const hex = toHex(box.value, "hex");
    if (hex) picker.value = hex;
  });
  box.addEventListener("change", () => onChange(true));
  return {
    element: h("div", { class: "entry" }, picker, box),
    read() {
      const hex = toHex(box.value.trim(), "hex");
      if (!hex) throw new Unreadable(`${label} is not a colour: write it as #rrggbb.`);
      return fromHex(hex, form);
    },
    write(value) {
      const hex = toHex(value, form);
      if (hex) picker.value = box.value = hex;
    },
  };
}
