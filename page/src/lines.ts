/** What the log keeps, and which of it is shown. Nothing here touches the document. */

export const SOURCES = ["messages", "journal", "model", "page"] as const;

/** Who says it: the model to its clients, the server of the session, the model to its author, this page. */
export type Source = (typeof SOURCES)[number];

export type Tone = "message" | "note" | "warning" | "failure";

export interface Line {
  readonly atMs: number;
  /** One word or two: a message's type, a logger, what happened. */
  readonly type: string;
  readonly body: string;
  readonly tone: Tone;
  readonly source: Source;
  /** Shown whole from the start. */
  readonly isOpen?: boolean;
}

export type Level = "all" | "warnings" | "errors";

export interface Filter {
  readonly sources: ReadonlySet<Source>;
  readonly level: Level;
  /** What type or body must hold, in whatever case. */
  readonly text: string;
}

const MOST_OF_A_SOURCE = 1_000;
const LONGEST_BODY = 16_384;
const LONGEST_HEADLINE = 300;
const LONGEST_LINE = 120;

/** The newest lines of every source, so that a chatty one pushes out none but its own. */
export class Lines {
  readonly #kept = new Map<Source, Line[]>(SOURCES.map((source) => [source, []]));
  readonly #seen = new Map<Source, number>();

  /** Keeps a line, of a very long body its beginning, and returns what is kept. */
  add(line: Line): Line {
    const { body, source } = line;
    const kept = body.length > LONGEST_BODY ? { ...line, body: `${body.slice(0, LONGEST_BODY)}… (${body.length} characters)` } : line;
    const lines = this.#kept.get(source)!;
    lines.push(kept);
    // Dropped by the hundred, which costs a tenth of dropping one at a time.
    if (lines.length >= MOST_OF_A_SOURCE + 100) lines.splice(0, 100);
    this.#seen.set(source, this.seen(source) + 1);
    return kept;
  }

  /** How many there were of a source, kept or not, since it was forgotten. */
  seen(source: Source): number {
    return this.#seen.get(source) ?? 0;
  }

  forget(...sources: readonly Source[]): void {
    for (const source of sources) {
      this.#kept.set(source, []);
      this.#seen.delete(source);
    }
  }

  /** All that is kept, oldest first. */
  all(): Line[] {
    return [...this.#kept.values()].flat().sort((a, b) => a.atMs - b.atMs);
  }
}

export function passes({ type, body, tone, source }: Line, { sources, level, text }: Filter): boolean {
  if (!sources.has(source)) return false;
  if (level === "errors" && tone !== "failure") return false;
  if (level === "warnings" && tone !== "failure" && tone !== "warning") return false;
  const sought = text.toLowerCase();
  return !sought || type.toLowerCase().includes(sought) || body.toLowerCase().includes(sought);
}

/** The one line that stands for a body: its first, the last of a traceback, where Python says what it was. */
export function headline(body: string): string {
  const lines = body.split("\n").filter((line) => line.trim());
  const line = (lines[0]?.startsWith("Traceback") ? lines.at(-1) : lines[0]) ?? "";
  return line.length > LONGEST_HEADLINE ? `${line.slice(0, LONGEST_HEADLINE)}…` : line;
}

/** Whether a body has more to show than its headline: a traceback, lists and objects, long text. */
export function unfolds(body: string): boolean {
  return (/^[[{]/.test(body) && body.length > 2) || body.length > LONGEST_LINE || body.trimEnd().includes("\n");
}

/** A body as it is read at leisure: JSON on lines of its own. */
export function unfolded(body: string): string {
  try {
    return /^[[{]/.test(body) ? JSON.stringify(JSON.parse(body), null, 2) : body;
  } catch {
    return body; // cut off, or no JSON after all
  }
}

/** Local time of day, to the second. */
export function timeOfDay(atMs: number): string {
  const at = new Date(atMs);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}

/** A line as text for the clipboard. */
export function written({ atMs, type, body, tone, source }: Line): string {
  const level = { message: "", note: "", warning: " warning", failure: " error" }[tone];
  return `${new Date(atMs).toISOString()} ${source}${level} ${type}: ${body.trimEnd()}`;
}
