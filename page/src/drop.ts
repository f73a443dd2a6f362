/** Inputs for files: dropped, chosen or pasted, uploaded at once, shown while and after. */

import { Unreadable } from "./complaints";
import { h } from "./dom";
import { attributesOf, type Entry, type FieldSetting } from "./fields";
import { iconButton } from "./icons";
import type { JsonObject } from "./wire";

type Take = (files: File[]) => void;

const takers = new WeakMap<Element, Take>();

export function uploadEntry(setting: FieldSetting): Entry {
  const { id, testId, label, onChange, upload } = setting;
  const input = h("input", { ...attributesOf(setting), type: "file", class: "unseen", "aria-label": label });
  const picture = h("img", { alt: "", "data-testid": `${testId}-preview`, hidden: true });
  const name = h("span", { class: "name" });
  const note = h("span", { class: "note", "data-testid": `${testId}-note` });
  const bar = h("progress", { max: 1, value: 0, "aria-label": `${label}: sent`, hidden: true });
  const clear = iconButton("close", `Remove ${label}`, { class: "remove", hidden: true });
  const zone = h("label", { for: id, class: "zone" }, picture, h("span", { class: "what" }, name, note, bar));
  const element = h("div", { class: "entry drop" }, input, zone, clear);

  let file: File | undefined;
  let reference: JsonObject | undefined;
  let why = "";
  let sending: AbortController | undefined;

  const show = () => {
    const isPicture = file?.type.startsWith("image/") ?? false;
    URL.revokeObjectURL(picture.src);
    picture.hidden = !isPicture;
    if (isPicture) picture.src = URL.createObjectURL(file!);
    else picture.removeAttribute("src");
    name.textContent = file ? file.name : "Drop a file, paste it, or choose one";
    clear.hidden = !file;
    element.classList.toggle("filled", file !== undefined);
  };
  const say = (words: string, isWrong = false) => {
    note.textContent = words;
    note.classList.toggle("error", isWrong);
    note.setAttribute("role", isWrong ? "alert" : "status");
  };
  const choose = (chosen: File | undefined) => {
    sending?.abort();
    file = chosen;
    reference = undefined;
    why = "";
    input.value = "";
    show();
    say("");
    bar.hidden = true;
    if (file) void transfer(file);
  };
  const transfer = async (chosen: File) => {
    const controller = (sending = new AbortController());
    bar.value = 0;
    bar.hidden = false;
    say(sizeOf(chosen.size));
    try {
      const arrived = await upload.send(chosen, (part) => sending === controller && (bar.value = part), controller.signal);
      if (sending !== controller) return;
      reference = arrived;
      bar.hidden = true;
      onChange(true);
    } catch (error) {
      if (sending !== controller) return;
      why = (error as Error).message;
      bar.hidden = true;
      say(why, true);
    }
  };
  const touch = () => element.dispatchEvent(new Event("input", { bubbles: true }));
  const take: Take = ([first]) => {
    if (!first) return;
    choose(first);
    touch();
  };
  input.addEventListener("change", () => take([...(input.files ?? [])]));
  clear.addEventListener("click", () => {
    choose(undefined);
    input.focus();
    touch();
  });
  filesIn(element, take);
  choose(setting.file);
  return {
    element,
    read() {
      if (!file) throw new Unreadable(`${label} needs a file.`);
      if (why) throw new Unreadable(`${file.name}: ${why}`);
      if (!reference) throw new Unreadable(`${file.name} is still on its way.`);
      if (upload.holds(reference)) return reference;
      reference = undefined;
      void transfer(file);
      throw new Unreadable(`${file.name} went with the session before, and is sent again.`);
    },
    write: () => undefined, // a model that names a file does not give it back
  };
}

/** Lets files be dropped and pasted on an element. */
export function filesIn(element: HTMLElement, take: Take): void {
  takers.set(element, take);
  element.classList.add("takes-files");
  const mark = (isOver: boolean) => element.classList.toggle("over", isOver);
  element.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.stopPropagation();
    mark(true);
  });
  element.addEventListener("dragleave", () => mark(false));
  element.addEventListener("drop", (event) => {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    event.stopPropagation();
    mark(false);
    take([...event.dataTransfer.files]);
  });
}

/** Hands what is pasted or dropped anywhere on the page to the field that has the focus, or else to the first that takes files. */
export function takeStrays(panel: HTMLElement): void {
  const taker = (event: Event): Take | undefined => {
    if (event.defaultPrevented || panel.hidden) return undefined;
    const target = document.activeElement?.closest(".takes-files") ?? panel.querySelector(".takes-files");
    return target ? takers.get(target) : undefined;
  };
  const give = (event: Event, given: DataTransfer | null) => {
    const take = given?.files.length ? taker(event) : undefined;
    if (!take) return;
    event.preventDefault();
    take([...given!.files]);
  };
  document.addEventListener("paste", (event) => give(event, event.clipboardData));
  document.addEventListener("drop", (event) => give(event, event.dataTransfer));
  document.addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files") && taker(event)) event.preventDefault();
  });
}

/** Opens the system's dialog for any number of files. */
export function pickFiles(take: Take): void {
  const input = h("input", { type: "file", multiple: true });
  input.addEventListener("change", () => take([...(input.files ?? [])]));
  input.click();
}

function sizeOf(bytes: number): string {
  const [unit, size] = bytes < 1e3 ? ["B", bytes] : bytes < 1e6 ? ["kB", bytes / 1e3] : ["MB", bytes / 1e6];
  return `${size < 10 && unit !== "B" ? size.toFixed(1) : Math.round(size)} ${unit}`;
}
