/** Time as domain code sees it; tests pass a clock that they move themselves. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms`, or at once when the signal is aborted; it never rejects, so loops ask the signal. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Longest delay of a Node timer; longer ones fire at once, so a long sleep is cut into pieces. */
const longestTimerMs = 2 ** 31 - 1;

function sleepOnce(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal?.addEventListener('abort', finish, { once: true });
  });
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  async sleep(ms, signal) {
    let left = ms;
    while (left > 0 && signal?.aborted !== true) {
      const piece = Math.min(left, longestTimerMs);
      await sleepOnce(piece, signal);
      left -= piece;
    }
  },
};

/** A clock that is ahead of the machine's (behind, when negative): for drills that compress days. */
export const offsetClock = (offsetMs: number): Clock =>
  offsetMs === 0
    ? systemClock
    : { now: () => systemClock.now() + offsetMs, sleep: (ms, signal) => systemClock.sleep(ms, signal) };
