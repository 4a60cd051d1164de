import { collections, type HoldfastEvent } from '@holdfast/contracts';
import { createOutbox, type Messaging, serveQuestion } from '@holdfast/messaging';
import type { Clock, Logger, ServiceHandle } from '@holdfast/runtime';
import type { Store } from '@holdfast/store';
import { pruneRecords } from './adapters/pruneRecords.ts';
import {
  createDailyState,
  createGuards,
  createPointRecords,
  createRetentionRecords,
} from './adapters/storeRecords.ts';
import { startDaily } from './daily.ts';
import { measureFreed } from './handlers/measureFreed.ts';
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
  /** Whose questions it answers. */
  pool: string;
}

export interface Retention extends ServiceHandle {
  /** For how long the daily pass has been due, seconds. */
  lagSeconds(): number;
}

/** Starts retention: after each run for the mailboxes it changed, daily for all, and when somebody asks for it. */
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
  const records = createRetentionRecords(store);
  const passes = createPasses({
    ...{ ...deps, records, announce: outbox.add, now },
    ...{ pointRecords: createPointRecords(store), guards: createGuards(store) },
  });
  const stopping = new AbortController();

  async function daily(signal: AbortSignal): Promise<void> {
    const settings = await records.settings();
    // The records first: they do not depend on a repository that may be away.
    const pruned = await pruneRecords({ store, nowMs: now(), settings, signal });
    for (const [kind, count] of Object.entries(pruned)) deps.metrics.pruned.inc({ kind }, count);
    logger.info({ pruned }, 'old records removed');
    await passes.overAll('daily', signal);
  }

  const relay = outbox.start();
  const events = await messaging.consumeEvents({
    durable: 'retention',
    filters: ['events.run.completed.>', 'events.retention.requested.>'],
    handle: async (event) => {
      if (event.name === 'run.completed')
        await passes.afterRun((event as HoldfastEvent<'run.completed'>).data.runId);
      if (event.name === 'retention.requested') {
        const { repositoryId } = (event as HoldfastEvent<'retention.requested'>).data;
        await passes.overAll('request', stopping.signal, repositoryId);
      }
    },
    // What could not be done after its run is done by the next daily pass.
    onDead: async (event, error) => logger.warn({ event, error }, 'retention after an event was given up'),
  });
  const questions = await serveQuestion(messaging, deps.pool, 'measureFreed', (asked) =>
    measureFreed({ records, openPoints: deps.openPoints }, asked),
  );
  const regular = startDaily({
    ...{ clock, logger, state: createDailyState(store), work: daily },
    settings: () => records.settings(),
  });
  return {
    done: regular.done,
    async stop() {
      stopping.abort();
      await questions.stop();
      await events.stop();
      await regular.stop();
      await relay.stop();
    },
    lagSeconds: () => regular.lagSeconds(),
  };
}
