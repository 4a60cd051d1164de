import {
  collections,
  defaultRetentionSettings,
  endedRestoreStates,
  restoreStates,
} from '@holdfast/contracts';
import {
  all,
  type Collection,
  type Document,
  insertIfAbsent,
  modify,
  type Query,
  type Store,
  upsert,
} from '@holdfast/store';
import type { DailyState, Guards, PointRecords, RetentionRecords } from '../ports.ts';

const ended: readonly string[] = endedRestoreStates;
/** Planned and paused ones too: what a person has approved, or is about to, must still be there. */
const unfinishedSessions = { in: restoreStates.filter((state) => !ended.includes(state)) };

/** The control data in the words of retention. */
export function createRetentionRecords(store: Store): RetentionRecords {
  const repositories = store.collection(collections.repositories);
  const organizations = store.collection(collections.organizations);
  const mailboxes = store.collection(collections.mailboxes);
  const jobs = store.collection(collections.jobs);
  const runs = store.collection(collections.runs);
  const tasks = store.collection(collections.runTasks);
  const heads = store.collection(collections.mailboxHeads);
  const points = store.collection(collections.restorePoints);
  const sessions = store.collection(collections.restoreSessions);
  const parts = store.collection(collections.restoreParts);
  const holds = store.collection(collections.holds);
  const settings = store.collection(collections.settings);
  return {
    repository: async (id) => (await repositories.get(id))?.doc,
    repositories: () => documents(repositories, {}),
    organization: async (id) => (await organizations.get(id))?.doc,
    mailbox: async (id) => (await mailboxes.get(id))?.doc,
    job: async (id) => (await jobs.get(id))?.doc,
    run: async (id) => (await runs.get(id))?.doc,
    async *changedMailboxes(runId) {
      for await (const task of documents(tasks, { where: { runId } })) {
        if (task.pointId !== undefined) yield task.mailboxId;
      }
    },
    async *mailboxesIn(repositoryId) {
      for await (const head of documents(heads, { where: { repositoryId } })) yield head.mailboxId;
    },
    pointRecords: (repositoryId, mailboxId) =>
      collect(documents(points, { where: { repositoryId, mailboxId } })),
    holds: (mailboxId) => collect(documents(holds, { where: { mailboxId } })),
    settings: async () => (await settings.get('global'))?.doc.retention ?? defaultRetentionSettings,
    async pointsInUse(repositoryId) {
      const inUse = new Map<string, string>();
      for await (const session of documents(sessions, { where: { state: unfinishedSessions } })) {
        if (session.input.repositoryId !== repositoryId) continue;
        inUse.set(session.pointName, session.id);
        for await (const part of documents(parts, { where: { sessionId: session.id } }))
          inUse.set(part.pointName, session.id);
      }
      return inUse;
    },
  };
}

export function createPointRecords(store: Store): PointRecords {
  const points = store.collection(collections.restorePoints);
  return {
    add: async (record) => void (await insertIfAbsent(points, record)),
    change: async (id, fn) => (await modify(points, id, fn))?.doc,
    remove: async (id) => void (await points.delete(id)),
  };
}

export function createGuards(store: Store): Guards {
  const guards = store.collection(collections.retentionGuards);
  return {
    get: async (id) => (await guards.get(id))?.doc,
    upsert: async (id, fn) => void (await upsert(guards, id, fn)),
    remove: async (id) => void (await guards.delete(id)),
    open: (repositoryId) => documents(guards, { where: { repositoryId, state: 'open' } }),
  };
}

export function createDailyState(store: Store): DailyState {
  const state = store.collection(collections.retentionState);
  return {
    get: async () => (await state.get('global'))?.doc,
    served: async (servedUntil) =>
      void (await upsert(state, 'global', () => ({ id: 'global', servedUntil }))),
  };
}

async function* documents<T extends Document>(
  rows: Collection<T>,
  query: Pick<Query, 'where' | 'sort'>,
): AsyncIterable<T> {
  for await (const { doc } of all(rows, query)) yield doc;
}

async function collect<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const row of rows) list.push(row);
  return list;
}
