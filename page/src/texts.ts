/** Inputs for text: lines that are remembered, and JSON for what no other input fits. */

import { Unreadable } from "./complaints";
import { h } from "./dom";
import { attributesOf, type Entry, type FieldSetting } from "./fields";
import type { Widget } from "./parameters";
import type { Json } from "./wire";

const SHORT_JSON = 80; // characters that are shown on one line

export function textEntry(setting: FieldSetting, { multiline, maxLength }: Widget & { kind: "text" }): Entry {
  const attributes = { ...attributesOf(setting), maxlength: maxLength, autocomplete: "off", enterkeyhint: "send", placeholder: "Enter sends" };
  const box = multiline
    ? h("textarea", { ...attributes, rows: 2 })
    : h("input", { ...attributes, type: "text" });
  if (box instanceof HTMLTextAreaElement) sendOnEnter(box, true);
  recall(box, setting);
  return { element: h("div", { class: "entry" }, box), read: () => box.value, write: (value) => (box.value = String(value)) };
}

export function jsonEntry(setting: FieldSetting): Entry {
  const box = h("textarea", { ...attributesOf(setting), class: "code", rows: 3, spellcheck: "false", placeholder: "JSON" });
  sendOnEnter(box, false);
  return {
    element: h("div", { class: "entry" }, box),
    read() {
      try {
        return JSON.parse(box.value) as Json;
      } catch (error) {
        throw new Unreadable(`${setting.label} is not JSON: ${(error as Error).message}`);
      }
    },
    write(value) {
      const line = JSON.stringify(value);
      box.value = line.length > SHORT_JSON ? JSON.stringify(value, null, 2) : line;
    },
  };
}

/** Sends a text area's form with Ctrl+Enter, and with Enter alone where lines are rare. */
function sendOnEnter(box: HTMLTextAreaElement, alone: boolean): void {
  box.addEventListener("keydown", (event) => {
    // While an input method composes, Enter picks a word.
    if (event.key !== "Enter" || event.isComposing) return;
    if (!event.ctrlKey && !event.metaKey && (!alone || event.shiftKey)) return;
    event.preventDefault();
    box.form?.requestSubmit();
  });
}

/** Arrow up and down go through what was sent before, while the box is empty or shows what was not edited. */
function recall(box: HTMLElement & { value: string }, { history: openHistory, whenSent }: FieldSetting): void {
  const history = openHistory();
  let shown: string | undefined; // the text that may be replaced
  box.addEventListener("focus", () => (shown = box.value));
  box.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    if (event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return;
    if (box.value !== "" && box.value !== shown) return;
    const text = event.key === "ArrowUp" ? history.older(box.value) : history.newer();
    if (text === undefined) return;
    event.preventDefault();
    box.value = shown = text;
    box.dispatchEvent(new Event("input", { bubbles: true }));
  });
  whenSent(() => {
    history.add(box.value);
    shown = box.value;
  });
}
