/** Files on their way to the session, and what names them in a command. */

import { failure, json, sessionUrl } from "./signalling";
import type { JsonObject } from "./wire";

/** How a field hands in a file. */
export interface Upload {
  /**
   * Sends a file and returns what stands for it in a command.
   *
   * @throws {Error} The server does not take it, or it was aborted; the message is for the person who chose it.
   */
  send(file: File, onProgress: (part: number) => void, signal: AbortSignal): Promise<JsonObject>;
  /** Whether the file is with the session that is on, and not with one before. */
  holds(reference: JsonObject): boolean;
}

export class Uploads implements Upload {
  #session = "";
  #held = new WeakSet<JsonObject>();

  /** @param tell Tells the runtime that a file is there. */
  constructor(private readonly tell: (reference: JsonObject) => void) {}

  /** A session is on: uploads belong to one, and go with it. The next may have the same id. */
  begin(session: string): void {
    this.#held = new WeakSet();
    this.#session = session;
  }

  holds(reference: JsonObject): boolean {
    return this.#held.has(reference);
  }

  async send(file: File, onProgress: (part: number) => void, signal: AbortSignal): Promise<JsonObject> {
    const session = this.#session;
    const held = this.#held;
    const announced = { name: file.name, size: file.size, mime_type: file.type || "application/octet-stream" };
    const reserved = (await json("POST", sessionUrl(session, "uploads"), announced)) as { presigned_id: string };
    await put(`uploads/${encodeURIComponent(reserved.presigned_id)}`, file, onProgress, signal);
    const reference = { upload_id: reserved.presigned_id, ...announced };
    held.add(reference);
    this.tell(reference);
    return reference;
  }
}

/** Sends bytes; `fetch` cannot say how many have left. */
function put(url: string, file: File, onProgress: (part: number) => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.upload.addEventListener("progress", ({ loaded }) => onProgress(loaded / file.size));
    request.addEventListener("load", () => {
      if (request.status < 300) resolve();
      else void failure(new Response(request.responseText, { status: request.status })).then(reject);
    });
    request.addEventListener("error", () => reject(new Error("The file did not arrive.")));
    request.addEventListener("abort", () => reject(new Error("Given up.")));
    signal.addEventListener("abort", () => request.abort());
    request.open("PUT", url);
    if (file.type) request.setRequestHeader("content-type", file.type);
    request.send(file);
  });
}
