import {
  collections,
  eventRecordSchema,
  HoldfastError,
  mailboxIdOf,
  type PlanLine,
  type RestoreInput,
  type RestorePart,
  type RestoreSession,
  restoreInputSchema,
} from '@holdfast/contracts';
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
import { createPointHub } from './adapters/pointHub.ts';
import { createRestoreMetrics } from './metrics.ts';
import { type RestoreService, startRestore } from './service.ts';
import { backUpToEngine, createEngineRepository, passphrase } from './testing/enginePoint.ts';
import { RestoreWorld } from './testing/world.ts';

const ann = mailboxIdOf('org-1', 'u1');

const work = {
  ...{ itemsAtOnce: 3, mailboxesAtOnce: 2, saveEveryMs: 20 },
  budget: { requests: 9850, uploadBytes: 147_750_000, concurrency: 4 },
};

/** Connectors of other organizations than the first. */
const connectors = new Map<string, MemoryExchange>();

let number = 0;
let broker: MemoryBroker;
let messaging: Messaging;
let store: Store;
let exchange: MemoryExchange;
let mailbox: MemoryMailbox;
let place: string;
let point: { pointName: string; pointId: string };
let cache: Awaited<ReturnType<typeof temporaryDirectory>>;
const running: RestoreService[] = [];
const brokers: Messaging[] = [];

beforeEach(async () => {
  broker = memoryBroker();
  messaging = memoryMessaging({ broker });
  store = memoryStore();
  exchange = memoryExchange();
  mailbox = exchange.addMailbox({ userId: 'u1', address: 'u1@example.com' });
  exchange.addMailbox({ userId: 'u2', address: 'u2@example.com' });
  place = `restore-service-${++number}`;
  cache = await temporaryDirectory();
  for (let n = 0; n < 5; n++) mailbox.addMessage('inbox', { subject: `M${n}` });
  mailbox.addMessage('sentitems', {
    subject: 'With files',
    attachments: [
      { name: 'small.txt', data: Buffer.from('small') },
      { name: 'large.bin', data: Buffer.alloc(40_000, 'abcdefg') },
      { name: 'beside.bin', data: Buffer.alloc(9000, 3), extra: true },
    ],
  });
  await createEngineRepository(place);
  point = await backUpToEngine(place, cache.path, exchange, mailbox, '00112233445566778899aabb');
  await store.collection(collections.organizations).insert(buildOrganization());
  await store.collection(collections.repositories).insert(buildRepository());
  const mailboxes = store.collection(collections.mailboxes);
  for (const userId of ['u1', 'u2']) {
    await mailboxes.insert(buildMailbox({ userId, address: `${userId}@example.com` }));
  }
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((service) => service.stop()));
  await Promise.all(brokers.splice(0).map((one) => one.close()));
  await messaging.close();
  await store.close();
  connectors.clear();
  await cache.remove();
});

async function startWorker(instance = 'restore-1'): Promise<RestoreService> {
  const own = memoryMessaging({ broker });
  brokers.push(own);
  const service = await startRestore({
    messaging: own,
    ...{ store, clock: systemClock, logger: silentLogger, instance, pool: 'default', slots: 2 },
    openConnector: ({ id }) => connectors.get(id) ?? exchange,
    points: createPointHub({
      ...{ sealer: { open: () => passphrase }, clock: systemClock, logger: silentLogger, idleMs: 60_000 },
      open: { cacheDir: cache.path },
      specOf: () => ({ kind: 'memory', name: place }),
    }),
    metrics: createRestoreMetrics(createMetrics('restore')),
    ...{ sessionsAtOnce: 8, attempts: 2, reconcileMs: 50, work },
  });
  running.push(service);
  return service;
}

const stateOf = async (id: string) => (await store.collection(collections.restoreSessions).get(id))?.doc;

/** A session as the API asks for it; without a task when the broker lost it. */
async function request(
  id: string,
  input: Partial<RestoreInput> = {},
  { withTask = true, parts = [{}] }: { withTask?: boolean; parts?: Partial<RestorePart>[] } = {},
): Promise<void> {
  const full = restoreInputSchema.parse({ repositoryId: 'repo-1', mailboxId: ann, ...input });
  const session = buildRestoreSession({
    ...{ id, ...point, mailboxId: ann, mailboxAddress: 'u1@example.com', targetAddress: 'u1@example.com' },
    requestedAt: new Date(withTask ? Date.now() : Date.now() - 60_000).toISOString(),
    input: full,
    parts: parts.length,
  });
  const { mailboxAddress, folderPath = '' } = full.target;
  for (const [part, given] of parts.entries()) {
    await store.collection(collections.restoreParts).insert(
      buildRestorePart({
        ...{ sessionId: id, part, mailboxId: ann, mailboxAddress: 'u1@example.com', ...point },
        targetFolder: folderPath.split('/').filter((name) => name !== ''),
        ...(mailboxAddress === undefined ? {} : { targetMailboxAddress: mailboxAddress }),
        ...given,
      }),
    );
  }
  await store.collection(collections.restoreSessions).insert(session);
  if (withTask) await offer(id, 'first');
}

const offer = (id: string, key: string) =>
  messaging.publishTask('restore', 'default', id, { sessionId: id }, `${id}.${key}`);

const ended = (id: string) =>
  waitFor(
    async () => {
      const session = (await store.collection(collections.restoreSessions).get(id))?.doc;
      return session?.finishedAt === undefined ? undefined : session;
    },
    { what: `session ${id} has ended` },
  );

const completedEvents = async () =>
  (await store.collection(collections.events).find({})).items
    .map(({ doc }) => eventRecordSchema.parse(doc))
    .filter(({ name }) => name === 'restore.completed');

describe('a restore worker', () => {
  test('puts a mailbox back from the repository alone, attachments of all kinds included', async () => {
    const before = RestoreWorld.shown(mailbox);
    mailbox.messages.clear();
    await startWorker();
    await request('restore-a');
    expect(await ended('restore-a')).toMatchObject({
      state: 'success',
      progress: { itemsTotal: 6, itemsDone: 6, created: 6, different: 0 },
    });
    expect(RestoreWorld.shown(mailbox)).toEqual(before);
    const lines = await store
      .collection(collections.restoreLedger)
      .find({ where: { sessionId: 'restore-a' } });
    expect(lines.items.every(({ doc }) => doc.readBack === 'equal')).toBe(true);
    await waitFor(async () => (await completedEvents()).length === 1, { what: 'the event' });
  });

  test('another mailbox of the organization is found by its address', async () => {
    await startWorker();
    await request('restore-a', { target: { mailboxAddress: 'U2@example.com', folderPath: '/From Ann' } });
    expect(await ended('restore-a')).toMatchObject({ state: 'success', progress: { created: 6 } });
    expect(exchange.mailbox('u2').messages.size).toBe(6);
  });

  test('a mailbox that is gone is refused with the choices that remain', async () => {
    const mailboxes = store.collection(collections.mailboxes);
    const { doc, version } = (await mailboxes.get(ann))!;
    await mailboxes.replace({ ...doc, status: 'gone' }, version);
    await startWorker();
    await request('restore-a');
    expect(await ended('restore-a')).toMatchObject({
      state: 'failed',
      error: { code: 'mailbox-gone', remedy: expect.stringContaining('another mailbox') },
    });
    await request('restore-b', { target: { mailboxAddress: 'nobody@example.com' } });
    expect(await ended('restore-b')).toMatchObject({ error: { code: 'target-not-found' } });
  });

  test('a session whose task the broker lost is found in the store', async () => {
    await startWorker();
    await request('restore-a', {}, { withTask: false });
    expect(await ended('restore-a')).toMatchObject({ state: 'success' });
  });

  test('a session that was cancelled ends as cancelled and keeps its ledger', async () => {
    mailbox.messages.clear();
    await request('restore-a');
    const sessions = store.collection(collections.restoreSessions);
    const { doc, version } = (await sessions.get('restore-a'))!;
    await sessions.replace({ ...doc, cancelRequested: true }, version);
    await startWorker();
    expect(await ended('restore-a')).toMatchObject({ state: 'cancelled' });
    expect(mailbox.messages.size).toBe(0);
  });

  test('transient trouble is tried again; after the last attempt the session failed with its facts', async () => {
    mailbox.faults.open = new HoldfastError('server-busy', 'transient', 'The server is busy.');
    await startWorker();
    await request('restore-a');
    expect(await ended('restore-a')).toMatchObject({ state: 'failed', error: { code: 'server-busy' } });
    const [event] = await completedEvents();
    expect(event?.event.data).toMatchObject({ outcome: 'failed', error: { code: 'server-busy' } });
  });

  test('a worker that is stopped gives the session back; another one ends it without doubles', async () => {
    mailbox.messages.clear();
    for (let n = 0; n < 40; n++) mailbox.addMessage('inbox', { subject: `N${n}` });
    point = await backUpToEngine(place, cache.path, exchange, mailbox, '00112233445566778899aabc');
    mailbox.messages.clear();
    const open = exchange.writer;
    exchange.writer = async (ref, options) => {
      const writer = await open(ref, options);
      const create = writer.create.bind(writer);
      writer.create = async (...args) => {
        await systemClock.sleep(10);
        return create(...args);
      };
      return writer;
    };
    const first = await startWorker('restore-1');
    await request('restore-a');
    await waitFor(() => mailbox.messages.size > 5, { what: 'a part was put back' });
    await first.stop();
    running.splice(0);
    expect(mailbox.messages.size).toBeLessThan(40);
    exchange.writer = open;
    await startWorker('restore-2');
    expect(await ended('restore-a')).toMatchObject({ state: 'success', progress: { created: 40 } });
    expect(mailbox.messages.size).toBe(40);
  });

  test('a session that has ended is let go, and its event is there', async () => {
    await startWorker();
    await request('restore-a');
    await ended('restore-a');
    await messaging.publishTask('restore', 'default', 'restore-a', { sessionId: 'restore-a' }, 'again');
    const drained = async () => (await messaging.pendingTasks('restore', 'default', 'restore-a')) === 0;
    await waitFor(drained, { what: 'the repeat is gone' });
    expect(await completedEvents()).toHaveLength(1);
  });
});

describe('the plan of a session', () => {
  const sessions = () => store.collection(collections.restoreSessions);
  const reaches = (id: string, state: string) =>
    waitFor(
      async () => {
        const session = await stateOf(id);
        return session?.state === state ? session : undefined;
      },
      { what: `session ${id} is ${state}` },
    );
  const change = async (id: string, with_: Partial<RestoreSession>) => {
    await modify(sessions(), id, (doc) => ({ ...doc, ...with_ }));
    await offer(id, `change-${Object.keys(with_).join('-')}`);
  };
  const planLines = async (id: string): Promise<PlanLine[]> => {
    const { items } = await store.collection(collections.restorePlan).find({ where: { sessionId: id } });
    return items.flatMap(({ doc }) => doc.lines);
  };
  const names = async () =>
    (await store.collection(collections.events).find({ limit: 1000 })).items.map(({ doc }) => doc.name);

  test('says of each item what would be done, and writes nothing until it is approved', async () => {
    const [first] = mailbox.inFolder('inbox');
    mailbox.removeMessage(first!.message.id);
    const before = RestoreWorld.shown(mailbox);
    await startWorker();
    await request('restore-a', { approve: false });
    const session = await reaches('restore-a', 'planned');
    expect(session.plan).toMatchObject({
      items: 6,
      create: 1,
      skip: 5,
      cannot: 1,
      approvalReasons: ['asked-for'],
    });
    expect(session.progress.itemsTotal).toBe(6);
    const lines = await planLines('restore-a');
    expect(lines.filter(({ action }) => action === 'create').map(({ itemKey }) => itemKey)).toEqual([
      first!.message.id,
    ]);
    expect(lines.find(({ action }) => action === 'cannot')).toMatchObject({
      itemKey: 'lost',
      reason: expect.stringContaining('It is damaged'),
    });
    await offer('restore-a', 'again');
    await waitFor(async () => (await messaging.pendingTasks('restore', 'default', 'restore-a')) === 0, {
      what: 'a task of a session that waits is let go',
    });
    expect(RestoreWorld.shown(mailbox)).toEqual(before);
    await change('restore-a', { state: 'approved' });
    expect(await ended('restore-a')).toMatchObject({
      state: 'success',
      progress: { created: 1, skipped: 5, deviated: 0 },
    });
    expect((await names()).filter((name) => name === 'restore.planned')).toHaveLength(1);
  });

  test('overwriting waits for the digest of its plan; the same plan confirmed beforehand goes on', async () => {
    const [first] = mailbox.inFolder('inbox');
    mailbox.changeMessage(first!.message.id, { body: { contentType: 'text', content: 'changed' } });
    await startWorker();
    await request('restore-a', { onConflict: 'overwrite' });
    const planned = await reaches('restore-a', 'planned');
    expect(planned.plan).toMatchObject({ overwrite: 1, skip: 5, approvalReasons: ['overwrites'] });
    await request('restore-b', { onConflict: 'overwrite', confirm: 'another plan' });
    expect((await reaches('restore-b', 'planned')).plan?.digest).toBe(planned.plan?.digest);
    await request('restore-c', { onConflict: 'overwrite', confirm: planned.plan!.digest });
    expect(await ended('restore-c')).toMatchObject({
      state: 'success',
      progress: { overwritten: 1, skipped: 5 },
    });
    expect(mailbox.inFolder('inbox')).toHaveLength(5);
    // Its plan is older than the target now: what changed since follows the policy and is noted.
    await change('restore-a', { state: 'approved' });
    expect(await ended('restore-a')).toMatchObject({ progress: { overwritten: 0, skipped: 6, deviated: 1 } });
    const { items } = await store
      .collection(collections.restoreLedger)
      .find({ where: { sessionId: 'restore-a' } });
    expect(items.map(({ doc }) => doc.planned).filter(Boolean)).toEqual(['overwrite']);
  });

  test('one that waits can be cancelled; nothing was done', async () => {
    mailbox.messages.clear();
    await startWorker();
    await request('restore-a', { approve: false });
    await reaches('restore-a', 'planned');
    await change('restore-a', { cancelRequested: true });
    expect(await ended('restore-a')).toMatchObject({ state: 'cancelled' });
    expect(mailbox.messages.size).toBe(0);
  });

  test('a paused session keeps what it did and goes on where it was', async () => {
    mailbox.messages.clear();
    await startWorker();
    await request('restore-a', { approve: false });
    await reaches('restore-a', 'planned');
    await change('restore-a', { state: 'approved', pauseRequested: true });
    expect(await reaches('restore-a', 'paused')).toMatchObject({ pauseRequested: false });
    await change('restore-a', { state: 'approved' });
    expect(await ended('restore-a')).toMatchObject({ state: 'success', progress: { created: 6 } });
    expect(mailbox.messages.size).toBe(6);
  });

  test('Recoverable Items that the backup does not have are refused as such', async () => {
    await startWorker();
    await request('restore-a', { includeRecoverable: true });
    expect(await ended('restore-a')).toMatchObject({ error: { code: 'recoverable-not-in-point' } });
  });
});

describe('several mailboxes in one session', () => {
  test('each is planned and restored; one that is gone does not keep the others', async () => {
    mailbox.messages.clear();
    await startWorker();
    const gone = { mailboxId: 'mbx-gone', mailboxAddress: 'gone@example.com' };
    const parts = [{}, gone, { targetMailboxAddress: 'u2@example.com', targetFolder: ['From Ann'] }];
    await request('restore-a', { mailboxId: undefined, sources: [{ mailboxId: ann }] }, { parts });
    expect(await ended('restore-a')).toMatchObject({
      state: 'warning',
      progress: { itemsTotal: 12, created: 12 },
      error: { code: 'mailbox-gone', message: expect.stringContaining('1 of 3 mailboxes') },
    });
    const { items } = await store
      .collection(collections.restoreParts)
      .find({ where: { sessionId: 'restore-a' } });
    expect(items.map(({ doc }) => [doc.state, doc.items, doc.error?.code])).toEqual([
      ['success', 6, undefined],
      ['failed', 0, 'mailbox-gone'],
      ['success', 6, undefined],
    ]);
    expect(mailbox.messages.size).toBe(6);
    expect(exchange.mailbox('u2').messages.size).toBe(6);
  });

  test('the items of a search go back to where they were', async () => {
    const [inInbox] = mailbox.inFolder('inbox');
    const [inSent] = mailbox.inFolder('sentitems');
    mailbox.messages.clear();
    await startWorker();
    const reference = (folderId: string, itemKey: string) => ({
      mailboxId: ann,
      pointId: 'p',
      folderId,
      itemKey,
    });
    const items = [reference('inbox', inInbox!.message.id), reference('sentitems', inSent!.message.id)];
    const selection = { kind: 'search' as const, items };
    await request('restore-a', { mailboxId: undefined, selection }, { parts: [{ requestedPoint: 'p' }] });
    expect(await ended('restore-a')).toMatchObject({ state: 'success', progress: { created: 2 } });
    expect([mailbox.inFolder('inbox').length, mailbox.inFolder('sentitems').length]).toEqual([1, 1]);
  });

  test('another organization is written to by a connection of its own, after approval', async () => {
    await store
      .collection(collections.organizations)
      .insert(buildOrganization({ id: 'org-2', name: 'Fabrikam' }));
    const foreign = buildMailbox({ organizationId: 'org-2', userId: 'u9', address: 'carl@fabrikam.example' });
    await store.collection(collections.mailboxes).insert(foreign);
    const fabrikam = memoryExchange();
    fabrikam.addMailbox({ userId: 'u9', address: 'carl@fabrikam.example' });
    connectors.set('org-2', fabrikam);
    await startWorker();
    const target = { organizationId: 'org-2', mailboxAddress: 'carl@fabrikam.example' };
    const parts = [{ targetOrganizationId: 'org-2', targetMailboxAddress: 'carl@fabrikam.example' }];
    await request('restore-a', { target }, { parts });
    const planned = await waitFor(
      async () => {
        const session = await stateOf('restore-a');
        return session?.state === 'planned' ? session : undefined;
      },
      { what: 'the plan' },
    );
    expect(planned.plan).toMatchObject({ create: 6, approvalReasons: ['other-organization'] });
    expect(fabrikam.mailbox('u9').messages.size).toBe(0);
    await modify(store.collection(collections.restoreSessions), 'restore-a', (doc) => ({
      ...doc,
      state: 'approved' as const,
    }));
    await offer('restore-a', 'approved');
    expect(await ended('restore-a')).toMatchObject({ state: 'success', progress: { created: 6 } });
    expect(fabrikam.mailbox('u9').messages.size).toBe(6);
    expect(mailbox.messages.size).toBe(6);
  });

  test('two sessions for one mailbox do not write at the same time, so both leave no double', async () => {
    mailbox.messages.clear();
    await startWorker('restore-1');
    await startWorker('restore-2');
    await request('restore-a');
    await request('restore-b');
    const [a, b] = [await ended('restore-a'), await ended('restore-b')];
    expect([a.state, b.state]).toEqual(['success', 'success']);
    expect(a.progress.created + b.progress.created).toBe(6);
    expect(mailbox.messages.size).toBe(6);
  });
});

describe('questions of the explorer', () => {
  const ask = <N extends Parameters<typeof askQuestion>[2]>(name: N, more: object = {}) =>
    askQuestion(
      messaging,
      'default',
      name,
      { repositoryId: 'repo-1', pointName: point.pointName, ...more } as never,
      { timeoutMs: 5000 },
    );

  test('folders with paths, roles and counts', async () => {
    await startWorker();
    const { folders } = await ask('exploreFolders');
    expect(folders.map(({ path, role, items }) => [path, role, items])).toEqual([
      ['/Deleted Items', 'deleteditems', 0],
      ['/Drafts', 'drafts', 0],
      ['/Inbox', 'inbox', 5],
      ['/Sent Items', 'sentitems', 1],
    ]);
  });

  test('items page by page, newest first', async () => {
    await startWorker();
    const subjects: string[] = [];
    let after: string | undefined;
    do {
      const page = await ask('exploreItems', {
        folderId: 'inbox',
        limit: 2,
        ...(after === undefined ? {} : { after }),
      });
      subjects.push(...page.items.map((item) => item.subject));
      after = page.next;
    } while (after !== undefined);
    expect(subjects).toEqual(['M4', 'M3', 'M2', 'M1', 'M0']);
    const wrong = ask('exploreItems', { folderId: 'inbox', limit: 2, after: 'nonsense' });
    await expect(wrong).rejects.toMatchObject({ code: 'wrong-cursor' });
  });

  test('the gaps of a point, with what people read of them', async () => {
    await startWorker();
    const { gaps } = await ask('exploreGaps');
    expect(gaps).toMatchObject([{ itemKey: 'lost', folderPath: '/Inbox', subject: 'Lost' }]);
  });

  test('a message in slices, byte for byte, in any order', async () => {
    await startWorker();
    const held = mailbox.inFolder('sentitems')[0]!;
    const slice = (offset: number) =>
      ask('exploreMime', { folderId: 'sentitems', itemKey: held.message.id, offset });
    const first = await slice(0);
    expect(first.size).toBe(held.mime.byteLength);
    expect(Buffer.from(first.data, 'base64').equals(Buffer.from(held.mime))).toBe(true);
    const middle = await slice(20_001);
    expect(Buffer.from(middle.data, 'base64').equals(Buffer.from(held.mime).subarray(20_001))).toBe(true);
    const again = await slice(7);
    expect(Buffer.from(again.data, 'base64').equals(Buffer.from(held.mime).subarray(7))).toBe(true);
    expect((await slice(first.size)).data).toBe('');
  });

  test('what is not there is said so', async () => {
    await startWorker();
    await expect(ask('exploreMime', { folderId: 'inbox', itemKey: 'x', offset: 0 })).rejects.toMatchObject({
      code: 'item-not-in-point',
    });
    await expect(ask('exploreFolders', { repositoryId: 'repo-9' })).rejects.toMatchObject({
      code: 'repository-not-found',
    });
    await expect(ask('exploreFolders', { pointName: `${point.pointName}0` })).rejects.toMatchObject({
      code: 'blob-not-found',
    });
  });
});
