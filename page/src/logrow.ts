/** One line of the log as it stands in the page. */

import { copyText } from "./clipboard";
import { h } from "./dom";
import { headline, timeOfDay, unfolded, unfolds, written, type Entry } from "./lines";

/** Makes the row of an entry. What is folded is written out when somebody looks. */
export function rowOf(entry: Entry): HTMLLIElement {
  const { atMs, type, body, tone, source, isOpen } = entry;
  const time = h("time", { title: new Date(atMs).toISOString() }, timeOfDay(atMs));
  const head = [time, h("b", {}, type), h("span", {}, headline(body))];
  const row = h("li", { class: tone, "data-source": source });
  if (!unfolds(body)) {
    row.append(...head);
    return row;
  }
  const unfold = () => more.open && more.childElementCount === 1 && more.append(whole(entry));
  const more = h("details", { open: isOpen, toggle: unfold }, h("summary", {}, ...head));
  unfold();
  row.append(more);
  return row;
}

function whole(entry: Entry): HTMLElement {
  const click = async () => {
    if (await copyText(written(entry))) copy.textContent = "Copied";
  };
  const copy = h("button", { type: "button", class: "quiet", click: () => void click() }, "Copy");
  return h("div", { class: "whole" }, copy, h("pre", {}, unfolded(entry.body)));
}
