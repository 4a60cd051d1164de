import type { Clock } from '@holdfast/runtime';

/** A sleep that a call ends early. */
export interface Wakeup {
  /** Sleeps until the time is over, the signal is aborted or `wake` is called; a call made before counts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  wake(): void;
}

export function createWakeup(clock: Clock): Wakeup {
  let isWoken = false;
  let current: AbortController | undefined;
  return {
    async sleep(ms, signal) {
      if (!isWoken && !signal.aborted) {
        current = new AbortController();
        await clock.sleep(ms, AbortSignal.any([signal, current.signal]));
        current = undefined;
      }
      isWoken = false;
    },
    wake() {
      isWoken = true;
      current?.abort();
    },
  };
}
