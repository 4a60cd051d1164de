import { createHash, randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { BlobStore } from '../ports.ts';

export interface StoreUnderTest {
  store: BlobStore;
  /** Releases what the test needed. */
  dispose?: () => Promise<void>;
  /** A second door to the same place, as another process has it. */
  again?: () => Promise<BlobStore>;
}

export interface ContractOptions {
  /** False where the store refuses to remove. */
  canRemove?: boolean;
}

/** What every backend and every wrapper must keep. One file, run by all of them. */
export function blobStoreContract(
  name: string,
  open: () => Promise<StoreUnderTest>,
  options: ContractOptions = {},
): void {
  const opened: StoreUnderTest[] = [];
  const fresh = async () => {
    const subject = await open();
    opened.push(subject);
    return subject.store;
  };
  afterEach(async () => {
    for (const { dispose, store } of opened.splice(0)) {
      await store.close();
      await dispose?.();
    }
  });

  describe(`${name} keeps the contract of a blob store`, () => {
    test('what was put is what is read, whole and in ranges', async () => {
      const store = await fresh();
      const bytes = randomBytes(10_000);
      await store.putIfAbsent('packs/ab/one.d', bytes);
      expect(Buffer.from(await store.get('packs/ab/one.d')).equals(bytes)).toBe(true);
      for (const [offset, length] of [
        [0, 1],
        [0, 10_000],
        [9_999, 1],
        [5_000, 2_500],
      ] as const) {
        const range = Buffer.from(await store.get('packs/ab/one.d', { offset, length }));
        expect(range.equals(bytes.subarray(offset, offset + length))).toBe(true);
      }
    });

    test('a range that ends beyond the blob is cut at its end', async () => {
      const store = await fresh();
      await store.putIfAbsent('a', Buffer.from('0123456789'));
      expect(Buffer.from(await store.get('a', { offset: 8, length: 100 })).toString()).toBe('89');
      expect((await store.get('a', { offset: 100, length: 5 })).length).toBe(0);
    });

    test('pieces are stored as one blob, in order, and none is fine, too', async () => {
      const store = await fresh();
      const pieces = Array.from({ length: 1500 }, (_, at) => Buffer.from(`${at};`));
      await store.putIfAbsent('pieces', pieces, {
        sha256: createHash('sha256').update(Buffer.concat(pieces)).digest('hex'),
      });
      await store.putIfAbsent('empty', []);
      expect(Buffer.from(await store.get('pieces')).equals(Buffer.concat(pieces))).toBe(true);
      expect(await store.stat('empty')).toEqual({ name: 'empty', size: 0 });
    });

    test('a second put of a name is refused and changes nothing', async () => {
      const store = await fresh();
      await store.putIfAbsent('name', Buffer.from('first'));
      await expect(store.putIfAbsent('name', Buffer.from('second'))).rejects.toMatchObject({
        code: 'blob-already-exists',
      });
      expect(Buffer.from(await store.get('name')).toString()).toBe('first');
    });

    test('of many puts of one name at once exactly one wins', async () => {
      const store = await fresh();
      const puts = Array.from({ length: 8 }, (_, at) =>
        store.putIfAbsent('race', Buffer.from(`writer ${at}`)),
      );
      const results = await Promise.allSettled(puts);
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const winner = results.findIndex(({ status }) => status === 'fulfilled');
      expect(Buffer.from(await store.get('race')).toString()).toBe(`writer ${winner}`);
    });

    test('what is not there is said to be not there', async () => {
      const store = await fresh();
      await expect(store.get('missing')).rejects.toMatchObject({
        code: 'blob-not-found',
        errorClass: 'vanished',
      });
      await expect(store.get('folder/missing', { offset: 0, length: 1 })).rejects.toMatchObject({
        code: 'blob-not-found',
      });
      await expect(store.stat('missing')).rejects.toMatchObject({ code: 'blob-not-found' });
      expect(await names(store, 'nothing/')).toEqual([]);
    });

    test('a prefix of a name is not a name', async () => {
      const store = await fresh();
      await store.putIfAbsent('folder/inside', Buffer.from('x'));
      await expect(store.get('folder')).rejects.toMatchObject({ code: 'blob-not-found' });
      await expect(store.stat('folder')).rejects.toMatchObject({ code: 'blob-not-found' });
    });

    test('a listing is complete, in order, and knows prefixes that end inside a name', async () => {
      const store = await fresh();
      const all = [
        'a-1',
        'a.b/c',
        'a/b',
        'a0',
        'b',
        'points/k1/2026.full.x',
        'points/k1/2027.full.y',
        'points/k2/2026.full.z',
      ];
      for (const name of [...all].reverse()) await store.putIfAbsent(name, Buffer.from(name));
      expect(await names(store, '')).toEqual([...all].sort());
      expect(await names(store, 'points/k1/')).toEqual(['points/k1/2026.full.x', 'points/k1/2027.full.y']);
      expect(await names(store, 'points/k1/2027')).toEqual(['points/k1/2027.full.y']);
      expect(await names(store, 'a')).toEqual(['a-1', 'a.b/c', 'a/b', 'a0'].sort());
      for await (const { name, size } of store.list('a')) expect(size).toBe(name.length);
    });

    test('a listing may be left in the middle', async () => {
      const store = await fresh();
      for (let at = 0; at < 20; at++) await store.putIfAbsent(`many/${at}`, Buffer.from('x'));
      for await (const { name } of store.list('many/')) {
        expect(name).toBe('many/0');
        break;
      }
      expect(await names(store, 'many/')).toHaveLength(20);
    });

    test("memory given to a put and got from a get is nobody else's", async () => {
      const store = await fresh();
      const bytes = Buffer.from('original');
      await store.putIfAbsent('copy', bytes);
      bytes.fill(0);
      (await store.get('copy')).fill(1);
      expect(Buffer.from(await store.get('copy')).toString()).toBe('original');
    });

    test.each(['', '/', 'a//b', '../x', 'a/../b', '.hidden', 'a/.b', 'a b', 'ä', 'a/'])(
      '%j is no name',
      async (name) => {
        const store = await fresh();
        await expect(store.putIfAbsent(name, Buffer.from('x'))).rejects.toMatchObject({
          code: 'invalid-blob-name',
        });
      },
    );

    if (options.canRemove === false) {
      test('removing is refused and says who may', async () => {
        const store = await fresh();
        await store.putIfAbsent('kept', Buffer.from('x'));
        expect(store.capabilities().remove).toBe(false);
        await expect(store.remove('kept')).rejects.toMatchObject({ errorClass: 'configuration' });
        expect(await names(store, '')).toEqual(['kept']);
      });
    } else {
      test('what was removed is gone, and removing it again is no error', async () => {
        const store = await fresh();
        await store.putIfAbsent('gone', Buffer.from('x'));
        await store.get('gone');
        await store.remove('gone');
        await store.remove('gone');
        await expect(store.get('gone')).rejects.toMatchObject({ code: 'blob-not-found' });
        expect(await names(store, '')).toEqual([]);
        await store.putIfAbsent('gone', Buffer.from('again'));
        expect(Buffer.from(await store.get('gone')).toString()).toBe('again');
      });
    }

    test('what one door has put, another door reads', async () => {
      const store = await fresh();
      const again = opened.at(-1)?.again;
      await store.putIfAbsent('shared/name', Buffer.from('bytes'));
      const other = again ? await again() : store;
      expect(Buffer.from(await other.get('shared/name')).toString()).toBe('bytes');
      await expect(other.putIfAbsent('shared/name', Buffer.from('x'))).rejects.toMatchObject({
        code: 'blob-already-exists',
      });
      if (other !== store) await other.close();
    });
  });
}

async function names(store: BlobStore, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of store.list(prefix)) found.push(name);
  return found;
}
