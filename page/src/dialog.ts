/** A dialog over the page, as the browser has it: Escape, a click beside it and its button close it, and the focus goes back. */

import { h } from "./dom";
import { iconButton } from "./icons";

/** Opens one with the given title and content; it is gone once it is closed. */
export function openDialog(title: string, ...content: (HTMLElement | false)[]): void {
  if (document.querySelector("dialog[open]")) return;
  const close = () => dialog.close();
  const dialog = h(
    "dialog",
    { "aria-labelledby": "dialog-title", "data-testid": "dialog", close: () => dialog.remove() },
    h("div", { class: "dialog-head" }, h("h2", { id: "dialog-title" }, title), iconButton("close", "Close", { class: "quiet", click: close })),
    h("div", { class: "dialog-body" }, ...content),
  );
  // The dialog's own box is filled by its parts, so what meets the dialog itself is a click beside it.
  dialog.addEventListener("click", (event) => event.target === dialog && close());
  document.body.append(dialog);
  dialog.showModal();
}
