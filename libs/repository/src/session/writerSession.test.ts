import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryBlobStore } from '../backends/memory.ts';
import type { OpenOptions } from '../openRepository.ts';
import type { BlobStore } from '../ports.ts';
import type { Repository } from '../repository.ts';
import { faulty } from '../testing/faultyStore.ts';
import { ManualClock } from '../testing/manualClock.ts';
import { emptyFolder, newRepository, pointInput, reopen } from '../testing/smallRepository.ts';
import { fenceSession, listSessions, putCondemned } from './liveRecords.ts';
import type { WriterSession } from './writerSession.ts';

let folder: { path: string; remove: () => Promise<void> };
let store: MemoryBlobStore;
let clock: ManualClock;
let opened: Repository[];

beforeEach(async () => {
  folder = await emptyFolder();
  store = new MemoryBlobStore();
  clock = new ManualClock();
  opened = [];
  const repository = await newRepository(store, { cacheDir: `${folder.path}/created`, clock });
  await repository.close();
});

afterEach(async () => {
  for (const repository of opened) await repository.close().catch(() => undefined);
  await folder.remove();
});

async function open(through: BlobStore = store, options: Partial<OpenOptions> = {}): Promise<Repository> {
  const repository = await reopen(through, {
    cacheDir: `${folder.path}/${opened.length}`,
    clock,
    ...options,
  });
  opened.push(repository);
  return repository;
}

const MIME = Buffer.from(`Subject: hello\r\n\r\n${'text '.repeat(400)}`);

async function treeWith(session: WriterSession, mime = MIME, base?: string): Promise<string> {
  const tree = await session.openTree(base);
  await tree.putFolder({ id: 'inbox', parentId: null, name: 'Inbox' });
  const { objectId } = await session.storeItem({ properties: { subject: 'hello' }, mime });
  await tree.putItem('inbox', {
    key: `k${mime.length}`,
    time: 1,
    objectId,
    changeKey: 'c',
    size: mime.length,
    state: {},
    summary: {},
  });
  const { root } = await tree.commit();
  await tree.close();
  return root;
}

async function pointIds(repository: Repository): Promise<string[]> {
  const ids: string[] = [];
  for await (const { pointId } of repository.points()) ids.push(pointId);
  return ids;
}

const ID = '0123456789abcdef';

describe('a writer session', () => {
  test('joins with a record, acknowledges, and says when it has ended', async () => {
    const session = await (await open()).openSession({ writer: 'proxy-1' });
    expect(await listSessions(store)).toContainEqual({
      sessionId: session.sessionId,
      acknowledged: -1,
      beats: 1,
      closed: false,
    });
    await session.close();
    await session.close();
    expect(await listSessions(store)).toContainEqual(expect.objectContaining({ closed: true }));
    await expect(session.flush()).rejects.toMatchObject({ code: 'session-closed' });
  });

  test('is one to a process, and none where the repository is open for reading', async () => {
    const repository = await open();
    const session = await repository.openSession({ writer: 'w' });
    await expect(repository.openSession({ writer: 'w' })).rejects.toMatchObject({ code: 'session-exists' });
    await session.close();
    await (await repository.openSession({ writer: 'w' })).close();
    const reader = await open(store, { readOnly: true });
    await expect(reader.openSession({ writer: 'w' })).rejects.toMatchObject({ code: 'repository-read-only' });
  });

  test('I8: a point of the same id is made once, by whatever session', async () => {
    const repository = await open();
    const session = await repository.openSession({ writer: 'w' });
    const root = await treeWith(session);
    const first = await session.commitPoint(pointInput({ pointId: ID, root }));
    const again = await session.commitPoint(
      pointInput({ pointId: ID, root, time: '2026-02-02T00:00:00.000Z' }),
    );
    expect(again).toEqual(first);
    await session.close();
    const other = await (await open()).openSession({ writer: 'w2' });
    expect(await other.commitPoint(pointInput({ pointId: ID, root }))).toEqual(first);
    expect(await pointIds(repository)).toEqual([ID]);
  });

  test('two sessions at once store the same, and every point is whole', async () => {
    const [one, two] = [await open(), await open()];
    const [a, b] = [await one.openSession({ writer: 'a' }), await two.openSession({ writer: 'b' })];
    const roots = await Promise.all([treeWith(a), treeWith(b)]);
    expect(roots[0]).toBe(roots[1]);
    await Promise.all([
      a.commitPoint(pointInput({ pointId: ID, root: roots[0] })),
      b.commitPoint(pointInput({ pointId: ID, root: roots[1] })),
      b.commitPoint(
        pointInput({ pointId: 'ffffffffffffffff', root: roots[1], mailboxIdentity: 'mailbox-2' }),
      ),
    ]);
    const reader = await open(store, { readOnly: true });
    expect((await pointIds(reader)).sort()).toEqual([ID, 'ffffffffffffffff']);
    for await (const finding of reader.verify({ level: 'contents' })) expect(finding).toBeUndefined();
  });

  test('a second session deduplicates against what the first has flushed', async () => {
    const first = await (await open()).openSession({ writer: 'a' });
    await first.storeItem({ properties: {}, mime: MIME });
    await first.flush();
    const second = await (await open()).openSession({ writer: 'b' });
    const stored = await second.storeItem({ properties: {}, mime: MIME });
    expect(stored.newBytes).toBe(0);
    expect(stored.storedBytes).toBeGreaterThan(0);
  });

  test('what two tasks store at the same moment is stored once', async () => {
    const session = await (await open()).openSession({ writer: 'a' });
    const all = await Promise.all(
      Array.from({ length: 50 }, () => session.storeItem({ properties: {}, mime: MIME })),
    );
    expect(new Set(all.map(({ objectId }) => objectId)).size).toBe(1);
    expect(all.filter(({ newBytes }) => newBytes > 0)).toHaveLength(1);
    expect(new Set(all.map(({ storedBytes }) => storedBytes)).size).toBe(1);
  });

  test('packs that a dead process left unindexed are adopted by the next session', async () => {
    const broken = faulty(store, ({ name, verb }) =>
      verb === 'put' && name.startsWith('index/') ? 'die-before' : 'none',
    );
    const session = await (await open(broken)).openSession({ writer: 'a' });
    await session.storeItem({ properties: {}, mime: MIME });
    await expect(session.flush()).rejects.toMatchObject({ code: 'process-died' });
    const next = await (await open()).openSession({ writer: 'a' });
    expect((await next.storeItem({ properties: {}, mime: MIME })).newBytes).toBe(0);
  });

  test('a put that fails for good ends the session with its reason, and the next session works', async () => {
    let full = true;
    const broken = faulty(store, ({ name, verb }) =>
      full && verb === 'put' && name.startsWith('packs/') ? 'full' : 'none',
    );
    const repository = await open(broken);
    const session = await repository.openSession({ writer: 'a' });
    const root = await treeWith(session);
    await expect(session.commitPoint(pointInput({ pointId: ID, root }))).rejects.toMatchObject({
      code: 'store-full',
      remedy: expect.stringContaining('space'),
    });
    expect(session.lost.aborted).toBe(true);
    await expect(session.storeItem({ properties: {} })).rejects.toMatchObject({ code: 'store-full' });
    await session.close();
    expect(await pointIds(repository)).toEqual([]);
    full = false;
    const next = await repository.openSession({ writer: 'a' });
    await next.commitPoint(pointInput({ pointId: ID, root: await treeWith(next) }));
    expect(await pointIds(repository)).toEqual([ID]);
  });

  test('a point with a wrong field is refused by the name of the field', async () => {
    const session = await (await open()).openSession({ writer: 'a' });
    await expect(session.commitPoint(pointInput({ pointId: 'not hex', root: '00' }))).rejects.toMatchObject({
      code: 'invalid-point',
      message: expect.stringContaining('pointId'),
    });
  });

  test('a flush with nothing new returns at once, one with something waits for its turn', async () => {
    const repository = await open(store, { commitIntervalMs: 1000 });
    const session = await repository.openSession({ writer: 'a' });
    await session.flush();
    await session.storeItem({ properties: { number: 1 } });
    await session.flush();
    const root = await treeWith(session);
    // The clock stands still: what has to wait would wait for ever.
    let flushed = false;
    const waiting = session.flush().then(() => {
      flushed = true;
    });
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(flushed).toBe(false);
    clock.advance(1000);
    await waiting;
    await session.flush();
    await session.commitPoint(pointInput({ pointId: ID, root }));
  });

  test('what could not be listed is listed by the next flush', async () => {
    let lost = 0;
    const flaky = faulty(store, ({ name, verb }) => {
      if (verb !== 'put' || !name.startsWith('index/') || lost > 0) return 'none';
      lost++;
      return 'lost';
    });
    const session = await (await open(flaky)).openSession({ writer: 'a' });
    const { objectId } = await session.storeItem({ properties: { number: 1 } });
    await expect(session.flush()).rejects.toMatchObject({ errorClass: 'transient' });
    await session.flush();
    const reader = await open(store, { readOnly: true });
    expect((await reader.readItem(objectId)).properties).toEqual({ number: 1 });
  });

  test('many small flushes are merged into few segments, and nothing is lost', async () => {
    const repository = await open();
    const session = await repository.openSession({ writer: 'a' });
    for (let number = 0; number < 40; number++) {
      await session.storeItem({ properties: { number } });
      await session.flush();
    }
    expect(repository.statistics()).toMatchObject({ objects: 40 });
    expect(repository.statistics().segments).toBeLessThan(20);
    const other = await open();
    expect(other.statistics()).toEqual(repository.statistics());
  });
});

describe('a session that is given up', () => {
  test('I7: stops when it is fenced, and puts nothing more', async () => {
    const session = await (await open()).openSession({ writer: 'a' });
    const root = await treeWith(session);
    await fenceSession(store, session.sessionId);
    await expect(session.commitPoint(pointInput({ pointId: ID, root }))).rejects.toMatchObject({
      code: 'session-lost',
    });
    expect(session.lost.aborted).toBe(true);
    expect([...store.blobs.keys()].filter((name) => name.startsWith('points/'))).toEqual([]);
  });

  test('I7: a manifest that a zombie puts after its fence is never listed', async () => {
    let session: WriterSession | undefined;
    const slow = faulty(store, () => 'none');
    const put = slow.putIfAbsent.bind(slow);
    slow.putIfAbsent = async (name, bytes, options) => {
      // The fence comes between the writer's last check and its put.
      if (name.startsWith('points/') && session) await fenceSession(store, session.sessionId);
      return put(name, bytes, options);
    };
    session = await (await open(slow)).openSession({ writer: 'zombie' });
    await session.commitPoint(pointInput({ pointId: ID, root: await treeWith(session) }));
    expect([...store.blobs.keys()].filter((name) => name.startsWith('points/'))).toHaveLength(1);
    const reader = await open(store, { readOnly: true });
    expect(await pointIds(reader)).toEqual([]);
  });

  test('I7: what was committed before the fence counts, and an unfinished fence is finished by whoever finds it', async () => {
    const repository = await open();
    const session = await repository.openSession({ writer: 'a' });
    await session.commitPoint(pointInput({ pointId: ID, root: await treeWith(session) }));
    await store.putIfAbsent(`live/gc/fence/${session.sessionId}.intent`, Buffer.from('{"version":1}\n'));
    expect(await pointIds(repository)).toEqual([ID]);
    expect(store.blobs.has(`live/gc/fence/${session.sessionId}.final`)).toBe(true);
    expect(await pointIds(repository)).toEqual([ID]);
  });

  test('notices a fence by itself at the next look', async () => {
    const session = await (await open(store, { pollMs: 60_000 })).openSession({ writer: 'a' });
    const lost = new Promise((resolve) => session.lost.addEventListener('abort', resolve));
    await fenceSession(store, session.sessionId);
    clock.advance(60_000);
    await lost;
    await expect(session.storeItem({ properties: {} })).rejects.toMatchObject({ code: 'session-lost' });
  });

  test('stops by itself after two thirds of its lease without a sign of life', async () => {
    const dead = faulty(store, ({ name }) => (name.includes('/beat.00000001') ? 'lost' : 'none'));
    const session = await (await open(dead, { leaseMs: 900_000, pollMs: 1e9 })).openSession({ writer: 'a' });
    clock.advance(599_000);
    await session.storeItem({ properties: {} });
    clock.advance(2_000);
    await expect(session.storeItem({ properties: {} })).rejects.toMatchObject({ code: 'session-lost' });
  });

  test('counts the time that the machine was suspended', async () => {
    const session = await (await open(store, { leaseMs: 900_000, pollMs: 1e9 })).openSession({ writer: 'a' });
    clock.suspend(700_000);
    await expect(session.flush()).rejects.toMatchObject({ code: 'session-lost' });
  });

  test('signs of life keep it alive for days', async () => {
    const session = await (await open(store, { leaseMs: 900_000, pollMs: 60_000 })).openSession({
      writer: 'a',
    });
    for (let minute = 0; minute < 600; minute++) {
      clock.advance(60_000);
      // The heartbeat works between two moments of the clock.
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await session.storeItem({ properties: {} });
    const [state] = (await listSessions(store)).filter(({ sessionId }) => sessionId === session.sessionId);
    expect(state?.beats).toBeGreaterThan(60);
    expect(state?.beats).toBeLessThan(200);
  });
});

describe('I6: deletion while others write, the side of the writer', () => {
  async function condemnAll(generation: number): Promise<string[]> {
    const packs = [...store.blobs.keys()].filter((name) => name.startsWith('packs/'));
    await putCondemned(store, generation, packs);
    return packs;
  }

  test('W1 W2: nothing is deduplicated against a pack that was condemned before the session began', async () => {
    const first = await (await open()).openSession({ writer: 'a' });
    await first.storeItem({ properties: {}, mime: MIME });
    await first.close();
    await condemnAll(7);
    const second = await (await open()).openSession({ writer: 'b' });
    const [state] = (await listSessions(store)).filter(({ sessionId }) => sessionId === second.sessionId);
    expect(state?.acknowledged).toBe(7);
    expect((await second.storeItem({ properties: {}, mime: MIME })).newBytes).toBeGreaterThan(0);
  });

  test('W3: what uncommitted work rests on is copied before the generation is acknowledged', async () => {
    const first = await (await open()).openSession({ writer: 'a' });
    const base = await treeWith(first);
    await first.commitPoint(pointInput({ pointId: ID, root: base }));
    await first.close();

    const repository = await open(store, { pollMs: 60_000 });
    const second = await repository.openSession({ writer: 'b' });
    const root = await treeWith(second, Buffer.concat([MIME, MIME]), base);
    // Deduplicated against the first session's pack, and not in any tree yet.
    const loose = await second.storeItem({ properties: { subject: 'hello' }, mime: MIME });
    expect(loose.newBytes).toBe(0);
    const condemned = [...store.blobs.keys()].filter((name) => name.startsWith('packs/'));
    await putCondemned(store, 3, condemned);
    clock.advance(60_000);
    const acknowledged = async () =>
      (await listSessions(store)).find(({ sessionId }) => sessionId === second.sessionId)?.acknowledged;
    while ((await acknowledged()) !== 3) await new Promise((resolve) => setImmediate(resolve));

    for (const name of condemned) await store.remove(name);
    const ref = await second.commitPoint(pointInput({ pointId: 'aaaaaaaaaaaaaaaa', root }));
    expect((await repository.readPoint(ref)).acknowledged).toBe(3);
    await second.close();
    const reader = await open(store, { readOnly: true });
    const items: string[] = [];
    for await (const { key, objectId } of reader.tree(root).items('inbox')) {
      for await (const _ of (await reader.readItem(objectId)).mime?.open() ?? []) items.push(key);
    }
    expect(new Set(items).size).toBe(2);
    expect((await reader.readItem(loose.objectId)).mime?.size).toBe(MIME.length);
  });

  test('a list that appears just before the commit is respected before the manifest is put', async () => {
    const first = await (await open()).openSession({ writer: 'a' });
    await first.storeItem({ properties: { subject: 'hello' }, mime: MIME });
    await first.close();
    const second = await (await open()).openSession({ writer: 'b' });
    const root = await treeWith(second);
    await second.flush();
    const old = [...store.blobs.keys()].filter(
      (name) => name.startsWith('packs/') && !name.includes(`.${second.sessionId.slice(0, 8)}.`),
    );
    await putCondemned(store, 1, old);
    await second.commitPoint(pointInput({ pointId: ID, root }));
    for (const name of old) await store.remove(name);
    const reader = await open(store, { readOnly: true });
    for await (const { objectId } of reader.tree(root).items('inbox')) {
      expect((await reader.readItem(objectId)).mime?.size).toBe(MIME.length);
    }
  });

  test('a merge of segments leaves condemned packs out', async () => {
    const first = await (await open()).openSession({ writer: 'a' });
    for (let number = 0; number < 10; number++) {
      await first.storeItem({ properties: { number } });
      await first.flush();
    }
    await first.close();
    const condemned = await condemnAll(1);
    const repository = await open();
    const second = await repository.openSession({ writer: 'b' });
    for (let number = 100; number < 110; number++) {
      await second.storeItem({ properties: { number } });
      await second.flush();
    }
    const other = await open();
    expect(other.statistics().packs).toBe(10);
    for (const name of condemned) await store.remove(name);
    for await (const finding of other.verify({ level: 'contents' })) expect(finding).toBeUndefined();
  });
});
