import { errorFacts, type RetentionSettings } from '@holdfast/contracts';
import type { Clock, Logger } from '@holdfast/runtime';
import { lastTimeOfDay, nextTimeOfDay } from '@holdfast/scheduling';
import type { DailyState } from './ports.ts';

export interface DailyDeps {
  clock: Clock;
  logger: Logger;
  state: DailyState;
  settings: () => Promise<RetentionSettings>;
  /** @throws when some of it must be tried again */
  work: (signal: AbortSignal) => Promise<void>;
}

export interface Daily {
  done: Promise<void>;
  stop(): Promise<void>;
  /** For how long the work has been due, seconds. */
  lagSeconds(): number;
}

/** After a start, so that all services are there. */
const firstAfterMs = 60_000;
const retryAfterMs = 10 * 60_000;
/** Changed settings are noticed within this time. */
const lookEveryMs = 10 * 60_000;

/**
 * Does the work once a day at the time of the settings. A time that passed while nobody was there is caught up once; what
 * failed is tried again after ten minutes. How far it came is in the control data, so it is the same for all processes.
 */
export function startDaily(deps: DailyDeps): Daily {
  const { clock, logger } = deps;
  const stopping = new AbortController();
  const notBeforeMs = clock.now() + firstAfterMs;
  let retryMs = 0;
  let dueMs = notBeforeMs;

  async function nextDue(): Promise<number> {
    const { time, timeZone } = await deps.settings();
    const servedMs = Date.parse((await deps.state.get())?.servedUntil ?? '');
    const lastMs = lastTimeOfDay(time, timeZone, clock.now());
    const isServed = servedMs >= lastMs;
    const wantedMs = isServed ? nextTimeOfDay(time, timeZone, clock.now()) : lastMs;
    return Math.max(wantedMs, notBeforeMs);
  }

  async function loop(): Promise<void> {
    for (;;) {
      let waitMs = retryAfterMs;
      try {
        dueMs = await nextDue();
        waitMs = Math.min(Math.max(dueMs, retryMs) - clock.now(), lookEveryMs);
        if (waitMs <= 0) {
          const { time, timeZone } = await deps.settings();
          const servingMs = lastTimeOfDay(time, timeZone, clock.now());
          await deps.work(stopping.signal);
          if (stopping.signal.aborted) return;
          await deps.state.served(new Date(servingMs).toISOString());
          continue;
        }
      } catch (error) {
        retryMs = clock.now() + retryAfterMs;
        waitMs = retryAfterMs;
        logger.warn({ error: errorFacts(error) }, 'retention could not be finished; it is tried again');
      }
      await clock.sleep(Math.max(0, waitMs), stopping.signal);
      if (stopping.signal.aborted) return;
    }
  }

  const done = loop();
  return {
    done,
    async stop() {
      stopping.abort();
      await done;
    },
    lagSeconds: () => Math.max(0, clock.now() - dueMs) / 1000,
  };
}
