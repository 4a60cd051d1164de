import type { Catalog } from '@holdfast/catalog';
import { memoryCatalog } from '@holdfast/catalog/testing';
import {
  collections,
  headIdOf,
  mailboxIdOf,
  makeEvent,
  type SearchInput,
  searchInputSchema,
  zeroTotals,
} from '@holdfast/contracts';
import { type MemoryExchange, type MemoryMailbox, memoryExchange } from '@holdfast/exchange/testing';
import { askQuestion, type Messaging } from '@holdfast/messaging';
import { memoryMessaging } from '@holdfast/messaging/testing';
import { openBlobStore, openRepository, parsePointName } from '@holdfast/repository';
import { createMetrics, silentLogger, systemClock } from '@holdfast/runtime';
import { modify, type Store } from '@holdfast/store';
import { memoryStore } from '@holdfast/store/testing';
import {
  buildMailbox,
  buildOrganization,
  buildRepository,
  temporaryDirectory,
  waitFor,
} from '@holdfast/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { inlineIndexer } from './adapters/catalogIndexer.ts';
import { createPointHub } from './adapters/pointHub.ts';
import { createCatalogMetrics } from './catalog/catalogMetrics.ts';
import { createRestoreMetrics } from './metrics.ts';
import { type RestoreService, startRestore } from './service.ts';
import { backUpToEngine, createEngineRepository, passphrase } from './testing/enginePoint.ts';

const ann = mailboxIdOf('org-1', 'u1');
let number = 0;
let messaging: Messaging;
let store: Store;
let exchange: MemoryExchange;
let mailbox: MemoryMailbox;
let catalog: Catalog;
let place: string;
let cache: Awaited<ReturnType<typeof temporaryDirectory>>;
const running: RestoreService[] = [];

beforeEach(async () => {
  messaging = memoryMessaging();
  store = memoryStore();
  exchange = memoryExchange();
  catalog = memoryCatalog();
  mailbox = exchange.addMailbox({ userId: 'u1', address: 'u1@example.com' });
  place = `catalog-service-${++number}`;
  cache = await temporaryDirectory();
  mailbox.addMessage('inbox', { subject: 'Quarterly figures' });
  mailbox.addMessage('inbox', { subject: 'Lunch on Friday' });
  mailbox.addMessage('sentitems', {
    subject: 'With files',
    attachments: [{ name: 'Invoice 2026.pdf', data: Buffer.from('small') }],
  });
  await createEngineRepository(place);
  await store.collection(collections.organizations).insert(buildOrganization());
  await store.collection(collections.repositories).insert(buildRepository());
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((service) => service.stop()));
  await messaging.close();
  await store.close();
  await cache.remove();
});

async function startWorker(): Promise<void> {
  const connection = { spec: { kind: 'memory' as const, name: place }, passphrase };
  running.push(
    await startRestore({
      ...{
        messaging,
        store,
        clock: systemClock,
        logger: silentLogger,
        instance: 'restore-1',
        pool: 'default',
      },
      ...{ slots: 1, sessionsAtOnce: 8, attempts: 2, reconcileMs: 50, openConnector: () => exchange },
      points: createPointHub({
        ...{ sealer: { open: () => passphrase }, clock: systemClock, logger: silentLogger, idleMs: 60_000 },
        open: { cacheDir: cache.path },
        specOf: () => connection.spec,
      }),
      metrics: createRestoreMetrics(createMetrics('restore')),
      work: {
        ...{ itemsAtOnce: 4, mailboxesAtOnce: 2, saveEveryMs: 50 },
        budget: { requests: 9850, uploadBytes: 147_750_000, concurrency: 4 },
      },
      catalog: {
        catalog,
        indexer: inlineIndexer(catalog, cache.path, { now: () => Date.now() }),
        close: async () => undefined,
        connection: () => connection,
        numbers: createCatalogMetrics(createMetrics('restore')),
        pollMs: 50,
        reconcileMs: 100,
      },
    }),
  );
}

interface BackedUp {
  pointName: string;
  pointId: string;
}

/** Backs up, and writes what a proxy writes; the event only when it is to be heard. */
async function backUp(pointId: string, tell: 'event' | 'head' = 'event'): Promise<BackedUp> {
  const point = await backUpToEngine(place, cache.path, exchange, mailbox, pointId);
  const time = new Date(parsePointName(point.pointName)!.time).toISOString();
  const ids = {
    repositoryId: 'repo-1',
    organizationId: 'org-1',
    mailboxId: ann,
    jobId: 'job-1',
    runId: 'run-1',
  };
  await store.collection(collections.restorePoints).insert({
    ...ids,
    ...point,
    id: `repo-1.${pointId}`,
    mailboxAddress: 'u1@example.com',
    ...{ kind: 'full', time, committedAt: time, itemsTotal: 3, folders: 2, gapsOpen: 0, totals: zeroTotals },
  });
  if (tell === 'event') {
    const data = { ...ids, ...point, time, itemsTotal: 3, gapsOpen: 0 };
    await messaging.publishEvent(
      makeEvent('restore-point.created', { source: 'sync', subject: pointId, key: pointId, time, data }),
    );
  } else {
    const id = headIdOf('repo-1', ann);
    const { repositoryId, organizationId, mailboxId } = ids;
    await store.collection(collections.mailboxHeads).insert({
      ...{ id, repositoryId, organizationId, mailboxId, mailboxAddress: 'u1@example.com', epoch: 1 },
      ...{ ...point, pointTime: time },
    });
  }
  return point;
}

async function expire(point: BackedUp): Promise<void> {
  const repository = await openRepository(await openBlobStore({ kind: 'memory', name: place }), {
    ...{ secret: { passphrase }, cacheDir: cache.path, threads: 0 },
  });
  await repository.removePoint(point.pointName);
  await repository.close();
  await store.collection(collections.restorePoints).delete(`repo-1.${point.pointId}`);
  const data = { ...point, repositoryId: 'repo-1', organizationId: 'org-1', mailboxId: ann, jobId: 'job-1' };
  await messaging.publishEvent(
    makeEvent('restore-point.expired', {
      ...{ source: 'retention', subject: point.pointId, key: point.pointId, time: new Date().toISOString() },
      data: { ...data, reason: 'test' },
    }),
  );
}

const ask = (input: Partial<SearchInput>) =>
  askQuestion(
    messaging,
    'default',
    'searchCatalog',
    searchInputSchema.parse({ organizationIds: ['org-1'], ...input }),
    {
      timeoutMs: 10_000,
    },
  );

const indexed = (points: number) =>
  waitFor(
    async () => {
      const { items } = await catalog.status({}, undefined, 10);
      return items[0]?.indexedPoints === points && items[0].behind.points === 0;
    },
    { what: `${points} points in the catalog` },
  );

const p = (n: number): string => String(n).repeat(24);

describe('the catalog of a restore worker', () => {
  test('finds by a part of a word of the body, tells where to open it, and previews it', async () => {
    await startWorker();
    await backUp(p(1));
    await indexed(1);
    const { items, behind } = await ask({ query: '*nvoic*' });
    expect(behind).toEqual({ points: 0 });
    expect(items.map(({ subject, attachments, status }) => [subject, attachments, status])).toEqual([
      ['With files', ['Invoice 2026.pdf'], 'present'],
    ]);
    const [hit] = items;
    const { repositoryId, folderId, itemKey, validTo } = hit!;
    const item = { repositoryId, pointName: validTo.pointName, folderId, itemKey };
    const preview = await askQuestion(messaging, 'default', 'previewItem', item, { timeoutMs: 10_000 });
    expect(preview).toMatchObject({ subject: 'With files', attachments: [{ name: 'Invoice 2026.pdf' }] });
    const content = { kind: 'attachment' as const, path: preview.attachments[0]!.path };
    const question = { ...item, content, offset: 0 };
    const slice = await askQuestion(messaging, 'default', 'itemContent', question, { timeoutMs: 10_000 });
    expect([Buffer.from(slice.data, 'base64').toString(), slice.end]).toEqual(['small', true]);
  });

  test('keeps what was deleted at the source, marked, and answers as of each point', async () => {
    await startWorker();
    const first = await backUp(p(1));
    await indexed(1);
    const lunch = [...mailbox.messages.values()].find(
      ({ message }) => message.subject === 'Lunch on Friday',
    )!;
    mailbox.messages.delete(lunch.message.id);
    mailbox.addMessage('inbox', { subject: 'Supper' });
    await backUp(p(2));
    await indexed(2);
    const found = async (input: Partial<SearchInput>) =>
      (await ask(input)).items.map(({ subject, status }) => `${subject} ${status}`);
    expect(await found({ query: 'lunch' })).toEqual(['Lunch on Friday deleted']);
    expect(await found({ query: 'lunch', asOf: 'latest' })).toEqual([]);
    expect(await found({ query: 'lunch', asOf: `repo-1.${first.pointId}` })).toEqual([
      'Lunch on Friday deleted',
    ]);
    expect(await found({ query: 'supper', asOf: first.pointId })).toEqual([]);
    expect(await found({ query: 'supper' })).toEqual(['Supper present']);
    await expire(first);
    await indexed(1);
    expect(await found({ query: 'lunch' })).toEqual([]);
  });

  test('what no event told is found by comparing with the control data', async () => {
    await backUp(p(1), 'head');
    await startWorker();
    await indexed(1);
    expect((await ask({ query: 'quarterly' })).items).toHaveLength(1);
  });

  test('a rebuild gives the same answers', async () => {
    await startWorker();
    await backUp(p(1));
    mailbox.addMessage('inbox', { subject: 'Supper' });
    await backUp(p(2));
    await indexed(2);
    const before = await ask({});
    const rebuilt = await askQuestion(
      messaging,
      'default',
      'rebuildCatalog',
      { repositoryId: 'repo-1' },
      { timeoutMs: 10_000 },
    );
    expect(rebuilt).toEqual({ mailboxes: 1 });
    await waitFor(async () => (await catalog.waiting(1)).length === 0, { what: 'the rebuild' });
    expect(await ask({})).toEqual(before);
  });

  test('an organization that switched it off is not searched, and is again when it is on', async () => {
    await startWorker();
    await backUp(p(1), 'head');
    await indexed(1);
    const organizations = store.collection(collections.organizations);
    await modify(organizations, 'org-1', (doc) => ({ ...doc, catalog: false }));
    await waitFor(async () => (await ask({})).items.length === 0, { what: 'the organization is forgotten' });
    await modify(organizations, 'org-1', (doc) => ({ ...doc, catalog: true }));
    await indexed(1);
    expect((await ask({})).items).toHaveLength(3);
  });

  test('a repository tells its mailboxes and their timeline without any control data', async () => {
    await startWorker();
    await backUp(p(1), 'head');
    await store.collection(collections.organizations).delete('org-1');
    const options = { timeoutMs: 10_000 };
    const request = { repositoryId: 'repo-1', limit: 10 };
    const mailboxes = await askQuestion(messaging, 'default', 'repositoryMailboxes', request, options);
    expect(mailboxes.items).toMatchObject([
      { address: 'u1@example.com', mailboxId: ann, points: 1, checkpoints: 0 },
    ]);
    const { mailboxKey } = mailboxes.items[0]!;
    const points = await askQuestion(
      messaging,
      'default',
      'repositoryPoints',
      { ...request, mailboxKey },
      options,
    );
    expect(points.items).toMatchObject([{ id: `repo-1.${p(1)}`, completeness: 'gaps', gaps: 1, items: 3 }]);
    const one = await askQuestion(
      messaging,
      'default',
      'findPoint',
      { repositoryId: 'repo-1', pointId: p(1) },
      options,
    );
    expect(one.point).toEqual(points.items[0]);
  });

  test('compares restore points, and a point with the live mailbox, page by page', async () => {
    await startWorker();
    const first = await backUp(p(1), 'head');
    const [figures, lunch] = [...mailbox.messages.values()];
    mailbox.messages.delete(lunch!.message.id);
    const added = mailbox.addMessage('inbox', { subject: 'Supper' });
    const second = await backUpToEngine(place, cache.path, exchange, mailbox, p(2));
    const request = { repositoryId: 'repo-1', pointName: first.pointName, limit: 1 };
    const options = { timeoutMs: 10_000 };
    const withPoint = { ...request, with: { kind: 'point' as const, pointName: second.pointName } };
    const one = await askQuestion(messaging, 'default', 'comparePoint', withPoint, options);
    expect(one).toMatchObject({
      totals: { new: 1, deleted: 1, moved: 0, changed: 0 },
      cut: false,
      next: '1',
    });
    const two = await askQuestion(
      messaging,
      'default',
      'comparePoint',
      { ...withPoint, after: one.next! },
      options,
    );
    expect(
      [...one.items, ...two.items].map(({ change, subject }) => `${change} ${subject}`).toSorted(),
    ).toEqual(['deleted Lunch on Friday', 'new Supper']);
    await store
      .collection(collections.mailboxes)
      .insert(buildMailbox({ userId: 'u1', address: 'u1@example.com' }));
    figures!.message.isRead = figures!.message.isRead !== true;
    mailbox.messages.delete(added);
    const live = { kind: 'live' as const, organizationId: 'org-1', mailboxId: ann };
    const now = await askQuestion(
      messaging,
      'default',
      'comparePoint',
      { ...request, limit: 10, with: live },
      options,
    );
    expect(now.items.map(({ change, subject, what }) => [change, subject, what]).toSorted()).toEqual([
      ['changed', 'Quarterly figures', ['state']],
      ['deleted', 'Lunch on Friday', []],
    ]);
  });

  test('Recoverable Items of the live mailbox are compared when the restore point has them', async () => {
    await startWorker();
    mailbox.addFolder({ id: 'dumpster', name: 'Recoverable Items', role: 'recoverableitemsroot' });
    mailbox.addFolder({ id: 'purges', name: 'Purges', parentId: 'dumpster' });
    const [figures, lunch] = [...mailbox.messages.values()];
    mailbox.moveMessage(figures!.message.id, 'purges');
    const backUpAs = (pointId: string, recoverable: boolean) =>
      backUpToEngine(place, cache.path, exchange, mailbox, pointId, { recoverable });
    const points = [await backUpAs(p(1), true), await backUpAs(p(2), false)];
    await store
      .collection(collections.mailboxes)
      .insert(buildMailbox({ userId: 'u1', address: 'u1@example.com' }));
    mailbox.moveMessage(lunch!.message.id, 'purges');
    const live = { kind: 'live' as const, organizationId: 'org-1', mailboxId: ann };
    const changes = points.map(async ({ pointName }) => {
      const request = { repositoryId: 'repo-1', pointName, limit: 10, with: live };
      const { items } = await askQuestion(messaging, 'default', 'comparePoint', request, {
        timeoutMs: 10_000,
      });
      return items.map(({ change, folderPath, subject }) => `${change} ${folderPath} ${subject}`);
    });
    expect(await Promise.all(changes)).toEqual([
      ['moved /Recoverable Items/Purges Lunch on Friday'],
      ['deleted /Inbox Lunch on Friday'],
    ]);
  });

  test('a wrong piece of a search is named', async () => {
    await startWorker();
    await expect(ask({ query: 'after:yesterday' })).rejects.toMatchObject({
      message: expect.stringContaining('after:yesterday: is no date'),
    });
  });
});
