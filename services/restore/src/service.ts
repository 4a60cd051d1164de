import { collections, type Organization, restoreTaskSchema } from '@holdfast/contracts';
import type { MailboxConnector } from '@holdfast/exchange';
import { createConnectorCache } from '@holdfast/exchange';
import { createGate, createOutbox, type Messaging } from '@holdfast/messaging';
import type { Clock, Logger } from '@holdfast/runtime';
import type { Store } from '@holdfast/store';
import { createActivity } from './activity.ts';
import type { PointHub } from './adapters/pointHub.ts';
import { type CatalogLoopDeps, startCatalogLoop } from './catalog/catalogLoop.ts';
import type { CatalogMetrics } from './catalog/catalogMetrics.ts';
import type { ThreadedCatalog } from './catalog/threadedCatalog.ts';
import { startExpiringExports } from './expireExports.ts';
import { answerComparison } from './handlers/answerComparison.ts';
import { answerExplorer } from './handlers/answerExplorer.ts';
import { answerExports } from './handlers/answerExports.ts';
import { answerQuestions } from './handlers/answerQuestions.ts';
import type { ExportSettings, WorkSettings } from './handlers/attempt.ts';
import { createParkedHandler, createRestoreHandler } from './handlers/onRestore.ts';
import type { RestoreMetrics } from './metrics.ts';
import { openProgressBoard } from './progressBoard.ts';
import { startReconciling } from './reconcileSessions.ts';

export interface RestoreDeps {
  messaging: Messaging;
  store: Store;
  /** A connector of its own for an organization, with its credential unsealed. */
  openConnector: (organization: Organization) => MailboxConnector;
  points: PointHub;
  clock: Clock;
  logger: Logger;
  metrics: RestoreMetrics;
  instance: string;
  pool: string;
  slots: number;
  /** Over all workers of the pool. */
  sessionsAtOnce: number;
  attempts: number;
  reconcileMs: number;
  work: WorkSettings;
  /** Absent: exports are refused. */
  exports?: ExportSettings;
  /** Absent when it is switched off. */
  catalog?: CatalogSettings | undefined;
}

/** The catalog with what keeps it up to date. */
export interface CatalogSettings extends ThreadedCatalog, Pick<CatalogLoopDeps, 'connection'> {
  numbers: CatalogMetrics;
  pollMs: number;
  reconcileMs: number;
}

export interface RestoreService {
  stop(): Promise<void>;
  done: Promise<void>;
  /** Age of the oldest session in hand, seconds. */
  lagSeconds(): number;
}

/** Starts a restore worker: it carries out the sessions of its pool and answers the explorer, until it is stopped. */
export async function startRestore(deps: RestoreDeps): Promise<RestoreService> {
  const { messaging, store, clock, logger, metrics, pool } = deps;
  const now = () => clock.now();
  const outbox = createOutbox({
    rows: store.collection(collections.events),
    publish: (event) => messaging.publishEvent(event),
    ...{ source: 'restore', now, logger },
  });
  const connectors = createConnectorCache(deps.openConnector);
  const activity = createActivity((busy) => metrics.busy.set(busy));
  metrics.slots.set(deps.slots);
  const sessions = store.collection(collections.restoreSessions);
  const organizations = store.collection(collections.organizations);
  const repositories = store.collection(collections.repositories);
  const handlerDeps = {
    ...deps,
    ...{ sessions, outbox, activity, settings: deps.work, useConnector: connectors.use },
    parts: store.collection(collections.restoreParts),
    plans: store.collection(collections.restorePlan),
    ledger: store.collection(collections.restoreLedger),
    mailboxes: store.collection(collections.mailboxes),
    organization: async (id: string) => (await organizations.get(id))?.doc,
    repository: async (id: string) => (await repositories.get(id))?.doc,
    progress: await openProgressBoard(messaging, deps.instance, clock, logger),
  };
  const relaying = outbox.start();
  const answering = await answerQuestions(handlerDeps);
  const comparing = await answerComparison(handlerDeps);
  const exploring = await answerExplorer({
    ...handlerDeps,
    catalog: deps.catalog?.catalog,
    catalogMetrics: deps.catalog?.numbers,
  });
  const showing = await answerExports(messaging, pool, deps.exports?.folder);
  const expiring =
    deps.exports === undefined
      ? []
      : [startExpiringExports({ ...deps.exports, sessions, clock, logger, everyMs: 3_600_000 })];
  const consuming = await messaging.consumeTasks({
    ...{ kind: 'restore' as const, pool, owner: '*', gate: createGate(deps.slots) },
    maxAckPending: deps.sessionsAtOnce,
    maxDeliver: deps.attempts,
    parse: (json) => restoreTaskSchema.parse(json),
    handle: createRestoreHandler(handlerDeps),
    onParked: createParkedHandler(handlerDeps),
  });
  const reconciling = startReconciling({
    ...{ sessions, messaging, pool, clock, logger, everyMs: deps.reconcileMs },
  });
  const cataloging =
    deps.catalog &&
    (await startCatalogLoop({
      ...deps,
      ...deps.catalog,
      ...{ organizations, repositories, metrics: deps.catalog.numbers },
      heads: store.collection(collections.mailboxHeads),
      points: store.collection(collections.restorePoints),
    }));
  logger.info({ pool, slots: deps.slots }, 'restore worker serves its pool');

  const ended = Promise.withResolvers<void>();
  let stopping: Promise<void> | undefined;
  const releasers = [
    reconciling,
    consuming,
    answering,
    exploring,
    comparing,
    showing,
    ...expiring,
    relaying,
    ...(cataloging === undefined ? [] : [cataloging]),
  ];
  async function stopAll(): Promise<void> {
    for (const running of releasers) await running.stop();
    await deps.catalog?.close();
    await connectors.close();
    await deps.points.close();
    ended.resolve();
  }
  return {
    done: ended.promise,
    lagSeconds: () => activity.lagSeconds(now()),
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
  };
}
