/** Follows the server's journal while somebody looks at it: one stream, taken up again where it was left. */

import type { Line } from "./lines";
import { readFact } from "./facts";

const RETRY_MS = 3_000;

export class Journal {
  #stream: EventSource | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #session = "";
  #lastId = "0";
  #isWanted = false;

  /** @param onLine Told what happens, and before that what has happened so far. */
  constructor(private readonly onLine: (line: Line) => void) {}

  /** Goes over to a session's journal, from its beginning. */
  follow(session: string): void {
    this.#close();
    this.#session = session;
    this.#lastId = "0";
    this.#open();
  }

  /** Follows or rests. Browsers open six connections to one server, which others of the page need. */
  want(isWanted: boolean): void {
    this.#isWanted = isWanted;
    if (isWanted) this.#open();
    else this.#close();
  }

  #open(): void {
    if (this.#stream || !this.#isWanted) return;
    const session = this.#session && `&session_id=${encodeURIComponent(this.#session)}`;
    const stream = (this.#stream = new EventSource(`events?since=${this.#lastId}${session}`));
    stream.addEventListener("message", ({ data, lastEventId }) => {
      this.#lastId = lastEventId;
      const line = readFact(String(data));
      if (line) this.onLine(line);
    });
    stream.addEventListener("error", () => {
      // The browser itself comes back after a lost connection, not after an answer such as a proxy's 502.
      if (stream.readyState !== EventSource.CLOSED) return;
      this.#close();
      this.#retry = setTimeout(() => this.#open(), RETRY_MS);
    });
  }

  #close(): void {
    clearTimeout(this.#retry);
    this.#stream?.close();
    this.#stream = null;
  }
}
