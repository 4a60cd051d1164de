import { hostname } from 'node:os';
import { collections, type ProxyRecord } from '@holdfast/contracts';
import type { ConnectorOpener } from '@holdfast/exchange';
import { createConnectorCache } from '@holdfast/exchange';
import { createGate, createOutbox, type Messaging, type Running } from '@holdfast/messaging';
import type { Clock, Logger } from '@holdfast/runtime';
import type { OrderedWrite, Store } from '@holdfast/store';
import { createActivity } from './activity.ts';
import { cachedDocuments } from './adapters/cachedDocuments.ts';
import type { RepositoryHub } from './adapters/repositoryHub.ts';
import { storeInventory } from './adapters/storeInventory.ts';
import { createByteBudget } from './domain/byteBudget.ts';
import type { SyncSettings } from './domain/mailboxWork.ts';
import { answerQuestions } from './handlers/answerQuestions.ts';
import { createParkedHandler, createSyncMailboxHandler, isEnded } from './handlers/onSyncMailbox.ts';
import { startHeartbeat } from './heartbeat.ts';
import type { SyncMetrics } from './metrics.ts';
import { createPausableGate } from './pausableGate.ts';
import { openProgressBoard } from './progressBoard.ts';
import { type RunSubscriptions, serveRuns } from './subscriptions.ts';

export interface SyncDeps {
  messaging: Messaging;
  store: Store;
  /** A connector of its own for an organization, with its credential unsealed. */
  openConnector: ConnectorOpener;
  repositories: RepositoryHub;
  clock: Clock;
  logger: Logger;
  metrics: SyncMetrics;
  instance: string;
  version: string;
  pool: string;
  slots: number;
  memoryBytes: number;
  heartbeatMs: number;
  work: SyncSettings;
}

export interface SyncService {
  stop(): Promise<void>;
  done: Promise<void>;
  /** Age of the oldest mailbox in hand, seconds. */
  lagSeconds(): number;
}

/** Documents that decide how a task is done are read again after so long. */
const rereadMs = 2_000;
const lookAgainMs = 5_000;
/** A mailbox's directory id never changes. */
const mailboxRereadMs = 3600_000;

/** Starts a proxy: it joins its pool, serves the runs of it and answers questions, until it is stopped. */
export async function startSync(deps: SyncDeps): Promise<SyncService> {
  const { messaging, store, clock, logger, pool } = deps;
  const now = () => clock.now();
  const shared = sharedParts(deps);
  const { activity, connectors, outbox } = shared;
  let subscriptions: RunSubscriptions | undefined;
  const stopRequested = (runId: string) => subscriptions?.stopRequested(runId) === true;
  const progress = await openProgressBoard(messaging, deps.instance, clock, logger);
  const handlerDeps = { ...deps, ...shared, stopRequested, progress, settings: deps.work };

  const relaying = outbox.start();
  const heartbeat = await startHeartbeat({
    ...{ proxy: proxyRecordOf(deps), messaging, outbox, activity, clock, logger },
    gate: createPausableGate(createGate(deps.slots)),
    everyMs: deps.heartbeatMs,
    proxies: store.collection(collections.proxies),
  });
  const answering = await answerQuestions({
    ...{ messaging, pool, logger, now, useConnector: connectors.use, openConnector: deps.openConnector },
    organization: async (id) => (await store.collection(collections.organizations).get(id))?.doc,
    repository: async (id) => (await store.collection(collections.repositories).get(id))?.doc,
    rows: storeInventory(store.collection(collections.mailboxes), store.collection(collections.groups)),
    prepareRepository: (request) => deps.repositories.prepare(request),
    describeRepository: (request) => deps.repositories.describe(request),
  });
  subscriptions = await serveRuns({
    ...{ messaging, pool, gate: heartbeat.gate, clock, logger, lookAgainMs },
    handle: createSyncMailboxHandler(handlerDeps),
    onParked: createParkedHandler(handlerDeps),
    isGoingOn: async (runId) => {
      const run = await shared.run(runId);
      return run !== undefined && !isEnded(run);
    },
  });
  logger.info({ pool, slots: deps.slots }, 'proxy serves its pool');
  return stoppable([subscriptions, answering, heartbeat, relaying], deps, shared);
}

/** Caches, connectors and counters that all tasks of this process share. */
function sharedParts(deps: SyncDeps) {
  const { messaging, store, clock, logger, metrics } = deps;
  const now = () => clock.now();
  const cached = { now, maxAgeMs: rereadMs, limit: 1000 };
  const outbox = createOutbox({
    rows: store.collection(collections.events),
    publish: (event) => messaging.publishEvent(event),
    // Every mailbox has an event; its mark need not be a transaction of its own.
    ...{ source: 'sync', now, logger, settleAfterMs: 50 },
  });
  const connectors = createConnectorCache(deps.openConnector);
  metrics.slots.set(deps.slots);
  return {
    outbox,
    connectors,
    stores: {
      tasks: store.collection(collections.runTasks),
      points: store.collection(collections.restorePoints),
      heads: store.collection(collections.mailboxHeads),
      events: store.collection(collections.events),
      outbox,
      writeInOrder: (writes: readonly OrderedWrite[]) => store.writeInOrder(writes),
    },
    organization: cachedDocuments({ ...cached, collection: store.collection(collections.organizations) }).get,
    repository: cachedDocuments({ ...cached, collection: store.collection(collections.repositories) }).get,
    run: cachedDocuments({ ...cached, collection: store.collection(collections.runs) }).get,
    mailbox: cachedDocuments({
      ...{ now, maxAgeMs: mailboxRereadMs, limit: 10_000 },
      collection: store.collection(collections.mailboxes),
    }).get,
    useConnector: connectors.use,
    useRepository: deps.repositories.use,
    activity: createActivity((busy) => metrics.busy.set(busy)),
    bytes: createByteBudget(deps.memoryBytes),
  };
}

/** Stops in order: no new tasks, what is in hand ends or is given back, then everything is closed. */
function stoppable(
  parts: readonly Running[],
  deps: SyncDeps,
  { activity, connectors }: ReturnType<typeof sharedParts>,
): SyncService {
  const ended = Promise.withResolvers<void>();
  let stopping: Promise<void> | undefined;
  async function stopAll(): Promise<void> {
    for (const running of parts) await running.stop();
    await connectors.close();
    await deps.repositories.close();
    ended.resolve();
  }
  return {
    done: ended.promise,
    lagSeconds: () => activity.lagSeconds(deps.clock.now()),
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
  };
}

function proxyRecordOf({ instance, pool, version, slots, clock }: SyncDeps): ProxyRecord {
  return {
    id: instance,
    pool,
    version,
    host: hostname(),
    slots,
    startedAt: new Date(clock.now()).toISOString(),
    maintenance: false,
  };
}
