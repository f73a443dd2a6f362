/** Links to this page for others, and the frame that shows it in a page of theirs. */

import { copyButton } from "./clipboard";
import { openDialog } from "./dialog";
import { h } from "./dom";

/** What a page that embeds this one has to allow it: sound without a gesture, and what the model may be sent. */
const ALLOWED = "autoplay; fullscreen; picture-in-picture; camera; microphone; display-capture; gamepad; clipboard-write";
const ENTITIES: Record<string, string> = { "&": "&amp;", '"': "&quot;", "<": "&lt;", ">": "&gt;" };

export interface Links {
  control: string;
  view: string;
  /** A frame's HTML, with the picture alone and with the controls beside it. */
  frame: string;
  controlFrame: string;
}

/** @param address Where this page is, whatever it was asked for itself. */
export function linksTo(address: string, model: string): Links {
  const link = (query: string) => {
    const url = new URL(address);
    url.search = query;
    url.hash = "";
    return url.href;
  };
  const frame = (query: string, width: number) =>
    `<iframe src="${escape(link(query))}" title="${escape(model)}, live" width="${width}" height="540" allow="${ALLOWED}"></iframe>`;
  return {
    control: link(""),
    view: link("?view=only"),
    frame: frame("?embed=1", 960),
    controlFrame: frame("?embed=1&controls=1", 1280),
  };
}

/** Whether an address means the machine it is used on, and so another one on every machine. */
export function isOwnMachine(address: string): boolean {
  const { hostname } = new URL(address);
  return hostname === "localhost" || hostname.endsWith(".localhost") || /^127(\.\d+){3}$/.test(hostname) || hostname === "[::1]";
}

export function openShare(model: string): void {
  const links = linksTo(location.href, model);
  openDialog(
    "Share",
    isOwnMachine(location.href) &&
      h(
        "p",
        { class: "notice", "data-testid": "share-local" },
        "This address works on this machine alone. For others, start the server with ",
        h("code", {}, "--host 0.0.0.0"),
        " and open this page at the machine's own name or address.",
      ),
    copyable("Watch and steer", "share-control", links.control),
    copyable("Watch only", "share-view", links.view),
    copyable("Embed the picture", "share-frame", links.frame),
    copyable("Embed with controls", "share-control-frame", links.controlFrame),
    h(
      "p",
      { class: "help" },
      "There are no passwords: whoever can reach this server can steer the model. “Watch only” hides the controls and protects nothing.",
    ),
  );
}

function copyable(label: string, id: string, text: string): HTMLElement {
  const box = h("input", { id, type: "text", class: "code", readonly: true, value: text, "data-testid": id, focus: () => box.select() });
  // What the browser does not let the page copy is copied by hand.
  const button = copyButton(`Copy “${label}”`, {}, () => text, () => box.select());
  return h("div", { class: "copyable" }, h("label", { for: id }, label), h("div", { class: "entry" }, box, button));
}

function escape(text: string): string {
  return text.replace(/[&"<>]/g, (character) => ENTITIES[character]!);
}
