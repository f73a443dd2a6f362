/** The page's own keys. They rest while a person types or a dialog is open, and a key that plays the model is the model's alone. */

import { isTyping } from "./dom";

export interface Shortcut {
  /** As in `KeyboardEvent.key`. */
  key: string;
  /** What it does, for the list that `?` shows. */
  words: string;
  act: () => void;
}

export class Shortcuts {
  readonly #all: Shortcut[] = [];

  /** @param isTaken Whether the key, as in `KeyboardEvent.code`, is one that plays the model now. */
  constructor(isTaken: (code: string) => boolean) {
    addEventListener("keydown", (event) => {
      if (event.repeat || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (isTyping(event.target) || isTaken(event.code) || document.querySelector("dialog[open]")) return;
      const found = this.#all.find(({ key }) => key === event.key);
      if (!found) return;
      event.preventDefault();
      found.act();
    });
  }

  /** @throws {Error} The key has a meaning already. */
  add(...shortcuts: Shortcut[]): void {
    for (const shortcut of shortcuts) {
      if (this.#all.some(({ key }) => key === shortcut.key)) throw new Error(`two shortcuts on ${shortcut.key}`);
      this.#all.push(shortcut);
    }
  }

  get all(): readonly Shortcut[] {
    return this.#all;
  }
}
