import { collections, type RetentionSettings, terminalRunStates } from '@holdfast/contracts';
import { all, type Collection, type Document, type Store, VersionConflict } from '@holdfast/store';

const dayMs = 24 * 60 * 60 * 1000;
const batch = 200;

export interface Pruned {
  runs: number;
  restoreSessions: number;
  events: number;
  audit: number;
  notifications: number;
  alerts: number;
  deliveries: number;
}

export interface PruneDeps {
  store: Store;
  nowMs: number;
  settings: Pick<
    RetentionSettings,
    'runDays' | 'restoreDays' | 'eventDays' | 'auditDays' | 'alertDays' | 'deliveryDays'
  >;
  signal: AbortSignal;
}

const endedSessions = ['success', 'warning', 'failed', 'cancelled'];

/**
 * Takes away records that are older than the settings say: ended runs with their tasks (never the newest of a job),
 * ended restore sessions with their ledgers, published events, the audit log, notifications that are over, cleared
 * alerts, deliveries to webhooks. In batches, what belongs to a record before the record itself, so that it can end
 * anywhere and go on there.
 */
export async function pruneRecords(deps: PruneDeps): Promise<Pruned> {
  const { store, nowMs, settings } = deps;
  const before = (days: number): string => new Date(nowMs - days * dayMs).toISOString();
  return {
    runs: await pruneRuns(deps, before(settings.runDays)),
    restoreSessions: await pruneSessions(deps, before(settings.restoreDays)),
    events: await pruneOld(deps, store.collection(collections.events), {
      where: { pending: false, time: { lt: before(settings.eventDays) } },
      sortField: 'time',
    }),
    audit: await pruneOld(deps, store.collection(collections.audit), {
      where: { at: { lt: before(settings.auditDays) } },
      sortField: 'at',
    }),
    notifications: await pruneOld(deps, store.collection(collections.notifications), {
      where: { createdAt: { lt: before(settings.runDays) } },
      sortField: 'createdAt',
      isOver: ({ state }) => state !== 'pending',
    }),
    alerts: await pruneAlerts(deps, before(settings.alertDays)),
    deliveries: await pruneDeliveries(deps, before(settings.deliveryDays)),
  };
}

function pruneAlerts(deps: PruneDeps, before: string): Promise<number> {
  return pruneOld(deps, deps.store.collection(collections.alerts), {
    where: { state: 'cleared', raisedAt: { lt: before } },
    sortField: 'raisedAt',
    isOver: ({ clearedAt }) => clearedAt !== undefined && clearedAt < before,
  });
}

/** One that still waits at that age belongs to a webhook that was suspended or removed; a replay counts anew. */
function pruneDeliveries(deps: PruneDeps, before: string): Promise<number> {
  return pruneOld(deps, deps.store.collection(collections.webhookDeliveries), {
    where: { createdAt: { lt: before } },
    sortField: 'createdAt',
    isOver: ({ startedAt }) => startedAt < before,
  });
}

async function pruneRuns(deps: PruneDeps, before: string): Promise<number> {
  const runs = deps.store.collection(collections.runs);
  const tasks = deps.store.collection(collections.runTasks);
  const scripts = deps.store.collection(collections.runScripts);
  const newest = new Map<string, number>();
  for await (const job of rows(deps.store.collection(collections.jobs)))
    newest.set(job.id, job.lastRunNumber);
  return pruneOld(deps, runs, {
    where: { requestedAt: { lt: before } },
    sortField: 'requestedAt',
    isOver: (run) =>
      (terminalRunStates as readonly string[]).includes(run.state) && newest.get(run.jobId) !== run.number,
    async first(run) {
      await removeAll(scripts, { runId: run.id });
      await removeAll(tasks, { runId: run.id });
    },
  });
}

function pruneSessions(deps: PruneDeps, before: string): Promise<number> {
  const ledger = deps.store.collection(collections.restoreLedger);
  const parts = deps.store.collection(collections.restoreParts);
  const plans = deps.store.collection(collections.restorePlan);
  return pruneOld(deps, deps.store.collection(collections.restoreSessions), {
    where: { requestedAt: { lt: before } },
    sortField: 'requestedAt',
    isOver: ({ state }) => endedSessions.includes(state),
    async first({ id }) {
      await removeAll(plans, { sessionId: id });
      await removeAll(parts, { sessionId: id });
      await removeAll(ledger, { sessionId: id });
    },
  });
}

interface OldRows<T> {
  where: NonNullable<Parameters<Collection<Document>['find']>[0]['where']>;
  sortField: string;
  /** Rows that are still at work stay, however old. */
  isOver?: (doc: T) => boolean;
  /** What belongs to the row goes before it. */
  first?: (doc: T) => Promise<void>;
}

async function pruneOld<T extends Document>(
  { signal }: PruneDeps,
  collection: Collection<T>,
  { where, sortField, isOver, first }: OldRows<T>,
): Promise<number> {
  let removed = 0;
  let after: string | undefined;
  do {
    const sort = { field: sortField, order: 'asc' } as const;
    const page = await collection.find({
      where,
      sort,
      limit: batch,
      ...(after === undefined ? {} : { after }),
    });
    for (const { doc, version } of page.items) {
      if (signal.aborted) return removed;
      if (isOver?.(doc) === false) continue;
      await first?.(doc);
      // With its version: a record that somebody has just changed is looked at again the next day.
      if (await deleted(collection, doc.id, version)) removed += 1;
    }
    after = page.next;
  } while (after !== undefined);
  return removed;
}

async function deleted<T extends Document>(
  collection: Collection<T>,
  id: string,
  version: number,
): Promise<boolean> {
  try {
    return await collection.delete(id, version);
  } catch (error) {
    if (error instanceof VersionConflict) return false;
    throw error;
  }
}

async function removeAll<T extends Document>(
  collection: Collection<T>,
  where: Readonly<Record<string, string>>,
): Promise<void> {
  for (;;) {
    const { items } = await collection.find({ where, limit: batch });
    for (const { doc } of items) await collection.delete(doc.id);
    if (items.length < batch) return;
  }
}

async function* rows<T extends Document>(collection: Collection<T>): AsyncIterable<T> {
  for await (const { doc } of all(collection)) yield doc;
}
