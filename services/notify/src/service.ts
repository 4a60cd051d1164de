import { collections, errorFacts } from '@holdfast/contracts';
import { createOutbox, type Messaging } from '@holdfast/messaging';
import type { Clock, Logger, ServiceHandle } from '@holdfast/runtime';
import type { Store } from '@holdfast/store';
import { createNotificationBook, createReportSource } from './adapters/storeNotify.ts';
import { catchUp, lookBackMs } from './handlers/catchUp.ts';
import { onEvent } from './handlers/onEnded.ts';
import type { NotifyMetrics } from './metrics.ts';
import type { Mailer } from './ports.ts';
import { announceLate, sendPending } from './sendPending.ts';
import { createWakeup } from './wakeup.ts';

export interface NotifyDeps {
  store: Store;
  messaging: Messaging;
  mailer: Mailer;
  clock: Clock;
  logger: Logger;
  metrics: NotifyMetrics;
  /** How often ended runs are looked for in the control data. */
  catchUpMs: number;
  /** Longest time for sending one message. */
  sendLimitMs: number;
}

export interface Notifier extends ServiceHandle {
  /** Age of the oldest notification that waits to be sent, seconds. */
  lagSeconds(): number;
}

/** A claim must outlast the sending and the writing of its result. */
const claimMarginMs = 30_000;
const idleMs = 30_000;
const filters = ['events.run.completed.>', 'events.restore.completed.>'];

/** Starts the notifier: events and the control data make notifications, the loop sends them. */
export async function startNotify(deps: NotifyDeps): Promise<Notifier> {
  const { store, messaging, clock, logger, metrics } = deps;
  const now = (): number => clock.now();
  const outbox = createOutbox({
    rows: store.collection(collections.events),
    publish: (event) => messaging.publishEvent(event),
    source: 'notify',
    now,
    logger,
  });
  const stopping = new AbortController();
  const wakeup = createWakeup(clock);
  const book = createNotificationBook(store);
  const source = createReportSource(store);
  const ended = { source, book, logger, now, onPending: () => wakeup.wake() };
  const send = {
    ...{ book, source, logger, metrics, now },
    mailer: deps.mailer,
    announce: outbox.add,
    claimMs: deps.sendLimitMs + claimMarginMs,
  };
  let oldestMs: number | undefined;

  async function sendLoop(): Promise<void> {
    while (!stopping.signal.aborted) {
      let pauseMs = idleMs;
      try {
        const facts = await sendPending(send, stopping.signal);
        metrics.pending.set(facts.pending);
        oldestMs = facts.oldestMs;
        if (facts.nextTryMs !== undefined) pauseMs = Math.min(idleMs, Math.max(100, facts.nextTryMs - now()));
      } catch (error) {
        logger.warn({ error: errorFacts(error) }, 'reports wait until the control data can be reached');
      }
      await wakeup.sleep(pauseMs, stopping.signal);
    }
  }

  async function catchUpLoop(): Promise<void> {
    const known = new Set<string>();
    let isFirst = true;
    while (!stopping.signal.aborted) {
      try {
        if (isFirst) await announceLate(send, lookBackMs);
        isFirst = false;
        await catchUp(ended, known);
      } catch (error) {
        logger.warn({ error: errorFacts(error) }, 'ended runs could not be looked for; tried again');
      }
      await clock.sleep(deps.catchUpMs, stopping.signal);
    }
  }

  const relay = outbox.start();
  const events = await messaging.consumeEvents({
    durable: 'notify',
    filters,
    handle: (event) => onEvent(ended, event),
  });
  const done = Promise.all([sendLoop(), catchUpLoop()]).then(() => undefined);
  return {
    done,
    async stop() {
      await events.stop();
      stopping.abort();
      await done;
      await relay.stop();
    },
    lagSeconds: () => (oldestMs === undefined ? 0 : Math.max(0, now() - oldestMs) / 1000),
  };
}
