import {
  collections,
  type deliveryStates,
  type RestoreSession,
  type Run,
  type RunTask,
  retentionSettingsSchema,
} from '@holdfast/contracts';
import { all, type Store } from '@holdfast/store';
import { memoryStore } from '@holdfast/store/testing';
import { buildJob, buildRestoreSession, buildRun, buildRunTask } from '@holdfast/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { pruneRecords } from './pruneRecords.ts';

const nowMs = Date.parse('2026-11-25T05:00:00Z');
const dayMs = 86_400_000;
const daysAgo = (days: number): string => new Date(nowMs - days * dayMs).toISOString();
let store: Store;
beforeEach(() => {
  store = memoryStore();
});
afterEach(() => store.close());

const prune = (given: object = {}, signal = new AbortController().signal) =>
  pruneRecords({ store, nowMs, settings: retentionSettingsSchema.parse(given), signal });
const idsIn = async (
  name:
    | 'runs'
    | 'runTasks'
    | 'restoreSessions'
    | 'restoreLedger'
    | 'events'
    | 'audit'
    | 'alerts'
    | 'webhookDeliveries',
): Promise<string[]> => {
  const ids: string[] = [];
  // biome-ignore lint/suspicious/noExplicitAny: only the ids are looked at
  for await (const { doc } of all(store.collection(collections[name] as any))) ids.push(doc.id);
  return ids.sort();
};

async function addRun(number: number, days: number, given: Partial<Run> = {}): Promise<void> {
  const id = `run-${number}`;
  const requestedAt = daysAgo(days);
  await store
    .collection(collections.runs)
    .insert(buildRun({ id, number, state: 'success', requestedAt, ...given }));
  for (const mailboxId of ['mbx-1', 'mbx-2']) {
    const task: RunTask = buildRunTask({ runId: id, mailboxId, state: 'success' });
    await store.collection(collections.runTasks).insert(task);
  }
}

describe('runs', () => {
  test('go with their tasks when they are older than the settings say', async () => {
    await store.collection(collections.jobs).insert(buildJob({ lastRunNumber: 3 }));
    await addRun(1, 366);
    await addRun(2, 364);
    await addRun(3, 1);
    expect(await prune()).toMatchObject({ runs: 1 });
    expect(await idsIn('runs')).toEqual(['run-2', 'run-3']);
    expect(await idsIn('runTasks')).toEqual(['run-2.mbx-1', 'run-2.mbx-2', 'run-3.mbx-1', 'run-3.mbx-2']);
  });

  test('stay when they are the newest of their job, or not over', async () => {
    await store.collection(collections.jobs).insert(buildJob({ lastRunNumber: 4 }));
    await addRun(1, 900, { state: 'running' });
    await addRun(2, 900, { state: 'requested' });
    await addRun(3, 900, { state: 'completing' });
    await addRun(4, 800);
    expect(await prune({ runDays: 1 })).toMatchObject({ runs: 0 });
    expect(await idsIn('runs')).toEqual(['run-1', 'run-2', 'run-3', 'run-4']);
  });

  test('of a job that was deleted go all', async () => {
    await addRun(1, 400, { state: 'failed' });
    await addRun(2, 400, { state: 'skipped' });
    expect(await prune()).toMatchObject({ runs: 2 });
    expect(await idsIn('runTasks')).toEqual([]);
  });

  test('go in batches, however many there are, and what was left by a crash goes next', async () => {
    await store.collection(collections.jobs).insert(buildJob({ lastRunNumber: 900 }));
    for (let number = 1; number <= 450; number += 1) await addRun(number, 500);
    const over = new AbortController();
    over.abort();
    expect(await prune({}, over.signal)).toMatchObject({ runs: 0 });
    expect(await prune()).toMatchObject({ runs: 450 });
    expect(await idsIn('runTasks')).toEqual([]);
  });
});

describe('restore sessions', () => {
  const addSession = async (id: string, days: number, state: RestoreSession['state']): Promise<void> => {
    const requestedAt = daysAgo(days);
    await store
      .collection(collections.restoreSessions)
      .insert(buildRestoreSession({ id, state, requestedAt }));
  };

  test('go when they are old and over, unfinished ones never', async () => {
    await addSession('a', 366, 'success');
    await addSession('b', 366, 'cancelled');
    await addSession('c', 900, 'running');
    await addSession('d', 900, 'requested');
    await addSession('e', 364, 'failed');
    expect(await prune()).toMatchObject({ restoreSessions: 2 });
    expect(await idsIn('restoreSessions')).toEqual(['c', 'd', 'e']);
  });
});

describe('the audit log', () => {
  test('goes when it is old', async () => {
    for (const [id, days] of [
      ['audit-1', 366],
      ['audit-2', 364],
    ] as const) {
      await store.collection(collections.audit).insert({
        ...{ id, at: daysAgo(days), tokenId: 't', by: 'ann', role: 'operator', operation: 'addJob' },
        ...{
          method: 'POST',
          path: '/jobs',
          fields: ['name'],
          from: '127.0.0.1',
          requestId: 'r',
          status: 201,
        },
      });
    }
    expect(await prune()).toMatchObject({ audit: 1 });
    expect(await idsIn('audit')).toEqual(['audit-2']);
  });
});

describe('events', () => {
  const addEvent = async (id: string, days: number, pending: boolean): Promise<void> => {
    const time = daysAgo(days);
    const event = {
      ...{
        specversion: '1.0' as const,
        id,
        source: 'test',
        type: 'holdfast.job.changed.v1',
        name: 'job.changed',
      },
      ...{ subject: 'job-1', time, data: {} },
    };
    await store
      .collection(collections.events)
      .insert({ id, time, name: 'job.changed', subject: 'job-1', pending, event });
  };

  test('go when they are old; what the broker has not taken stays', async () => {
    await addEvent('a', 31, false);
    await addEvent('b', 29, false);
    await addEvent('c', 31, true);
    expect(await prune()).toMatchObject({ events: 1 });
    expect(await idsIn('events')).toEqual(['b', 'c']);
    expect(await prune({ eventDays: 10 })).toMatchObject({ events: 1 });
  });
});

describe('alerts', () => {
  const add = async (id: string, raised: number, cleared?: number): Promise<void> => {
    await store.collection(collections.alerts).insert({
      ...{ id, kind: 'proxy-offline', about: id, message: 'm', remedy: 'r', details: [] },
      ...{ since: daysAgo(raised), raisedAt: daysAgo(raised) },
      ...(cleared === undefined
        ? { state: 'open' as const }
        : { state: 'cleared' as const, clearedAt: daysAgo(cleared) }),
    });
  };

  test('go so long after they were cleared; open ones stay', async () => {
    await add('alert-1', 500, 366);
    await add('alert-2', 500, 364);
    await add('alert-3', 900);
    expect(await prune()).toMatchObject({ alerts: 1 });
    expect(await idsIn('alerts')).toEqual(['alert-2', 'alert-3']);
    expect(await prune({ alertDays: 300 })).toMatchObject({ alerts: 1 });
    expect(await idsIn('alerts')).toEqual(['alert-3']);
  });
});

describe('deliveries to webhooks', () => {
  type State = (typeof deliveryStates)[number];
  const add = async (eventId: string, state: State, made: number, started = made): Promise<void> => {
    const event = {
      ...{ specversion: '1.0' as const, id: eventId, source: 'test', type: 'holdfast.job.changed.v1' },
      ...{ name: 'job.changed', subject: 'job-1', time: daysAgo(made), data: {} },
    };
    await store.collection(collections.webhookDeliveries).insert({
      ...{ id: `hook-1.${eventId}`, webhookId: 'hook-1', eventId, eventName: 'job.changed', event, state },
      ...{ tries: 1, createdAt: daysAgo(made), startedAt: daysAgo(started) },
    });
  };

  test('go when they are old, whatever became of them; one that was replayed since stays', async () => {
    await add('a', 'delivered', 31);
    await add('b', 'dead', 31);
    await add('c', 'pending', 31);
    await add('d', 'pending', 31, 0);
    await add('e', 'delivered', 29);
    expect(await prune()).toMatchObject({ deliveries: 3 });
    expect(await idsIn('webhookDeliveries')).toEqual(['hook-1.d', 'hook-1.e']);
  });
});
