/** Passes on at most one value per interval, the newest; what came in between is dropped, the last never is. */
export class Throttle<T> {
  #waiting: { value: T } | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly intervalMs: number,
    private readonly pass: (value: T) => void,
  ) {}

  push(value: T): void {
    if (this.#timer !== undefined) {
      this.#waiting = { value };
      return;
    }
    this.pass(value);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.flush();
    }, this.intervalMs);
  }

  /** Passes a waiting value on at once. */
  flush(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.push(waiting.value);
  }
}
