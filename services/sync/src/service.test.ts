import {
  activeRunSchema,
  buckets,
  collections,
  HoldfastError,
  headIdOf,
  mailboxIdOf,
  type Run,
} from '@holdfast/contracts';
import { openBlobStore, openRepository } from '@holdfast/repository';
import { systemClock } from '@holdfast/runtime';
import { buildRunTask, waitFor } from '@holdfast/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createProxyWorld, type ProxyWorld, passphrase, proxyActions, sealer } from './testing/proxyWorld.ts';

let world: ProxyWorld;
const { startProxy, startRun, active, send, addMailbox, ended, eventNames } = proxyActions(() => world);

beforeEach(async () => {
  world = await createProxyWorld();
});

afterEach(() => world.close());

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
    const points = await world.store.collection(collections.restorePoints).find({});
    expect(points.items.map(({ doc }) => doc.itemsTotal).sort()).toEqual([3, 9]);
    await waitFor(async () => (await eventNames()).length === 5, { what: 'all events are there' });
    expect((await eventNames()).sort()).toEqual([
      ...['mailbox.synced', 'mailbox.synced', 'proxy.online'],
      ...['restore-point.created', 'restore-point.created'],
    ]);
    const blobs = await openBlobStore({ kind: 'memory', name: world.place });
    const repository = await openRepository(blobs, {
      ...{ secret: { passphrase }, cacheDir: world.cachePath, threads: 0, readOnly: true },
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
      const { items } = await world.store.collection(collections.restorePoints).find({});
      const record = items.find(({ doc }) => doc.pointId === pointId)?.doc;
      const blobs = await openBlobStore({ kind: 'memory', name: world.place });
      const repository = await openRepository(blobs, {
        ...{ secret: { passphrase }, cacheDir: world.cachePath, threads: 0, readOnly: true },
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
    await world.store
      .collection(collections.mailboxHeads)
      .delete(headIdOf('repo-1', mailboxIdOf('org-1', 'ann')));
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
    const opened = world.exchange.reader;
    world.exchange.reader = async (ref, options) => {
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
    expect((await world.store.collection(collections.runs).get('run-1'))?.doc.stopRequested).toBe(false);
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
    const points = await world.store.collection(collections.restorePoints).count();
    await send('run-1', 'ann', new Date().toISOString(), 'again');
    await send('run-1', 'nobody', new Date().toISOString(), 'first');
    const drained = async () => (await world.messaging.pendingTasks('sync', 'default', 'run-1')) === 0;
    await waitFor(drained, { what: 'both are gone' });
    expect(await world.store.collection(collections.restorePoints).count()).toBe(points);
  });

  test('a proxy that is stopped makes a checkpoint and gives the task back; another one goes on', async () => {
    const ann = await addMailbox('ann', 60);
    const first = await startProxy('proxy-1');
    const reader = world.exchange.reader;
    let slow = true;
    world.exchange.reader = async (ref, options) => {
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
    world.running.splice(0);
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
    expect(await world.store.collection(collections.restorePoints).count()).toBe(1);
  });

  test('serves a run until the control data says that it is over, even when the broker forgot its sign', async () => {
    await addMailbox('ann', 1);
    await startProxy();
    await startRun('run-1', []);
    const bucket = await world.messaging.keyValue(buckets.runsActive, {
      parse: (json) => activeRunSchema.parse(json),
    });
    await bucket.delete('run-1');
    const mailboxId = mailboxIdOf('org-1', 'ann');
    await world.store
      .collection(collections.runTasks)
      .insert(buildRunTask({ runId: 'run-1', mailboxId, mailboxAddress: 'ann@example.com' }));
    await send('run-1', 'ann', new Date().toISOString(), 'first');
    expect(await ended('run-1', 'ann')).toMatchObject({ state: 'success' });
  });

  test('says that it is there', async () => {
    await startProxy();
    const bucket = await world.messaging.keyValue(buckets.proxies, { ttlMs: 30_000, parse: (json) => json });
    await waitFor(async () => (await bucket.all()).get('proxy-1'), { what: 'the heartbeat' });
    expect(await world.store.collection(collections.proxies).count()).toBe(1);
    expect(await eventNames()).toEqual(['proxy.online']);
  });
});
