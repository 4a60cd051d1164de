import { collections, errorFacts, type HoldfastEvent } from '@holdfast/contracts';
import { createOutbox, type Messaging } from '@holdfast/messaging';
import type { Clock, Logger, ServiceHandle } from '@holdfast/runtime';
import type { Store } from '@holdfast/store';
import { createRetentionRecords } from './adapters/storeRecords.ts';
import type { RetentionMetrics } from './metrics.ts';
import { createPasses } from './passes.ts';
import type { OpenPointStore } from './ports.ts';

export interface RetentionDeps {
  store: Store;
  messaging: Messaging;
  openPoints: OpenPointStore;
  clock: Clock;
  logger: Logger;
  metrics: RetentionMetrics;
  instance: string;
  /** Time between two passes over everything. */
  everyMs: number;
}

export interface Retention extends ServiceHandle {
  /** For how long a pass over everything has been due, seconds. */
  lagSeconds(): number;
}

const firstPassAfterMs = 60_000;
const retryAfterMs = 10 * 60_000;

/** Starts retention: after each run for the mailboxes it changed, and regularly for all. */
export async function startRetention(deps: RetentionDeps): Promise<Retention> {
  const { store, messaging, clock, logger } = deps;
  const now = (): number => clock.now();
  const outbox = createOutbox({
    rows: store.collection(collections.events),
    publish: (event) => messaging.publishEvent(event),
    source: 'retention',
    now,
    logger,
  });
  const passes = createPasses({ ...deps, records: createRetentionRecords(store), announce: outbox.add, now });
  const stopping = new AbortController();
  let dueMs = now() + firstPassAfterMs;

  async function regularly(): Promise<void> {
    for (;;) {
      await clock.sleep(Math.max(0, dueMs - now()), stopping.signal);
      if (stopping.signal.aborted) return;
      let nextMs = deps.everyMs;
      try {
        await passes.overAll(stopping.signal);
      } catch (error) {
        nextMs = Math.min(retryAfterMs, deps.everyMs);
        logger.warn(
          { error: errorFacts(error), nextMs },
          'retention could not be finished; it is tried again',
        );
      }
      dueMs = now() + nextMs;
    }
  }

  const relay = outbox.start();
  const events = await messaging.consumeEvents({
    durable: 'retention',
    filters: ['events.run.completed.>'],
    handle: async (event) => {
      if (event.name === 'run.completed')
        await passes.afterRun((event as HoldfastEvent<'run.completed'>).data.runId);
    },
    // What could not be done after its run is done by the next regular pass.
    onDead: async (event, error) => logger.warn({ event, error }, 'retention after a run was given up'),
  });
  const done = regularly();
  return {
    done,
    async stop() {
      stopping.abort();
      await events.stop();
      await done;
      await relay.stop();
    },
    lagSeconds: () => Math.max(0, now() - dueMs) / 1000,
  };
}
