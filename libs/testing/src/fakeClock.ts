/** A clock that stands still until the test moves it. Structurally the `Clock` of libs/runtime. */
export interface FakeClock {
  now(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Moves on; sleepers due wake in order of their time, each with the clock at its own time. */
  advance(ms: number): Promise<void>;
  /** Moves on to a time (ISO or ms); going back is allowed and wakes nobody. */
  set(time: number | string): Promise<void>;
  /** Number of sleepers. */
  readonly sleeping: number;
  iso(): string;
}

interface Sleeper {
  at: number;
  wake: () => void;
}

/** Lets promise chains run on: sleepers may sleep again before the clock moves further. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

export function fakeClock(start: number | string = '2026-01-01T00:00:00.000Z'): FakeClock {
  let now = new Date(start).getTime();
  const sleepers = new Set<Sleeper>();

  async function moveTo(time: number): Promise<void> {
    await settle();
    for (;;) {
      const due = [...sleepers].filter((s) => s.at <= time).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      now = Math.max(now, due.at);
      due.wake();
      await settle();
    }
    now = time;
    await settle();
  }

  return {
    now: () => now,
    sleep(ms, signal) {
      if (ms <= 0 || signal?.aborted === true) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = () => {
          sleepers.delete(sleeper);
          signal?.removeEventListener('abort', wake);
          resolve();
        };
        const sleeper = { at: now + ms, wake };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', wake, { once: true });
      });
    },
    advance: (ms) => moveTo(now + ms),
    set: (time) => moveTo(new Date(time).getTime()),
    get sleeping() {
      return sleepers.size;
    },
    iso: () => new Date(now).toISOString(),
  };
}
