import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  /** Default 10 000. */
  timeoutMs?: number;
  /** Pause between two looks. Default 10. */
  everyMs?: number;
  /** What is waited for, as the failure shall name it. */
  what: string;
}

/**
 * Waits until the condition gives something truthy and returns it. A condition that throws counts as not yet; the
 * last error becomes the cause of the failure.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: WaitOptions,
): Promise<Exclude<T, false | undefined | null | 0 | ''>> {
  const limit = performance.now() + (options.timeoutMs ?? 45_000);
  for (;;) {
    let cause: unknown;
    try {
      const value = await condition();
      if (value) return value as Exclude<T, false | undefined | null | 0 | ''>;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > limit) {
      const after = `after ${options.timeoutMs ?? 45_000} ms`;
      throw new Error(`still not so ${after}: ${options.what}`, cause === undefined ? undefined : { cause });
    }
    await sleep(options.everyMs ?? 10);
  }
}
