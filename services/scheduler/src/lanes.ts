export interface Lanes {
  /** Handles the key soon; while it is being handled, once more after that. Nudges never pile up. */
  nudge(key: string): void;
  /** Takes no more and resolves when nothing is being handled. */
  close(): Promise<void>;
}

/**
 * Handles keys one at a time each, at most `limit` of them at once. `handle` must not throw: what went wrong is its
 * own to note.
 */
export function createLanes(limit: number, handle: (key: string) => Promise<void>): Lanes {
  const waiting = new Set<string>();
  const active = new Map<string, Promise<void>>();
  let isClosed = false;

  function start(): void {
    for (const key of waiting) {
      if (isClosed || active.size >= limit) return;
      if (active.has(key)) continue;
      waiting.delete(key);
      const work = handle(key).finally(() => {
        active.delete(key);
        start();
      });
      active.set(key, work);
    }
  }

  return {
    nudge(key) {
      if (isClosed) return;
      waiting.add(key);
      start();
    },
    async close() {
      isClosed = true;
      waiting.clear();
      await Promise.allSettled(active.values());
    },
  };
}
