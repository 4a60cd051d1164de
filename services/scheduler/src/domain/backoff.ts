/** Growing pauses between tries, by key. */
export interface Backoff {
  isDue(key: string): boolean;
  /** Notes a failed try; answers the pause in ms. */
  failed(key: string): number;
  clear(key: string): void;
  /** Everything may be tried again now. */
  clearAll(): void;
}

export function createBackoff(options: { firstMs: number; longestMs: number; now: () => number }): Backoff {
  const notes = new Map<string, { pauseMs: number; notBefore: number }>();
  return {
    isDue: (key) => (notes.get(key)?.notBefore ?? 0) <= options.now(),
    failed(key) {
      const past = notes.get(key)?.pauseMs;
      const pauseMs = past === undefined ? options.firstMs : Math.min(past * 2, options.longestMs);
      notes.set(key, { pauseMs, notBefore: options.now() + pauseMs });
      return pauseMs;
    },
    clear: (key) => void notes.delete(key),
    clearAll: () => notes.clear(),
  };
}
