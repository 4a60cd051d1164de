import {
  type ActiveRun,
  activeRunSchema,
  buckets,
  collections,
  eventRecordSchema,
  HoldfastError,
  headIdOf,
  mailboxIdOf,
  type Run,
  taskIdOf,
} from '@holdfast/contracts';
import { type MemoryExchange, memoryExchange } from '@holdfast/exchange/testing';
import { askQuestion, type Messaging } from '@holdfast/messaging';
import { type MemoryBroker, memoryBroker, memoryMessaging } from '@holdfast/messaging/testing';
import { createRepository, openBlobStore, openRepository } from '@holdfast/repository';
import { type Clock, createMetrics, silentLogger, systemClock } from '@holdfast/runtime';
import type { Store } from '@holdfast/store';
import { memoryStore } from '@holdfast/store/testing';
import {
  buildMailbox,
  buildOrganization,
  buildRepository,
  buildRun,
  buildRunTask,
  temporaryDirectory,
  waitFor,
} from '@holdfast/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createRepositoryHub } from './adapters/repositoryHub.ts';
import { createSyncMetrics } from './metrics.ts';
import { type SyncService, startSync } from './service.ts';
import { testSettings } from './testing/world.ts';

const passphrase = 'four random words here';
const sealer = { open: () => passphrase };
const cheapKdf = { name: 'scrypt', n: 16, r: 8, p: 1 } as const;

const settings = {
  ...testSettings,
  sliceItems: 10,
  checkpoint: { items: 1000, bytes: 1 << 30, ms: 1 << 30 },
};

let number = 0;
let broker: MemoryBroker;
let store: Store;
let exchange: MemoryExchange;
let messaging: Messaging;
let place: string;
let cache: Awaited<ReturnType<typeof temporaryDirectory>>;
const running: SyncService[] = [];
const brokers: Messaging[] = [];

beforeEach(async () => {
  broker = memoryBroker();
  messaging = memoryMessaging({ broker });
  store = memoryStore();
  exchange = memoryExchange();
  place = `sync-service-${++number}`;
  cache = await temporaryDirectory();
  const blobs = await openBlobStore({ kind: 'memory', name: place });
  await createRepository(blobs, { passphrase, kdf: cheapKdf });
  await store.collection(collections.organizations).insert(buildOrganization());
  await store.collection(collections.repositories).insert(buildRepository());
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((service) => service.stop()));
  await messaging.close();
  await Promise.all(brokers.splice(0).map((one) => one.close()));
  await store.close();
  await cache.remove();
});

async function startProxy(
  instance = 'proxy-1',
  { slots = 4, clock = systemClock }: { slots?: number; clock?: Clock } = {},
): Promise<SyncService> {
  const own = memoryMessaging({ broker });
  brokers.push(own);
  const service = await startSync({
    messaging: own,
    store,
    openConnector: () => exchange,
    repositories: createRepositoryHub({
      ...{ sealer, clock: systemClock, logger: silentLogger, instance, version: 'test' },
      ...{
        open: { cacheDir: cache.path, threads: 0, commitIntervalMs: 5 },
        idleMs: 60_000,
        rotateMs: 3600_000,
        create: { kdf: cheapKdf },
      },
      specOf: () => ({ kind: 'memory', name: place }),
    }),
    ...{ clock, logger: silentLogger, instance, version: 'test', pool: 'default' },
    metrics: createSyncMetrics(createMetrics('sync')),
    ...{ slots, memoryBytes: 1 << 24, heartbeatMs: 1000, work: settings },
  });
  running.push(service);
  return service;
}

/** A run with one task for each mailbox, announced as the scheduler does it. */
async function startRun(
  runId: string,
  userIds: readonly string[],
  attempts = 3,
  more: Partial<Run> = {},
): Promise<void> {
  const pointTime = new Date().toISOString();
  const run = buildRun({ id: runId, state: 'running', attempts, pointTime, ...more });
  await store.collection(collections.runs).insert(run);
  for (const [position, userId] of userIds.entries()) {
    const mailboxId = mailboxIdOf('org-1', userId);
    const task = buildRunTask({ runId, mailboxId, position, mailboxAddress: `${userId}@example.com` });
    await store.collection(collections.runTasks).insert(task);
  }
  await messaging.ensureTaskConsumer({
    ...{ kind: 'sync', pool: 'default', owner: runId, maxAckPending: 3, maxDeliver: attempts },
  });
  await active(runId, { stop: false, attempts });
  for (const userId of userIds) await send(runId, userId, pointTime, 'first');
}

async function active(runId: string, more: Partial<ActiveRun>): Promise<void> {
  const bucket = await messaging.keyValue(buckets.runsActive, {
    parse: (json) => activeRunSchema.parse(json),
  });
  await bucket.put(runId, { runId, pool: 'default', concurrency: 3, attempts: 3, stop: false, ...more });
}

async function send(runId: string, userId: string, pointTime: string, try_: string): Promise<void> {
  const mailboxId = mailboxIdOf('org-1', userId);
  const ids = { runId, jobId: 'job-1', organizationId: 'org-1', repositoryId: 'repo-1', mailboxId };
  const taskId = taskIdOf(runId, mailboxId);
  await messaging.publishTask('sync', 'default', runId, { taskId, ...ids, pointTime }, `${taskId}.${try_}`);
}

async function addMailbox(userId: string, messages: number) {
  await store.collection(collections.mailboxes).insert(buildMailbox({ userId }));
  const mailbox = exchange.addMailbox({ userId, address: `${userId}@example.com` });
  for (let n = 0; n < messages; n++) mailbox.addMessage(n % 2 === 0 ? 'inbox' : 'sentitems');
  return mailbox;
}

const taskOf = async (runId: string, userId: string) =>
  (await store.collection(collections.runTasks).get(taskIdOf(runId, mailboxIdOf('org-1', userId))))?.doc;

async function ended(runId: string, userId: string) {
  return waitFor(
    async () => {
      const task = await taskOf(runId, userId);
      return task?.finishedAt === undefined ? undefined : task;
    },
    { what: `the task of ${userId} has ended` },
  );
}

const eventNames = async () =>
  (await store.collection(collections.events).find({ sort: { field: 'time', order: 'asc' } })).items.map(
    ({ doc }) => eventRecordSchema.parse(doc).name,
  );

describe('a proxy', () => {
  test('backs up the mailboxes of a run into a real repository, readable without the control data', async () => {
    const ann = await addMailbox('ann', 9);
    await addMailbox('bo', 3);
    await startProxy();
    await startRun('run-1', ['ann', 'bo']);
    expect(await ended('run-1', 'ann')).toMatchObject({
      state: 'success',
      attempts: 1,
      proxy: 'proxy-1',
      totals: { itemsNew: 9, itemsTotal: 9 },
    });
    expect(await ended('run-1', 'bo')).toMatchObject({ state: 'success' });
    const points = await store.collection(collections.restorePoints).find({});
    expect(points.items.map(({ doc }) => doc.itemsTotal).sort()).toEqual([3, 9]);
    await waitFor(async () => (await eventNames()).length === 5, { what: 'all events are there' });
    expect((await eventNames()).sort()).toEqual([
      ...['mailbox.synced', 'mailbox.synced', 'proxy.online'],
      ...['restore-point.created', 'restore-point.created'],
    ]);
    const blobs = await openBlobStore({ kind: 'memory', name: place });
    const repository = await openRepository(blobs, {
      ...{ secret: { passphrase }, cacheDir: cache.path, threads: 0, readOnly: true },
    });
    const name = points.items.find(({ doc }) => doc.itemsTotal === 9)?.doc.pointName ?? '';
    const point = await repository.readPoint(name);
    const tree = repository.tree(point.root);
    for (const held of ann.messages.values()) {
      const time = Date.parse(String(held.message.receivedDateTime));
      const entry = await tree.item(held.folderId, { key: held.message.id, time });
      const item = await repository.readItem(entry!.objectId);
      const pieces: Uint8Array[] = [];
      for await (const piece of item.mime!.open()) pieces.push(piece);
      expect(Buffer.concat(pieces).equals(Buffer.from(held.mime))).toBe(true);
    }
    const findings = [];
    for await (const finding of repository.verify({ level: 'contents' })) findings.push(finding);
    expect(findings).toEqual([]);
    await repository.close();
  });

  test('folders are stored with their classes, and Recoverable Items when the run wants them', async () => {
    const mailbox = await addMailbox('ann', 2);
    mailbox.addFolder({ id: 'feeds', name: 'Feeds', folderClass: 'IPF.Note.OutlookHomepage' });
    mailbox.addFolder({ id: 'dumpster', name: 'Recoverable Items', role: 'recoverableitemsroot' });
    mailbox.addFolder({ id: 'purges', name: 'Purges', parentId: 'dumpster' });
    mailbox.addMessage('purges');
    await startProxy();
    const foldersAfter = async (runId: string, more: Partial<Run>) => {
      await startRun(runId, ['ann'], 3, more);
      const { pointId, totals } = await ended(runId, 'ann');
      const { items } = await store.collection(collections.restorePoints).find({});
      const record = items.find(({ doc }) => doc.pointId === pointId)?.doc;
      const blobs = await openBlobStore({ kind: 'memory', name: place });
      const repository = await openRepository(blobs, {
        ...{ secret: { passphrase }, cacheDir: cache.path, threads: 0, readOnly: true },
      });
      const { root } = await repository.readPoint(record?.pointName ?? '');
      const folders = new Map((await repository.tree(root).folders()).map((one) => [one.id, one]));
      await repository.close();
      return { folders, items: totals?.itemsTotal };
    };
    const without = await foldersAfter('run-1', {});
    expect(without.folders.get('feeds')?.class).toBe('IPF.Note.OutlookHomepage');
    expect([without.folders.has('purges'), without.items]).toEqual([false, 2]);
    const whole = await foldersAfter('run-2', { includeRecoverable: true });
    expect([whole.folders.get('dumpster')?.role, whole.items]).toEqual(['recoverableitemsroot', 3]);
    expect(whole.folders.get('purges')).toMatchObject({ parentId: 'dumpster', count: 1 });
  });

  test('goes on incrementally, with gaps and their places kept in the repository', async () => {
    const mailbox = await addMailbox('ann', 4);
    const [bad] = [...mailbox.messages.keys()];
    mailbox.faults.corrupt.set(bad!, Number.POSITIVE_INFINITY);
    await startProxy();
    await startRun('run-1', ['ann']);
    expect(await ended('run-1', 'ann')).toMatchObject({ state: 'warning', gaps: [{ folderPath: '/Inbox' }] });
    // The control data is lost: the repository alone must know where to go on.
    await store.collection(collections.mailboxHeads).delete(headIdOf('repo-1', mailboxIdOf('org-1', 'ann')));
    mailbox.addMessage('inbox');
    mailbox.contentCalls.length = 0;
    await startRun('run-2', ['ann']);
    const task = await ended('run-2', 'ann');
    expect(task).toMatchObject({ state: 'warning', totals: { itemsNew: 1, itemsTotal: 4 } });
    expect(task.gaps).toMatchObject([{ itemKey: bad, folderPath: '/Inbox', subject: 'Message 1', tries: 2 }]);
    expect(mailbox.contentCalls).toHaveLength(2);
  });

  test('a mailbox that cannot be opened fails at once, with its remedy and an event; the others go on', async () => {
    const ann = await addMailbox('ann', 1);
    ann.faults.open = new HoldfastError('mailbox-locked', 'permanent-mailbox', 'The mailbox is locked.', {
      remedy: 'Unlock it.',
    });
    await addMailbox('bo', 1);
    await startProxy();
    await startRun('run-1', ['ann', 'bo']);
    const failed = await ended('run-1', 'ann');
    expect(failed).toMatchObject({
      state: 'failed',
      attempts: 1,
      error: { code: 'mailbox-locked', remedy: 'Unlock it.' },
    });
    expect(await ended('run-1', 'bo')).toMatchObject({ state: 'success' });
    expect(await eventNames()).toContain('mailbox.failed');
  });

  test('transient trouble is tried again by the broker and fails with its facts after the last attempt', async () => {
    const ann = await addMailbox('ann', 1);
    ann.faults.open = new HoldfastError('server-busy', 'transient', 'The server is busy.');
    await startProxy();
    await startRun('run-1', ['ann'], 1);
    expect(await ended('run-1', 'ann')).toMatchObject({ state: 'failed', error: { code: 'server-busy' } });
  });

  test('a wrong passphrase fails the mailbox as a matter of configuration', async () => {
    await addMailbox('ann', 1);
    const wrong = 'not these four words';
    const open = sealer.open;
    sealer.open = () => wrong;
    await startProxy();
    await startRun('run-1', ['ann']);
    expect(await ended('run-1', 'ann')).toMatchObject({
      state: 'failed',
      error: { code: 'wrong-passphrase' },
    });
    sealer.open = open;
  });

  test('a stopped run: tasks that wait end as stopped without touching the source', async () => {
    const ann = await addMailbox('ann', 2);
    await startRun('run-1', ['ann']);
    await active('run-1', { stop: true });
    await startProxy();
    expect(await ended('run-1', 'ann')).toMatchObject({ state: 'stopped' });
    expect(ann.contentCalls).toEqual([]);
  });

  test('the end of a window holds without a scheduler: no task is begun after it', async () => {
    const ann = await addMailbox('ann', 2);
    await startProxy();
    await startRun('run-1', ['ann'], 3, { stopAt: new Date(Date.now() - 1_000).toISOString() });
    expect(await ended('run-1', 'ann')).toMatchObject({ state: 'stopped' });
    expect(ann.contentCalls).toEqual([]);
  });

  test('a window that ends while a mailbox is read ends it at a checkpoint; the next run goes on from there', async () => {
    const ann = await addMailbox('ann', 60);
    let aheadMs = 0;
    const opened = exchange.reader;
    exchange.reader = async (ref, options) => {
      const reader = await opened(ref, options);
      const content = reader.content.bind(reader);
      reader.content = (item) => {
        // The window ends with the twentieth message.
        if (ann.contentCalls.length === 20) aheadMs = 2 * 3600_000;
        return content(item);
      };
      return reader;
    };
    await startProxy('proxy-1', { clock: { ...systemClock, now: () => systemClock.now() + aheadMs } });
    const stopAt = new Date(Date.now() + 3600_000).toISOString();
    await startRun('run-1', ['ann'], 3, { stopAt });
    const stopped = await ended('run-1', 'ann');
    expect(stopped).toMatchObject({ state: 'stopped' });
    const stored = stopped.totals?.itemsNew ?? 0;
    expect(stored).toBeGreaterThanOrEqual(20);
    expect(stored).toBeLessThan(60);
    expect((await store.collection(collections.runs).get('run-1'))?.doc.stopRequested).toBe(false);
    await startRun('run-2', ['ann']);
    expect(await ended('run-2', 'ann')).toMatchObject({
      state: 'success',
      totals: { itemsNew: 60 - stored, itemsTotal: 60 },
    });
  });

  test('a task that has ended, or whose run is unknown, is let go', async () => {
    await addMailbox('ann', 1);
    await startProxy();
    await startRun('run-1', ['ann']);
    await ended('run-1', 'ann');
    const points = await store.collection(collections.restorePoints).count();
    await send('run-1', 'ann', new Date().toISOString(), 'again');
    await send('run-1', 'nobody', new Date().toISOString(), 'first');
    const drained = async () => (await messaging.pendingTasks('sync', 'default', 'run-1')) === 0;
    await waitFor(drained, { what: 'both are gone' });
    expect(await store.collection(collections.restorePoints).count()).toBe(points);
  });

  test('a proxy that is stopped makes a checkpoint and gives the task back; another one goes on', async () => {
    const ann = await addMailbox('ann', 60);
    const first = await startProxy('proxy-1');
    const reader = exchange.reader;
    let slow = true;
    exchange.reader = async (ref, options) => {
      const opened = await reader(ref, options);
      const content = opened.content.bind(opened);
      opened.content = async (item) => {
        if (slow) await systemClock.sleep(5);
        return content(item);
      };
      return opened;
    };
    await startRun('run-1', ['ann']);
    await waitFor(() => ann.contentCalls.length > 20, { what: 'a good part was read' });
    await first.stop();
    running.splice(0);
    slow = false;
    const read = ann.contentCalls.length;
    expect(read).toBeLessThan(60);
    await startProxy('proxy-2');
    expect(await ended('run-1', 'ann')).toMatchObject({
      state: 'success',
      proxy: 'proxy-2',
      totals: { itemsTotal: 60 },
    });
    expect(ann.contentCalls.length).toBeLessThan(70);
  });

  test('a repeated message while a proxy is at work waits and then finds the work done', async () => {
    const ann = await addMailbox('ann', 20);
    await startProxy('proxy-1');
    await startProxy('proxy-2');
    await startRun('run-1', ['ann']);
    await send('run-1', 'ann', new Date().toISOString(), 'again');
    expect(await ended('run-1', 'ann')).toMatchObject({ state: 'success' });
    expect(ann.contentCalls).toHaveLength(20);
    expect(await store.collection(collections.restorePoints).count()).toBe(1);
  });

  test('serves a run until the control data says that it is over, even when the broker forgot its sign', async () => {
    await addMailbox('ann', 1);
    await startProxy();
    await startRun('run-1', []);
    const bucket = await messaging.keyValue(buckets.runsActive, {
      parse: (json) => activeRunSchema.parse(json),
    });
    await bucket.delete('run-1');
    const mailboxId = mailboxIdOf('org-1', 'ann');
    await store
      .collection(collections.runTasks)
      .insert(buildRunTask({ runId: 'run-1', mailboxId, mailboxAddress: 'ann@example.com' }));
    await send('run-1', 'ann', new Date().toISOString(), 'first');
    expect(await ended('run-1', 'ann')).toMatchObject({ state: 'success' });
  });

  test('says that it is there', async () => {
    await startProxy();
    const bucket = await messaging.keyValue(buckets.proxies, { ttlMs: 30_000, parse: (json) => json });
    await waitFor(async () => (await bucket.all()).get('proxy-1'), { what: 'the heartbeat' });
    expect(await store.collection(collections.proxies).count()).toBe(1);
    expect(await eventNames()).toEqual(['proxy.online']);
  });
});

describe('questions to a proxy', () => {
  const ask = <N extends Parameters<typeof askQuestion>[2]>(name: N, request: never) =>
    askQuestion(messaging, 'default', name, request, { timeoutMs: 45_000 });

  test('verifyOrganization answers the checks of the connection; an unknown organization is refused', async () => {
    await startProxy();
    const answer = await ask('verifyOrganization', { organizationId: 'org-1' } as never);
    expect(answer).toEqual({ checks: exchange.checks });
    await expect(ask('verifyOrganization', { organizationId: 'org-9' } as never)).rejects.toMatchObject({
      code: 'organization-not-found',
    });
  });

  test('refreshInventory writes what is new, leaves what is unchanged and marks what vanished', async () => {
    exchange.addMailbox({ userId: 'ann', address: 'ann@example.com' });
    exchange.addMailbox({ userId: 'bo', address: 'bo@example.com' });
    exchange.addGroup('g1', 'Sales', ['bo', 'ann']);
    await startProxy();
    const request = { organizationId: 'org-1', groupIds: ['g1'] } as never;
    expect(await ask('refreshInventory', request)).toEqual({ mailboxes: 2, gone: 0, unknownGroups: [] });
    exchange.removeMailbox('bo');
    exchange.addMailbox({ userId: 'cy', address: 'cy@example.com' });
    expect(await ask('refreshInventory', request)).toEqual({ mailboxes: 2, gone: 1, unknownGroups: [] });
    expect(await ask('refreshInventory', request)).toEqual({ mailboxes: 2, gone: 0, unknownGroups: [] });
    const mailboxes = store.collection(collections.mailboxes);
    expect(await mailboxes.get(mailboxIdOf('org-1', 'ann'))).toMatchObject({ version: 1 });
    expect(await mailboxes.get(mailboxIdOf('org-1', 'bo'))).toMatchObject({ doc: { status: 'gone' } });
    const groups = await store.collection(collections.groups).find({});
    expect(groups.items).toMatchObject([
      { version: 1, doc: { groupId: 'g1', memberUserIds: ['ann', 'bo'] } },
    ]);
    const unknown = { organizationId: 'org-1', groupIds: ['g9', 'g1'] } as never;
    expect(await ask('refreshInventory', unknown)).toMatchObject({ unknownGroups: ['g9'] });
  });

  test('an inventory keeps direct members apart, departments, and kinds when they are asked for', async () => {
    exchange.addMailbox({ userId: 'ann', address: 'ann@example.com', department: 'Sales', kind: 'unknown' });
    exchange.addMailbox({ userId: 'bo', address: 'bo@example.com' });
    exchange.addGroup('g1', 'Sales', ['bo', 'ann'], ['ann']);
    await startProxy();
    const request = { organizationId: 'org-1', groupIds: ['g1'] };
    await ask('refreshInventory', request as never);
    const mailboxes = store.collection(collections.mailboxes);
    const ann = await mailboxes.get(mailboxIdOf('org-1', 'ann'));
    expect(ann?.doc).toMatchObject({ department: 'Sales', kind: 'unknown' });
    expect(ann?.doc.kindAt).toBeUndefined();
    const groups = await store.collection(collections.groups).find({});
    expect(groups.items[0]?.doc).toMatchObject({ memberUserIds: ['ann', 'bo'], directUserIds: ['ann'] });
    await ask('refreshInventory', { ...request, kinds: true } as never);
    expect((await mailboxes.get(mailboxIdOf('org-1', 'bo')))?.doc).toMatchObject({
      kind: 'user',
      kindAt: expect.any(String),
    });
  });

  test('readGroups reads groups alone; one that is gone loses its members; findGroups looks by name', async () => {
    exchange.addMailbox({ userId: 'ann', address: 'ann@example.com' });
    exchange.addGroup('g1', 'Sales', ['ann']);
    await startProxy();
    const request = { organizationId: 'org-1', groupIds: ['g1', 'g9'] } as never;
    expect(await ask('readGroups', request)).toEqual({ unknownGroups: ['g9'] });
    const rows = store.collection(collections.groups);
    expect((await rows.find({})).items).toMatchObject([
      { doc: { status: 'active', memberUserIds: ['ann'] } },
    ]);
    expect((await store.collection(collections.mailboxes).find({})).items).toEqual([]);
    const search = { organizationId: 'org-1', search: 'sa', limit: 10 } as never;
    expect(await ask('findGroups', search)).toEqual({ groups: [{ groupId: 'g1', displayName: 'Sales' }] });
    exchange.removeGroup('g1');
    expect(await ask('readGroups', request)).toEqual({ unknownGroups: ['g1', 'g9'] });
    expect((await rows.find({})).items).toMatchObject([{ doc: { status: 'gone', memberUserIds: [] } }]);
  });

  test('a directory that cannot be read marks nobody as gone', async () => {
    exchange.addMailbox({ userId: 'ann', address: 'ann@example.com' });
    await startProxy();
    const request = { organizationId: 'org-1', groupIds: [] } as never;
    await ask('refreshInventory', request);
    exchange.directoryFault = new HoldfastError('wrong-secret', 'configuration', 'The secret is wrong.');
    await expect(ask('refreshInventory', request)).rejects.toMatchObject({ code: 'wrong-secret' });
    const stored = await store.collection(collections.mailboxes).get(mailboxIdOf('org-1', 'ann'));
    expect(stored?.doc.status).toBe('active');
  });

  test('prepareRepository creates and attaches; the errors of the engine come through', async () => {
    await startProxy();
    place = `sync-service-new-${number}`;
    const request = { backend: { kind: 'fs', path: '/srv/x' }, sealedPassphrase: 'sealed:x', mode: 'create' };
    const created = await ask('prepareRepository', request as never);
    expect(created).toMatchObject({ engineId: expect.any(String), recoveryKey: expect.any(String) });
    await expect(ask('prepareRepository', request as never)).rejects.toMatchObject({
      code: 'repository-exists',
    });
    const attached = await ask('prepareRepository', { ...request, mode: 'attach' } as never);
    expect(attached).toEqual({ engineId: (created as { engineId: string }).engineId });
    const { backend, sealedPassphrase } = request;
    expect(await ask('describeRepository', { backend, sealedPassphrase } as never)).toMatchObject({
      repositoryId: (created as { engineId: string }).engineId,
      slots: expect.arrayContaining([expect.objectContaining({ kind: 'recovery' })]),
    });
    const open = sealer.open;
    sealer.open = () => 'another passphrase';
    await expect(ask('prepareRepository', { ...request, mode: 'attach' } as never)).rejects.toMatchObject({
      code: 'wrong-passphrase',
      remedy: expect.any(String),
    });
    sealer.open = open;
  });
});
