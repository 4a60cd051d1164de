import { readdirSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MemoryBlobStore } from '../backends/memory.ts';
import { ObjectReader } from '../packs/objectReader.ts';
import type { Repository } from '../repository.ts';
import { emptyFolder, newRepository } from '../testing/smallRepository.ts';
import type { ItemEntry } from './entries.ts';
import { KeyTimeChanges, KeyTimes } from './keyTimes.ts';
import type { TreeWriter } from './treeWriter.ts';

const ITEMS = 20_000;

describe('the times of the keys of a folder', () => {
  const change = fc.record({
    key: fc.integer({ min: 0, max: 60 }),
    time: fc.integer({ min: -3, max: 3 }),
    isPut: fc.boolean(),
  });

  test('are what a map of sets would say, after any changes and after a file', () => {
    fc.assert(
      fc.property(fc.array(fc.array(change, { maxLength: 1500 }), { maxLength: 4 }), (rounds) => {
        const expected = new Map<string, Set<number>>();
        let times = KeyTimes.none;
        for (const round of rounds) {
          const changes = new KeyTimeChanges();
          const puts = new Set(round.filter(({ isPut }) => isPut).map(({ key, time }) => `${key} ${time}`));
          const seen = new Set<string>();
          for (const { key, time, isPut } of round) {
            const pair = `${key} ${time}`;
            // Each pair once; what is taken and put is there.
            if (seen.has(pair) || isPut !== puts.has(pair)) continue;
            seen.add(pair);
            changes.add({ key: `k${key}`, time }, isPut);
            const set = expected.get(`k${key}`) ?? new Set();
            expected.set(`k${key}`, set);
            if (isPut) set.add(time);
            else set.delete(time);
          }
          times = KeyTimes.parse(times.with(changes).toBytes()) ?? KeyTimes.none;
        }
        for (const [key, set] of expected) expect(new Set(times.find(key))).toEqual(set);
        expect(times.count).toBe([...expected.values()].reduce((sum, set) => sum + set.size, 0));
        expect(times.find('nobody')).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });

  test('are not read from a file that is damaged', () => {
    const changes = new KeyTimeChanges();
    for (let number = 0; number < 2000; number++) changes.add({ key: `k${number}`, time: number }, true);
    const bytes = KeyTimes.none.with(changes).toBytes();
    expect(KeyTimes.parse(bytes)?.find('k1234')).toEqual([1234]);
    for (const at of [0, 5, 9, 16, bytes.length - 1]) {
      const spoilt = Buffer.from(bytes);
      spoilt[at] = (spoilt[at] ?? 0) ^ 1;
      expect(KeyTimes.parse(spoilt)).toBeUndefined();
    }
    expect(KeyTimes.parse(bytes.subarray(0, 100))).toBeUndefined();
    expect(KeyTimes.parse(Buffer.alloc(0))).toBeUndefined();
  });
});

describe('a change in a large folder', () => {
  let folder: { path: string; remove: () => Promise<void> };
  let repository: Repository;
  let reads: number;
  const { read } = ObjectReader.prototype;

  beforeEach(async () => {
    folder = await emptyFolder();
    repository = await newRepository(new MemoryBlobStore(), { cacheDir: folder.path });
    reads = 0;
    ObjectReader.prototype.read = function (id) {
      reads++;
      return read.call(this, id);
    };
  });

  afterEach(async () => {
    ObjectReader.prototype.read = read;
    await repository.close();
    await folder.remove();
  });

  const item = (number: number, time = number * 1000): ItemEntry => ({
    key: `AAMkADk${number.toString(36).padStart(4, '0')}`,
    time,
    objectId: 'ab'.repeat(32),
    changeKey: 'c',
    size: 1,
    state: {},
    summary: {},
  });

  /** What `work` reads, beginning with a writer that knows nothing. */
  async function readsOf(
    base: string | undefined,
    work: (tree: TreeWriter) => Promise<unknown>,
  ): Promise<{ root: string; items: number; reads: number }> {
    const session = await repository.openSession({ writer: 'w' });
    reads = 0;
    const tree = await session.openTree(base);
    await work(tree);
    const { root, counts } = await tree.commit();
    const { items } = counts;
    const counted = { root, items, reads };
    await tree.close();
    await session.close();
    return counted;
  }

  test('costs a few pages, whether the item is new, moved in time or taken out by its key', async () => {
    const { root } = await readsOf(undefined, async (tree) => {
      await tree.putFolder({ id: 'inbox', parentId: null, name: 'Inbox' });
      for (let number = 0; number < ITEMS; number++) await tree.putItem('inbox', item(number));
    });
    const added = await readsOf(root, (tree) => tree.putItem('inbox', item(ITEMS)));
    expect(added.items).toBe(ITEMS + 1);
    expect(added.reads).toBeLessThan(20);
    const changed = await readsOf(added.root, async (tree) => {
      expect(await tree.getItem('inbox', 'nobody')).toBeUndefined();
      expect(await tree.removeItem('inbox', item(7).key)).toBe(true);
      expect(await tree.removeItem('inbox', 'nobody')).toBe(false);
      await tree.putItem('inbox', item(5000, 3));
    });
    expect(changed.items).toBe(ITEMS);
    expect(changed.reads).toBeLessThan(40);
    const last = await readsOf(changed.root, async (tree) => {
      expect(await tree.getItem('inbox', item(5000).key)).toEqual(item(5000, 3));
      expect(await tree.getItem('inbox', item(7).key)).toBeUndefined();
      expect(await tree.getItem('inbox', item(ITEMS).key)).toEqual(item(ITEMS));
    });
    expect(last.reads).toBeLessThan(20);

    const keys = `${folder.path}/${repository.id}/keys`;
    expect(readdirSync(keys)).toHaveLength(1);
    // Another host: the pages are read once, the next change is cheap again.
    rmSync(keys, { recursive: true });
    const elsewhere = await readsOf(last.root, (tree) => tree.removeItem('inbox', item(8).key));
    expect(elsewhere.items).toBe(ITEMS - 1);
    expect(elsewhere.reads).toBeGreaterThan(ITEMS / 128);
    const again = await readsOf(elsewhere.root, (tree) => tree.removeItem('inbox', item(9).key));
    expect(again.reads).toBeLessThan(20);
  });
});
