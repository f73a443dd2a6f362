import { h } from "./dom";
import { iconButton, setIcon } from "./icons";

const COPIED_MS = 1_500;

/** A button that copies what `read` gives, and says for a moment whether the browser let it; `then` comes after. */
export function copyButton(
  label: string,
  attributes: Parameters<typeof h>[1],
  read: () => string,
  then: () => void = () => undefined,
): HTMLButtonElement {
  const click = async () => {
    const isCopied = await copyText(read());
    then();
    setIcon(button, isCopied ? "check" : "copy", isCopied ? "Copied" : "The browser does not let this page copy");
    setTimeout(() => setIcon(button, "copy", label), COPIED_MS);
  };
  const button = iconButton("copy", label, { ...attributes, click: () => void click() });
  return button;
}

/** Copies a text, also where the browser keeps its clipboard from pages that came over plain HTTP. Tells whether it did. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const box = h("textarea", { class: "unseen", "aria-hidden": "true" });
    box.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(box); // outside of an open dialog nothing can be selected
    box.select();
    const isCopied = document.execCommand("copy");
    box.remove();
    return isCopied;
  }
}
