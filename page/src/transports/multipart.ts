/** Takes a stream of `multipart/x-mixed-replace` apart. Every part says how long it is. */

export interface Part {
  /** By name in lower case. */
  headers: Map<string, string>;
  body: Uint8Array<ArrayBuffer>;
}

const END_OF_HEADERS = [13, 10, 13, 10];

export class Multipart {
  #bytes = new Uint8Array(0);

  /**
   * Adds what arrived and returns the parts that are complete.
   *
   * @throws {Error} A part does not say its length.
   */
  add(bytes: Uint8Array): Part[] {
    const joined = new Uint8Array(this.#bytes.length + bytes.length);
    joined.set(this.#bytes);
    joined.set(bytes, this.#bytes.length);
    const parts: Part[] = [];
    let at = 0;
    for (;;) {
      const end = indexOf(joined, END_OF_HEADERS, at);
      if (end < 0) break;
      const headers = headersOf(new TextDecoder().decode(joined.subarray(at, end)));
      const length = Number(headers.get("content-length") ?? NaN);
      if (!Number.isInteger(length)) throw new Error("A part of the stream does not say its length.");
      const begin = end + END_OF_HEADERS.length;
      if (joined.length < begin + length) break;
      parts.push({ headers, body: joined.slice(begin, begin + length) });
      at = begin + length;
    }
    this.#bytes = joined.slice(at);
    return parts;
  }
}

/** The boundary and empty lines are no headers, so they are left out. */
function headersOf(text: string): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of text.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
}

function indexOf(bytes: Uint8Array, what: number[], from: number): number {
  for (let at = bytes.indexOf(what[0]!, from); at >= 0; at = bytes.indexOf(what[0]!, at + 1)) {
    if (what.every((byte, offset) => bytes[at + offset] === byte)) return at;
  }
  return -1;
}
