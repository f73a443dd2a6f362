/** One line of the log as it stands in the page. */

import { copyText } from "./clipboard";
import { h } from "./dom";
import { headline, timeOfDay, unfolded, unfolds, written, type Line } from "./lines";

/** Makes the row of a line. What is folded is written out when somebody looks. */
export function rowOf(line: Line): HTMLLIElement {
  const { atMs, type, body, tone, source, isOpen } = line;
  const time = h("time", { title: new Date(atMs).toISOString() }, timeOfDay(atMs));
  const head = [time, h("b", {}, type), h("span", {}, headline(body))];
  const row = h("li", { class: tone, "data-source": source });
  if (!unfolds(body)) {
    row.append(...head);
    return row;
  }
  const unfold = () => more.open && more.childElementCount === 1 && more.append(whole(line));
  const more = h("details", { open: isOpen, toggle: unfold }, h("summary", {}, ...head));
  unfold();
  row.append(more);
  return row;
}

function whole(line: Line): HTMLElement {
  const click = async () => {
    if (await copyText(written(line))) copy.textContent = "Copied";
  };
  const copy = h("button", { type: "button", class: "quiet", click: () => void click() }, "Copy");
  return h("div", { class: "whole" }, copy, h("pre", {}, unfolded(line.body)));
}
