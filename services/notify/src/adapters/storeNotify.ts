import { collections, terminalRunStates } from '@holdfast/contracts';
import {
  all,
  type Collection,
  type Document,
  insertIfAbsent,
  modify,
  type Query,
  type Store,
} from '@holdfast/store';
import { digestIdPrefix } from '../domain/planDigest.ts';
import type { NotificationBook, ReportSource } from '../ports.ts';

const endedSessions = ['success', 'warning', 'failed', 'cancelled'];

/** Notifications in the control data. */
export function createNotificationBook(store: Store): NotificationBook {
  const rows = store.collection(collections.notifications);
  return {
    notification: async (id) => (await rows.get(id))?.doc,
    insert: (notification) => insertIfAbsent(rows, notification),
    pending: () => documents(rows, { where: { state: 'pending' } }),
    endedSince: (createdAt) =>
      documents(rows, { where: { createdAt: { gte: createdAt }, state: { in: ['sent', 'failed'] } } }),
    change: async (id, edit) => (await modify(rows, id, edit))?.doc,
  };
}

/** What reports are made of, read from the control data. */
export function createReportSource(store: Store): ReportSource {
  const settings = store.collection(collections.settings);
  const runs = store.collection(collections.runs);
  const jobs = store.collection(collections.jobs);
  const tasks = store.collection(collections.runTasks);
  const scripts = store.collection(collections.runScripts);
  const sessions = store.collection(collections.restoreSessions);
  const ledger = store.collection(collections.restoreLedger);
  const organizations = store.collection(collections.organizations);
  const alerts = store.collection(collections.alerts);
  const notifications = store.collection(collections.notifications);
  return {
    settings: async () => (await settings.get('global'))?.doc,
    run: async (id) => (await runs.get(id))?.doc,
    job: async (id) => (await jobs.get(id))?.doc,
    tasks: (runId, states) =>
      documents(tasks, {
        where: states === undefined ? { runId } : { runId, state: { in: states } },
        sort: { field: 'position', order: 'asc' },
      }),
    organization: async (id) => (await organizations.get(id))?.doc,
    async runsBefore(jobId, number, limit) {
      const sort = { field: 'number', order: 'desc' } as const;
      const { items } = await runs.find({ where: { jobId, number: { lt: number } }, sort, limit });
      return items.map(({ doc }) => doc);
    },
    task: async (id) => (await tasks.get(id))?.doc,
    scripts: async (runId) => (await scripts.find({ where: { runId } })).items.map(({ doc }) => doc),
    jobs: () => documents(jobs, {}),
    alert: async (id) => (await alerts.get(id))?.doc,
    openAlerts: () => documents(alerts, { where: { state: 'open' } }),
    async newestDigest() {
      const where = { id: { prefix: digestIdPrefix } };
      const page = await notifications.find({ where, sort: { field: 'id', order: 'desc' }, limit: 1 });
      return page.items[0]?.doc;
    },
    session: async (id) => (await sessions.get(id))?.doc,
    ledger: (sessionId) => documents(ledger, { where: { sessionId } }),
    endedRunsSince: (requestedAt) => documents(runs, since(requestedAt, terminalRunStates)),
    endedSessionsSince: (requestedAt) => documents(sessions, since(requestedAt, endedSessions)),
  };
}

const since = (requestedAt: string, states: readonly string[]): Pick<Query, 'where' | 'sort'> => ({
  where: { requestedAt: { gte: requestedAt }, state: { in: states } },
  sort: { field: 'requestedAt', order: 'asc' },
});

async function* documents<T extends Document>(
  rows: Collection<T>,
  query: Pick<Query, 'where' | 'sort'>,
): AsyncIterable<T> {
  for await (const { doc } of all(rows, query)) yield doc;
}
