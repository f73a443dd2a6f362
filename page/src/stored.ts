/** What this browser remembers of a person's choices. Where it lends no storage, as in some frames, nothing is. */

export function recall(key: string): string | null {
  try {
    return localStorage.getItem(`reactor-${key}`);
  } catch {
    return null;
  }
}

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(`reactor-${key}`, value);
  } catch {
    // it holds until the page is left
  }
}
