import { collections, errorFacts, type HoldfastEvent } from '@holdfast/contracts';
import { askQuestion, createOutbox, type Messaging } from '@holdfast/messaging';
import type { Clock, Logger, ServiceHandle } from '@holdfast/runtime';
import type { Store } from '@holdfast/store';
import { openProxyWatch } from './adapters/proxyWatch.ts';
import { createAlertBook, createWatchedWorld } from './adapters/storeAlerts.ts';
import { createNotificationBook, createReportSource } from './adapters/storeNotify.ts';
import { createWebhookBook } from './adapters/storeWebhooks.ts';
import { createDeliveries } from './deliverWebhooks.ts';
import { catchUp, lookBackMs } from './handlers/catchUp.ts';
import { onEvent } from './handlers/onEnded.ts';
import { createEventQueue } from './handlers/queueEvents.ts';
import { measureRepository } from './measureRepository.ts';
import type { NotifyMetrics } from './metrics.ts';
import { planDueDigests } from './planDueDigests.ts';
import type { Mailer, MeasureRepository, Poster, SecretOpener } from './ports.ts';
import { announceLate, sendPending } from './sendPending.ts';
import { createWakeup } from './wakeup.ts';
import { createAlertWatch } from './watchAlerts.ts';

export interface NotifyDeps {
  store: Store;
  messaging: Messaging;
  mailer: Mailer;
  poster: Poster;
  /** Opens the signing secrets of webhooks. */
  secrets: SecretOpener;
  clock: Clock;
  logger: Logger;
  metrics: NotifyMetrics;
  /** How often ended runs and events are looked for in the control data, and digests planned. */
  catchUpMs: number;
  /** Longest time for sending one message. */
  sendLimitMs: number;
  /** Longest time for one delivery to a webhook. */
  webhookLimitMs: number;
  /** Deliveries under way at the same time. */
  webhooksAtOnce: number;
  /** How often alerts are judged. */
  alertsMs: number;
  version: string;
  /** Asks a proxy for the free space of a repository when absent. */
  measure?: MeasureRepository;
}

export interface Notifier extends ServiceHandle {
  /** Age of the oldest notification that waits to be sent, seconds. */
  lagSeconds(): number;
}

/** A claim must outlast the sending and the writing of its result. */
const claimMarginMs = 30_000;
const webhookClaimMarginMs = 5_000;
const idleMs = 30_000;
const reportFilters = [
  'events.run.completed.>',
  'events.restore.completed.>',
  'events.notification.requested.>',
];

/** Starts the notifier: events and the control data make notifications and deliveries, loops send them. */
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
  const { signal } = stopping;
  const mailWakeup = createWakeup(clock);
  const hookWakeup = createWakeup(clock);
  const book = createNotificationBook(store);
  const source = createReportSource(store);
  const webhooks = createWebhookBook(store);
  const proxies = await openProxyWatch(messaging, now);
  const onPending = (): void => mailWakeup.wake();
  const ended = { source, book, logger, now, onPending };
  const send = {
    ...{ book, source, logger, metrics, now },
    mailer: deps.mailer,
    announce: outbox.add,
    claimMs: deps.sendLimitMs + claimMarginMs,
  };
  const queue = createEventQueue({ book: webhooks, now, onPending: () => hookWakeup.wake() });
  const deliveries = createDeliveries(
    {
      ...{ clock, logger, metrics, poster: deps.poster, secrets: deps.secrets, version: deps.version },
      ...{ book: webhooks, announce: outbox.add, atOnce: deps.webhooksAtOnce },
      claimMs: deps.webhookLimitMs + webhookClaimMarginMs,
    },
    hookWakeup,
  );
  const alerts = createAlertWatch({
    ...{ book, proxies, clock, logger, metrics, onPending, announce: outbox.add },
    world: createWatchedWorld(store),
    alerts: createAlertBook(store),
    measure:
      deps.measure ??
      measureRepository(store, (pool, repositoryId) =>
        askQuestion(messaging, pool, 'measureRepository', { repositoryId }, { timeoutMs: askLimitMs }),
      ),
  });
  let oldestMs: number | undefined;

  async function sendLoop(): Promise<void> {
    while (!signal.aborted) {
      let pauseMs = idleMs;
      try {
        const facts = await sendPending(send, signal);
        metrics.pending.set(facts.pending);
        oldestMs = facts.oldestMs;
        if (facts.nextTryMs !== undefined) pauseMs = Math.min(idleMs, Math.max(100, facts.nextTryMs - now()));
      } catch (error) {
        logger.warn({ error: errorFacts(error) }, 'reports wait until the control data can be reached');
      }
      await mailWakeup.sleep(pauseMs, signal);
    }
  }

  /** Does its work now and then, until the end; what fails is tried again the next time. */
  async function regularly(everyMs: number, what: string, work: () => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      try {
        await work();
      } catch (error) {
        logger.warn({ error: errorFacts(error) }, `${what}; tried again`);
      }
      await clock.sleep(everyMs, signal);
    }
  }

  const known = new Set<string>();
  let isFirst = true;
  async function lookForEnded(): Promise<void> {
    if (isFirst) await announceLate(send, lookBackMs);
    isFirst = false;
    await catchUp(ended, known);
    await planDueDigests(ended);
  }

  const relay = outbox.start();
  const consumers = await Promise.all([
    messaging.consumeEvents({
      durable: 'notify',
      filters: reportFilters,
      handle: (event) => onEvent(ended, event),
    }),
    messaging.consumeEvents({
      durable: 'notify-webhooks',
      filters: ['events.>'],
      handle: (event: HoldfastEvent) => queue.onEvent(event),
    }),
  ]);
  const done = Promise.all([
    sendLoop(),
    regularly(deps.catchUpMs, 'ended runs could not be looked for', lookForEnded),
    regularly(deps.catchUpMs, 'events for webhooks could not be looked for', queue.catchUp),
    regularly(deps.alertsMs, 'alerts could not be judged', () => alerts.look()),
    deliveries.run(signal),
  ]).then(() => undefined);
  return {
    done,
    async stop() {
      await Promise.all(consumers.map((consumer) => consumer.stop()));
      stopping.abort();
      await done;
      await proxies.stop();
      await relay.stop();
    },
    lagSeconds: () => (oldestMs === undefined ? 0 : Math.max(0, now() - oldestMs) / 1000),
  };
}

const askLimitMs = 10_000;
