/** What was sent from a text box before, newest last, as a shell remembers it. Pure but for the storage it is given. */

import type { Memory } from "./memory";

const MOST = 50;

export class History {
  #at = 0; // the length of the list while nothing is recalled
  #draft = "";

  constructor(
    private readonly memory: Memory,
    private readonly key: string,
  ) {
    this.#at = this.#texts.length;
  }

  /** Puts a text last, once. */
  add(text: string): void {
    if (text.trim() !== "") {
      const texts = [...this.#texts.filter((other) => other !== text), text].slice(-MOST);
      this.memory.setItem(this.key, JSON.stringify(texts));
    }
    this.#at = this.#texts.length;
  }

  /** The text before the one that is shown; undefined when there is none. */
  older(shown: string): string | undefined {
    const texts = this.#texts;
    if (this.#at >= texts.length) this.#draft = shown;
    // What is shown was the last to be sent, as a rule.
    let at = Math.min(this.#at, texts.length) - 1;
    if (texts[at] === shown) at--;
    if (at < 0) return undefined;
    this.#at = at;
    return texts[at];
  }

  /** The text after the one that is shown, in the end what stood there before the first was recalled. */
  newer(): string | undefined {
    const texts = this.#texts;
    if (this.#at >= texts.length) return undefined;
    this.#at++;
    return this.#at < texts.length ? texts[this.#at] : this.#draft;
  }

  /** Read anew each time: other tabs write it too. */
  get #texts(): string[] {
    try {
      const texts: unknown = JSON.parse(this.memory.getItem(this.key) ?? "[]");
      return Array.isArray(texts) ? texts.filter((text) => typeof text === "string") : [];
    } catch {
      return [];
    }
  }
}
