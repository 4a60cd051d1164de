import { collections } from '@holdfast/contracts';
import {
  all,
  type Collection,
  type Document,
  insertIfAbsent,
  modify,
  type Query,
  type Store,
} from '@holdfast/store';
import type { AlertBook, WatchedWorld } from '../ports.ts';

/** Alerts in the control data. */
export function createAlertBook(store: Store): AlertBook {
  const rows = store.collection(collections.alerts);
  const sort = { field: 'raisedAt', order: 'desc' } as const;
  return {
    alert: async (id) => (await rows.get(id))?.doc,
    open: () => documents(rows, { where: { state: 'open' } }),
    raisedSince: (time) => documents(rows, { where: { raisedAt: { gte: time } } }),
    newest: async (kind, about) =>
      (await rows.find({ where: { kind, about }, sort, limit: 1 })).items[0]?.doc,
    insert: (alert) => insertIfAbsent(rows, alert),
    change: async (id, edit) => (await modify(rows, id, edit))?.doc,
  };
}

/** What alerts are judged by, read from the control data. */
export function createWatchedWorld(store: Store): WatchedWorld {
  const settings = store.collection(collections.settings);
  const runs = store.collection(collections.runs);
  const webhooks = store.collection(collections.webhooks);
  return {
    settings: async () => (await settings.get('global'))?.doc,
    jobs: () => documents(store.collection(collections.jobs)),
    async newestRuns(jobId, limit) {
      const sort = { field: 'number', order: 'desc' } as const;
      return (await runs.find({ where: { jobId }, sort, limit })).items.map(({ doc }) => doc);
    },
    tasks: (runId) => documents(store.collection(collections.runTasks), { where: { runId } }),
    heads: (repositoryId) =>
      documents(store.collection(collections.mailboxHeads), { where: { repositoryId } }),
    proxies: () => documents(store.collection(collections.proxies)),
    organizations: () => documents(store.collection(collections.organizations)),
    repositories: () => documents(store.collection(collections.repositories)),
    openGuards: () => documents(store.collection(collections.retentionGuards), { where: { state: 'open' } }),
    webhooks: async () => (await Array.fromAsync(all(webhooks))).map(({ doc }) => doc),
  };
}

async function* documents<T extends Document>(
  rows: Collection<T>,
  query: Pick<Query, 'where' | 'sort'> = {},
): AsyncIterable<T> {
  for await (const { doc } of all(rows, query)) yield doc;
}
