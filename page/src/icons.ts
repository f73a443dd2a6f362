/** The page's icons: line drawings on 20 by 20, in the colour of the text around them. */

import { h } from "./dom";

const PATHS = {
  camera: "M2.5 5.5h10v9h-10zM12.5 9l5-2.5v7l-5-2.5",
  check: "M4 10.5l4 4 8-9",
  close: "M5 5l10 10M15 5L5 15",
  copy: "M7 7h9.5v9.5H7zM13 7V3.5H3.5V13H7",
  file: "M5 2.5h7l3 3v12H5zM12 2.5v3h3",
  focus: "M3 3.5h14v8.5H3zM3 14.5h3.4v2H3zM8.3 14.5h3.4v2H8.3zM13.6 14.5H17v2h-3.4z",
  fullscreen: "M3.5 7.5v-4h4M12.5 3.5h4v4M16.5 12.5v4h-4M7.5 16.5h-4v-4",
  grid: "M3.5 3.5H9V9H3.5zM11 3.5h5.5V9H11zM3.5 11H9v5.5H3.5zM11 11h5.5v5.5H11z",
  keyboard: "M2.5 5.5h15v9h-15zM5.5 8.6h.01M8.5 8.6h.01M11.5 8.6h.01M14.5 8.6h.01M6.5 11.6h7",
  log: "M5 2.5h7l3 3v12H5zM12 2.5v3h3M7.5 9.5h5M7.5 12.5h5",
  measure: "M2.5 11h3l2-6.5 4 11 2.2-7 1.3 2.5h2.5",
  microphone: "M10 2.5a2.4 2.4 0 0 0-2.4 2.4v4.7a2.4 2.4 0 0 0 4.8 0V4.9A2.4 2.4 0 0 0 10 2.5zM5 9.5a5 5 0 0 0 10 0M10 14.5v3",
  muted: "M3 8v4h3l4 3.5v-11L6 8zM13.5 8l4 4M17.5 8l-4 4",
  pip: "M3 4.5h14v11H3zM10.5 10H15v3.5h-4.5z",
  record: "M10 3a7 7 0 1 0 0 14a7 7 0 0 0 0-14zM10 7.5a2.5 2.5 0 1 0 0 5a2.5 2.5 0 0 0 0-5z",
  reset: "M4 4v4h4M4.3 8A6.5 6.5 0 1 1 3.8 12",
  screen: "M2.5 3.5h15v10h-15zM7 17h6M10 13.5V17",
  screenshot: "M3 6.5h3l1.3-2h5.4l1.3 2h3V16H3zM10 8.3a2.7 2.7 0 1 0 0 5.4a2.7 2.7 0 0 0 0-5.4z",
  search: "M9 3.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 0 0 0-11zM13 13l4 4",
  share: "M10 12.5V3M6.5 6.5L10 3l3.5 3.5M6 9H4v8h12V9h-2",
  stop: "M5 5h10v10H5z",
  theme: "M16.5 11.8A7 7 0 1 1 8.2 3.5a5.5 5.5 0 0 0 8.3 8.3z",
  volume: "M3 8v4h3l4 3.5v-11L6 8zM13 7.5a3.5 3.5 0 0 1 0 5M15.2 5a7 7 0 0 1 0 10",
};

export type Icon = keyof typeof PATHS;

/** A button that shows an icon. Its label is read aloud and is its tooltip, with the key in `aria-keyshortcuts` where it has one. */
export function iconButton(icon: Icon, label: string, attributes: Parameters<typeof h>[1] = {}): HTMLButtonElement {
  const button = h("button", { type: "button", ...attributes });
  button.classList.add("icon");
  setIcon(button, icon, label);
  return button;
}

/** Gives an icon button another picture and label. */
export function setIcon(button: HTMLButtonElement, icon: Icon, label: string): void {
  const key = button.getAttribute("aria-keyshortcuts");
  button.setAttribute("aria-label", label);
  button.title = key ? `${label} (${key})` : label;
  button.replaceChildren(iconOf(icon));
}

/** One icon, which says nothing to a screen reader. */
export function iconOf(icon: Icon): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("drawing");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[icon]);
  svg.append(path);
  return svg;
}
