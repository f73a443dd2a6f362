/** What this browser remembers; nothing, in a frame that may not. */

export interface Memory {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

export const memory: Memory = {
  getItem(key) {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  },
  setItem(key, value) {
    try {
      localStorage.setItem(key, value);
    } catch {
      // forgotten with the page
    }
  },
};
