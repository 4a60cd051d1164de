import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { collections, mailboxIdOf, type RestoreSession, restoreInputSchema } from '@holdfast/contracts';
import { type MemoryExchange, type MemoryMailbox, memoryExchange } from '@holdfast/exchange/testing';
import { askQuestion, type Messaging } from '@holdfast/messaging';
import { type MemoryBroker, memoryBroker, memoryMessaging } from '@holdfast/messaging/testing';
import { createMetrics, silentLogger, systemClock } from '@holdfast/runtime';
import { modify, type Store } from '@holdfast/store';
import { memoryStore } from '@holdfast/store/testing';
import {
  buildMailbox,
  buildOrganization,
  buildRepository,
  buildRestorePart,
  buildRestoreSession,
  temporaryDirectory,
  waitFor,
} from '@holdfast/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openExportFolder } from './adapters/exportFolder.ts';
import { createPointHub } from './adapters/pointHub.ts';
import { expireExports } from './expireExports.ts';
import { createRestoreMetrics } from './metrics.ts';
import { type RestoreService, startRestore } from './service.ts';
import { backUpToEngine, createEngineRepository, passphrase } from './testing/enginePoint.ts';

const ann = mailboxIdOf('org-1', 'u1');
const hour = 3_600_000;
let number = 0;
let broker: MemoryBroker;
let messaging: Messaging;
let store: Store;
let exchange: MemoryExchange;
let mailbox: MemoryMailbox;
let place: string;
let point: { pointName: string; pointId: string };
let files: Awaited<ReturnType<typeof temporaryDirectory>>;
const running: RestoreService[] = [];
const brokers: Messaging[] = [];

beforeEach(async () => {
  broker = memoryBroker();
  messaging = memoryMessaging({ broker });
  store = memoryStore();
  exchange = memoryExchange();
  mailbox = exchange.addMailbox({ userId: 'u1', address: 'u1@example.com' });
  place = `export-service-${++number}`;
  files = await temporaryDirectory();
  for (let n = 0; n < 5; n++) mailbox.addMessage('inbox', { subject: `M${n}` });
  mailbox.addMessage('sentitems', { subject: 'Sent' });
  await createEngineRepository(place);
  point = await backUpToEngine(place, files.path, exchange, mailbox, '00112233445566778899aabb');
  await store.collection(collections.organizations).insert(buildOrganization());
  await store.collection(collections.repositories).insert(buildRepository());
  await store
    .collection(collections.mailboxes)
    .insert(buildMailbox({ userId: 'u1', address: 'u1@example.com' }));
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((service) => service.stop()));
  await Promise.all(brokers.splice(0).map((one) => one.close()));
  await messaging.close();
  await store.close();
  await files.remove();
});

const exportDir = () => join(files.path, 'exports');

async function startWorker({ withFolder = true } = {}): Promise<void> {
  const own = memoryMessaging({ broker });
  brokers.push(own);
  const service = await startRestore({
    messaging: own,
    ...{ store, clock: systemClock, logger: silentLogger, instance: 'restore-1', pool: 'default', slots: 2 },
    openConnector: () => exchange,
    points: createPointHub({
      ...{ sealer: { open: () => passphrase }, clock: systemClock, logger: silentLogger, idleMs: 60_000 },
      open: { cacheDir: files.path },
      specOf: () => ({ kind: 'memory', name: place }),
    }),
    metrics: createRestoreMetrics(createMetrics('restore')),
    ...{ sessionsAtOnce: 8, attempts: 2, reconcileMs: 50 },
    work: {
      ...{ itemsAtOnce: 3, mailboxesAtOnce: 2, saveEveryMs: 20 },
      budget: { requests: 9850, uploadBytes: 147_750_000, concurrency: 4 },
    },
    ...(withFolder ? { exports: { folder: openExportFolder(exportDir()), keepMs: 24 * hour } } : {}),
  });
  running.push(service);
}

async function request(
  id: string,
  more: { options?: object; selection?: object; parts?: object[]; session?: Partial<RestoreSession> } = {},
): Promise<void> {
  const { options = {}, selection = { kind: 'mailbox' }, parts = [{}] } = more;
  const facts = { mailboxId: ann, mailboxAddress: 'u1@example.com', ...point };
  for (const [part, given] of parts.entries()) {
    await store
      .collection(collections.restoreParts)
      .insert(buildRestorePart({ sessionId: id, part, ...facts, ...given }));
  }
  await store.collection(collections.restoreSessions).insert({
    ...buildRestoreSession({
      ...{ id, ...facts, targetAddress: 'u1@example.com', requestedAt: new Date().toISOString() },
      input: restoreInputSchema.parse({ repositoryId: 'repo-1', mailboxId: ann, selection }),
      parts: parts.length,
    }),
    kind: 'export',
    exportOptions: { format: 'eml', splitBytes: 2 ** 30, withProperties: false, ...options },
    ...more.session,
  });
  await messaging.publishTask('restore', 'default', id, { sessionId: id }, `${id}.first`);
}

const ended = (id: string) =>
  waitFor(
    async () => {
      const session = (await store.collection(collections.restoreSessions).get(id))?.doc;
      return session?.finishedAt === undefined ? undefined : session;
    },
    { what: `session ${id} has ended`, timeoutMs: 30_000 },
  );

const patience = { timeoutMs: 20_000 };
const list = async (sessionId: string) =>
  (await askQuestion(messaging, 'default', 'exportFiles', { sessionId }, patience)).files;
const slice = (sessionId: string, name: string) =>
  askQuestion(messaging, 'default', 'exportSlice', { sessionId, name, offset: 0 }, patience);

async function download(sessionId: string, name: string): Promise<Buffer> {
  return Buffer.from((await slice(sessionId, name)).data, 'base64');
}

describe('an export', () => {
  test('writes the mailbox as files that can be read, writes to no mailbox, and needs none', async () => {
    const before = mailbox.messages.size;
    const mailboxes = store.collection(collections.mailboxes);
    await modify(mailboxes, ann, (doc) => ({ ...doc, status: 'gone' as const }));
    await startWorker();
    await request('export-a');
    expect(await ended('export-a')).toMatchObject({
      state: 'success',
      progress: { itemsTotal: 6, itemsDone: 6, failed: 0, created: 0 },
      exported: { items: 6, failed: 0, worker: 'restore-1', folder: join(exportDir(), 'export-a') },
    });
    const names = (await list('export-a')).map(({ name }) => name);
    expect(names.filter((name) => name.endsWith('.eml'))).toHaveLength(6);
    const manifest = (await download('export-a', 'manifest-0001.jsonl')).toString().trimEnd().split('\n');
    for (const line of manifest.slice(0, -1).map((text) => JSON.parse(text))) {
      const bytes = await download('export-a', line.path);
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(line.sha256);
    }
    expect(mailbox.messages.size).toBe(before);
  });

  test('of folders or items has these alone; an item that is not there is a failed line', async () => {
    await startWorker();
    await request('export-a', { selection: { kind: 'folders', folders: ['/Sent Items'] } });
    expect(await ended('export-a')).toMatchObject({ state: 'success', exported: { items: 1 } });
    const items = [{ folderId: 'inbox', itemKey: 'no such item' }];
    await request('export-b', { selection: { kind: 'items', items }, options: { format: 'zip' } });
    expect(await ended('export-b')).toMatchObject({ state: 'warning', exported: { items: 0, failed: 1 } });
  });

  test('of several mailboxes has a folder for each', async () => {
    await startWorker();
    await request('export-a', { parts: [{}, { mailboxAddress: 'u1-again@example.com' }] });
    expect(await ended('export-a')).toMatchObject({ state: 'success', exported: { items: 12 } });
    const tops = new Set((await list('export-a')).map(({ name }) => name.split('/')[0]));
    expect([...tops]).toEqual(['0001 u1@example.com', '0002 u1-again@example.com']);
  });

  test('goes on behind what an earlier worker has finished', async () => {
    await startWorker();
    await request('export-a', { options: { format: 'zip' } });
    const first = await ended('export-a');
    // As if the worker had died before it could say so.
    await modify(store.collection(collections.restoreSessions), 'export-a', ({ finishedAt: _, ...doc }) => ({
      ...doc,
      state: 'running' as const,
    }));
    await messaging.publishTask(
      'restore',
      'default',
      'export-a',
      { sessionId: 'export-a' },
      'export-a.again',
    );
    const second = await ended('export-a');
    expect(second.exported).toMatchObject({ items: 6, volumes: first.exported?.volumes });
  });

  test('without a folder for it is refused with the setting', async () => {
    await startWorker({ withFolder: false });
    await request('export-a');
    expect(await ended('export-a')).toMatchObject({
      state: 'failed',
      error: { code: 'exports-not-set-up', remedy: expect.stringContaining('HOLDFAST_EXPORT_DIR') },
    });
  });

  test('that is cancelled leaves what is whole', async () => {
    await startWorker();
    await request('export-a', { session: { cancelRequested: true } });
    expect(await ended('export-a')).toMatchObject({ state: 'cancelled' });
  });

  test.each(['../outside', '/etc/passwd', 'nowhere.zip', '.'])(
    'shows nothing outside of it: %s',
    async (name) => {
      await startWorker();
      await request('export-a');
      await ended('export-a');
      await expect(slice('export-a', name)).rejects.toMatchObject({ code: 'export-file-not-found' });
    },
  );

  test('is removed when it expires; what is not ours stays', async () => {
    await startWorker();
    await request('export-a');
    await ended('export-a');
    await mkdir(join(exportDir(), 'somebody-elses'), { recursive: true });
    const sessions = store.collection(collections.restoreSessions);
    const folder = openExportFolder(exportDir());
    const clock = (aheadMs: number) => ({ ...systemClock, now: () => Date.now() + aheadMs });
    await expireExports({ folder, sessions, clock: clock(23 * hour), logger: silentLogger });
    expect(existsSync(join(exportDir(), 'export-a'))).toBe(true);
    await expireExports({ folder, sessions, clock: clock(25 * hour), logger: silentLogger });
    expect(existsSync(join(exportDir(), 'export-a'))).toBe(false);
    expect(existsSync(join(exportDir(), 'somebody-elses'))).toBe(true);
    await expect(list('export-a')).rejects.toMatchObject({ code: 'export-file-not-found' });
  });
});
