/** Inputs that hold fields themselves: lists, objects, and objects of several kinds. */

import { Unreadable } from "./complaints";
import { h } from "./dom";
import { filesIn, pickFiles } from "./drop";
import { choiceList, indexIn } from "./entries";
import { attributesOf, fieldOf, isOneLine, type Entry, type Field, type FieldSetting } from "./fields";
import { iconButton } from "./icons";
import type { Parameter, Widget } from "./parameters";
import { isObject, type Json, type JsonObject } from "./wire";

const FEWEST_PAIRED = 3;
const LONGEST_TUPLE = 4;

type Of<K extends Widget["kind"]> = Widget & { kind: K };

export function groupEntry(setting: FieldSetting, { fields: parameters }: Of<"group">): Entry {
  const fields = fieldsOf(parameters, setting);
  const name = { id: setting.id, role: "group", "aria-label": setting.label, "data-testid": setting.testId };
  return {
    element: h("div", { ...name, class: "entry nest" }, ...stacked(fields)),
    read: () => readAll(fields),
    write: (value) => writeAll(fields, value),
    inner: (step) => fields.get(step),
  };
}

export function variantsEntry(setting: FieldSetting, { tag, variants }: Of<"variants">): Entry {
  const tags = variants.map(({ value }) => value);
  const list = choiceList(tags, { ...attributesOf(setting), "aria-label": setting.label });
  const holder = h("div", { class: "nest" });
  let fields = new Map<string, Field>();
  const choose = (index: number) => {
    list.selectedIndex = index;
    fields = fieldsOf(variants[index]!.fields, setting);
    holder.replaceChildren(...stacked(fields));
  };
  list.addEventListener("change", () => {
    choose(list.selectedIndex);
    setting.onChange(true);
  });
  choose(0);
  return {
    element: h("div", { class: "entry variants" }, list, holder),
    read: () => ({ [tag]: tags[list.selectedIndex]!, ...readAll(fields) }),
    write(value) {
      const index = indexIn(tags, isObject(value) ? value[tag] : undefined);
      if (index !== list.selectedIndex) choose(index);
      writeAll(fields, value);
    },
    inner: (step) => fields.get(step),
  };
}

/** The fields of an object, each under its name. */
function fieldsOf(parameters: Parameter[], setting: FieldSetting): Map<string, Field> {
  const { id, testId } = setting;
  return new Map(
    parameters.map((parameter) => {
      const { name, label } = parameter;
      const own = { parameter, label, quietLabel: false, id: `${id}-${name}`, testId: `${testId}-${name}` };
      return [name, fieldOf({ ...setting, ...own })];
    }),
  );
}

/** Fields under each other; many switches in a row stand two by two. */
export function stacked(fields: ReadonlyMap<string, Field>): HTMLElement[] {
  const parts: HTMLElement[] = [];
  let switches: HTMLElement[] = [];
  const flush = () => {
    parts.push(...(switches.length >= FEWEST_PAIRED ? [h("div", { class: "pairs" }, ...switches)] : switches));
    switches = [];
  };
  for (const { element } of fields.values()) {
    if (element.matches(".switch")) {
      switches.push(element);
    } else {
      flush();
      parts.push(element);
    }
  }
  flush();
  return parts;
}

/** The values of named fields, without those that are left out. */
export function readAll(fields: ReadonlyMap<string, Field>): JsonObject {
  const values: JsonObject = {};
  for (const [name, field] of fields) {
    const value = readWithin(name, field);
    if (value !== undefined) values[name] = value;
  }
  return values;
}

function readWithin(step: string, field: Field): Json | undefined {
  try {
    return field.read();
  } catch (error) {
    throw error instanceof Unreadable ? error.within(step) : error;
  }
}

function writeAll(fields: ReadonlyMap<string, Field>, value: Json): void {
  if (!isObject(value)) return;
  for (const [name, field] of fields) if (value[name] !== undefined) field.write(value[name]);
}

interface Row {
  element: HTMLElement;
  field: Field;
}

export function listEntry(setting: FieldSetting, { item, least, most }: Of<"list">): Entry {
  const { id, testId, label, onChange } = setting;
  const isFixed = least === most;
  const ofFiles = item.widget.kind === "upload";
  const rows: Row[] = [];
  let made = 0;
  const list = h("div", { class: "rows" });
  const add = h("button", { type: "button", class: ofFiles ? "zone" : "add", "data-testid": `${testId}-add` }, ofFiles ? "Drop files, paste them, or choose" : `Add ${item.label.toLowerCase()}`);
  const refresh = () => {
    rows.forEach(({ element }, index) => {
      element.setAttribute("aria-label", `${item.label} ${index + 1}`);
      element.querySelector(".index")!.textContent = `${index + 1}`;
      element.querySelector<HTMLButtonElement>(".remove")!.disabled = !ofFiles && rows.length <= least;
    });
    add.disabled = most !== undefined && rows.length >= most;
  };
  const insert = (file?: File): Row => {
    const number = made++;
    const own = { parameter: item, label: item.label, quietLabel: true, id: `${id}-${number}`, testId: `${testId}-${rows.length}` };
    const field = fieldOf({ ...setting, ...own, ...(file && { file }) });
    const remove = iconButton("close", `Remove ${item.label.toLowerCase()}`, { class: "remove", hidden: isFixed });
    const head = h("span", { class: "index", "aria-hidden": "true" });
    const row = { field, element: h("div", { class: `item ${isOneLine(item) ? "line" : "block"}`, role: "group" }, head, field.element, remove) };
    remove.addEventListener("click", () => {
      const index = rows.indexOf(row);
      rows.splice(index, 1);
      row.element.remove();
      refresh();
      (rows[index] ?? rows[index - 1])?.element.querySelector<HTMLElement>(".remove")?.focus();
      changed();
    });
    rows.push(row);
    list.append(row.element);
    refresh();
    return row;
  };
  const shrink = (length: number) => {
    for (const { element } of rows.splice(length)) element.remove();
    refresh();
  };
  const changed = () => {
    list.dispatchEvent(new Event("input", { bubbles: true }));
    onChange(true);
  };
  const takeFiles = (files: File[]) => {
    for (const file of files) if (most === undefined || rows.length < most) insert(file);
    changed();
  };
  add.addEventListener("click", () => {
    if (ofFiles) return pickFiles(takeFiles);
    const { element, field } = insert();
    const before = rows.at(-2);
    if (item.widget.kind === "number") field.write(before?.field.read() ?? item.widget.min ?? 0);
    element.querySelector<HTMLElement>("input, select, textarea")?.focus();
    changed();
  });
  const isTuple = isFixed && least <= LONGEST_TUPLE && item.widget.kind === "number";
  const element = h("div", { id, class: `entry list ${isTuple ? "tuple" : ""}`, role: "group", "aria-label": label, "data-testid": testId }, list, !isFixed && add);
  if (ofFiles) filesIn(element, takeFiles);
  if (!ofFiles) while (rows.length < least) insert();
  return {
    element,
    read: () => rows.map(({ field }, index) => readWithin(String(index), field) ?? null),
    write(value) {
      if (!Array.isArray(value) || ofFiles) return;
      while (rows.length < value.length) insert();
      shrink(value.length);
      value.forEach((one, index) => rows[index]!.field.write(one));
    },
    inner: (step) => rows[Number(step)]?.field,
  };
}
