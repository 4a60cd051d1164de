/** Resolves after `ms`, or at once when one of the signals is aborted; never rejects. */
export function pause(ms: number, ...signals: readonly (AbortSignal | undefined)[]): Promise<void> {
  const present = signals.filter((signal) => signal !== undefined);
  if (ms <= 0 || present.some((signal) => signal.aborted)) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      for (const signal of present) signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    for (const signal of present) signal.addEventListener('abort', finish, { once: true });
  });
}

/** The pause after the given attempt (counted from 1); the last one of the list repeats. */
export const pauseAfter = (attempt: number, pausesMs: readonly number[]): number =>
  pausesMs[Math.min(Math.max(attempt, 1), pausesMs.length) - 1] ?? 0;

/** Pause that grows while something keeps failing or being empty, and starts again after a success. */
export function growingPause(firstMs: number, longestMs: number): { next(): number; reset(): void } {
  let current = firstMs;
  return {
    next() {
      const ms = current;
      current = Math.min(current * 2, longestMs);
      return ms;
    },
    reset() {
      current = firstMs;
    },
  };
}

/** Waits for work, but not longer than `ms`; what comes of it is its own business. */
export async function waitAtMost(ms: number, work: Promise<unknown>): Promise<void> {
  const settled = new AbortController();
  void work.then(
    () => settled.abort(),
    () => settled.abort(),
  );
  await pause(ms, settled.signal);
}
