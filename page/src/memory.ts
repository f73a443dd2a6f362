/** What this browser remembers; nothing, in a frame of another site that may not. */

export interface Memory {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** From one visit to the next. */
export const memory = forgiving(() => localStorage);

/** Until the tab is closed. */
export const tabMemory = forgiving(() => sessionStorage);

function forgiving(place: () => Storage): Memory {
  return {
    getItem: (key) => attempt(() => place().getItem(key)) ?? null,
    setItem: (key, value) => attempt(() => place().setItem(key, value)),
    removeItem: (key) => attempt(() => place().removeItem(key)),
  };
}

function attempt<Result>(act: () => Result): Result | undefined {
  try {
    return act();
  } catch {
    return undefined; // refused, or full
  }
}
