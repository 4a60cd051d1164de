import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MemoryBlobStore } from '../backends/memory.ts';
import type { Repository } from '../repository.ts';
import type { WriterSession } from '../session/writerSession.ts';
import { emptyFolder, newRepository } from '../testing/smallRepository.ts';
import { compareSortKeys, type ItemEntry } from './entries.ts';
import { itemOf, leafEntry, type PageEntry, pageBytes, parsePage } from './page.ts';
import { PageCutter } from './pageCutter.ts';

let repository: Repository;
let session: WriterSession;
let dispose: () => Promise<void>;

beforeAll(async () => {
  const folder = await emptyFolder();
  dispose = folder.remove;
  repository = await newRepository(new MemoryBlobStore(), { cacheDir: folder.path });
  session = await repository.openSession({ writer: 'test' });
});

afterAll(async () => {
  await repository.close();
  await dispose();
});

const OBJECT = 'ab'.repeat(32);

function item(number: number, changes: Partial<ItemEntry> = {}): ItemEntry {
  return {
    key: `AAMkADk${number.toString(36).padStart(4, '0')}`,
    time: 1_700_000_000_000 + number * 1000,
    objectId: OBJECT,
    changeKey: 'CQAA',
    size: 1000 + number,
    state: { isRead: false },
    summary: { subject: `Subject ${number}` },
    ...changes,
  };
}

async function treeOf(items: readonly ItemEntry[]): Promise<string> {
  const tree = await session.openTree();
  await tree.putFolder({ id: 'inbox', parentId: null, name: 'Inbox', role: 'inbox' });
  for (const entry of items) await tree.putItem('inbox', entry);
  const { root } = await tree.commit();
  await tree.close();
  return root;
}

async function itemsOf(root: string, options = {}): Promise<ItemEntry[]> {
  const items: ItemEntry[] = [];
  for await (const entry of repository.tree(root).items('inbox', options)) items.push(entry);
  return items;
}

describe('a tree', () => {
  test('lists its items in order of time, forwards, backwards and from any item on', async () => {
    const items = Array.from({ length: 700 }, (_, number) => item(number));
    const root = await treeOf([...items].sort(() => 0.5 - ((items.length * 7919) % 1)));
    expect(await itemsOf(root)).toEqual(items);
    expect(await itemsOf(root, { reverse: true })).toEqual([...items].reverse());
    for (const at of [0, 1, 31, 350, 698, 699]) {
      expect(await itemsOf(root, { after: items[at] })).toEqual(items.slice(at + 1));
      expect(await itemsOf(root, { after: items[at], reverse: true })).toEqual(items.slice(0, at).reverse());
    }
    const between = { time: (items[100]?.time ?? 0) + 500, key: 'x' };
    expect((await itemsOf(root, { after: between }))[0]).toEqual(items[101]);
    expect((await itemsOf(root, { after: between, reverse: true }))[0]).toEqual(items[100]);
    expect(await repository.tree(root).item('inbox', item(345))).toEqual(items[345]);
    expect(await repository.tree(root).item('inbox', { ...item(345), key: 'other' })).toBeUndefined();
  });

  test('knows an item by its key alone, wherever it lies in time', async () => {
    const base = await treeOf(Array.from({ length: 300 }, (_, number) => item(number)));
    const tree = await session.openTree(base);
    expect(await tree.getItem('inbox', item(17).key)).toEqual(item(17));
    expect(await tree.getItem('inbox', item(17).key, 5)).toEqual(item(17));
    expect(await tree.getItem('inbox', 'nobody')).toBeUndefined();
    expect(await tree.removeItem('inbox', 'nobody')).toBe(false);
    expect(await tree.removeItem('inbox', item(18).key)).toBe(true);
    expect(await tree.removeItem('inbox', item(18).key)).toBe(false);
    const moved = item(19, { time: 5 });
    await tree.putItem('inbox', moved);
    const { root, counts } = await tree.commit();
    expect(counts).toEqual({ folders: 1, items: 299 });
    const items = await itemsOf(root);
    expect(items[0]).toEqual(moved);
    expect(items.filter(({ key }) => key === moved.key)).toHaveLength(1);
    expect(items.some(({ key }) => key === item(18).key)).toBe(false);
    await tree.close();
  });

  test('goes on after a commit, and shows what is pending as if it were stored', async () => {
    const tree = await session.openTree();
    await tree.putFolder({ id: 'inbox', parentId: null, name: 'Inbox' });
    for (let number = 0; number < 100; number++) await tree.putItem('inbox', item(number));
    const first = await tree.commit();
    await tree.removeItem('inbox', item(3).key);
    await tree.putItem('inbox', item(4, { state: { isRead: true } }));
    await tree.putItem('inbox', item(100));
    const pending: ItemEntry[] = [];
    for await (const entry of tree.items('inbox')) pending.push(entry);
    const second = await tree.commit();
    expect(await itemsOf(second.root)).toEqual(pending);
    expect(pending).toHaveLength(100);
    expect(await itemsOf(first.root)).toHaveLength(100);
    await tree.close();
  });

  test('a folder can be renamed, emptied and removed; an unknown folder takes no item', async () => {
    const tree = await session.openTree();
    await tree.putFolder({ id: 'a', parentId: null, name: 'A' });
    await tree.putFolder({ id: 'b', parentId: 'a', name: 'B', role: 'archive', hidden: true });
    await tree.putItem('a', item(1));
    await tree.putItem('b', item(2));
    await tree.putFolder({ id: 'a', parentId: null, name: 'Renamed' });
    await tree.removeItem('b', item(2).key);
    const { root } = await tree.commit();
    expect(await repository.tree(root).folders()).toEqual([
      { id: 'a', parentId: null, name: 'Renamed', count: 1 },
      { id: 'b', parentId: 'a', name: 'B', role: 'archive', hidden: true, count: 0 },
    ]);
    await tree.removeFolder('a');
    await expect(tree.putItem('a', item(3))).rejects.toMatchObject({ code: 'unknown-folder' });
    const after = await tree.commit();
    expect((await repository.tree(after.root).folders()).map(({ id }) => id)).toEqual(['b']);
    await tree.close();
  });

  test('a folder removed and made again has none of its old items', async () => {
    const base = await treeOf([item(1), item(2)]);
    const tree = await session.openTree(base);
    await tree.removeFolder('inbox');
    await tree.putFolder({ id: 'inbox', parentId: null, name: 'Inbox', role: 'inbox' });
    await tree.putItem('inbox', item(2));
    expect((await tree.commit()).root).toBe(await treeOf([item(2)]));
    await tree.close();
  });

  test('ten thousand items in random order spill to a file and give the same tree', async () => {
    const numbers = Array.from({ length: 10_000 }, (_, number) => number);
    const shuffled = numbers.map((number) => (number * 7919) % 10_007).filter((number) => number < 10_000);
    const root = await treeOf(shuffled.map((number) => item(number)));
    const sorted = [...shuffled].sort((a, b) => a - b).map((number) => item(number));
    expect(await itemsOf(root)).toEqual(sorted);
    expect(root).toBe(await treeOf(sorted));
  }, 60_000);
});

describe('I5: the same items give the same pages', () => {
  test('whatever the history', async () => {
    const change = fc.record({
      number: fc.integer({ min: 0, max: 400 }),
      shift: fc.constantFrom(0, 0, 0, 5_000_000),
      put: fc.boolean(),
      isRead: fc.boolean(),
    });
    const history = fc.array(fc.array(change, { maxLength: 120 }), { minLength: 1, maxLength: 4 });
    const start = fc.integer({ min: 0, max: 400 });
    await fc.assert(
      fc.asyncProperty(start, history, async (initial, rounds) => {
        const model = new Map<string, ItemEntry>();
        const tree = await session.openTree();
        await tree.putFolder({ id: 'inbox', parentId: null, name: 'Inbox', role: 'inbox' });
        for (let number = 0; number < initial; number++) {
          await tree.putItem('inbox', item(number));
          model.set(item(number).key, item(number));
        }
        let root = (await tree.commit()).root;
        for (const changes of rounds) {
          for (const { isRead, number, put, shift } of changes) {
            const entry = item(number, { state: { isRead } });
            if (put) {
              entry.time += shift;
              await tree.putItem('inbox', entry);
              model.set(entry.key, entry);
            } else {
              await tree.removeItem('inbox', entry.key);
              model.delete(entry.key);
            }
          }
          root = (await tree.commit()).root;
        }
        await tree.close();
        const items = [...model.values()].sort(compareSortKeys);
        expect(await itemsOf(root)).toEqual(items);
        expect(root).toBe(await treeOf(items));
      }),
      { numRuns: 40 },
    );
  }, 120_000);

  test('one change in a large folder touches one page of each level', async () => {
    const items = Array.from({ length: 5000 }, (_, number) => item(number));
    const base = await treeOf(items);
    await session.flush();
    const before = repository.statistics().byType.page?.objects ?? 0;
    const tree = await session.openTree(base);
    await tree.putItem('inbox', item(2500, { state: { isRead: true } }));
    await tree.commit();
    await session.flush();
    const after = repository.statistics().byType.page?.objects ?? 0;
    expect(after - before).toBeGreaterThan(1);
    expect(after - before).toBeLessThanOrEqual(4);
    await tree.close();
  }, 60_000);

  test('no page has fewer than 8 or more than 128 entries but the last', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1e6 }), { maxLength: 1000 }), (numbers) => {
        const cutter = new PageCutter(0);
        for (const number of [...new Set(numbers)].sort((a, b) => a - b)) {
          const page = cutter.add(leafEntry(item(number)));
          if (page) {
            expect(page.length).toBeGreaterThanOrEqual(8);
            expect(page.length).toBeLessThanOrEqual(128);
          }
        }
      }),
    );
  });
});

describe('a diff', () => {
  test('tells exactly what is different between two random trees', async () => {
    const subset = fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 500 }), fc.boolean()), {
      selector: ([number]) => number,
      maxLength: 400,
    });
    await fc.assert(
      fc.asyncProperty(subset, subset, async (a, b) => {
        const [left, right] = [a, b].map((set) =>
          set.map(([number, isRead]) => item(number, { state: { isRead } })).sort(compareSortKeys),
        );
        const rootA = await treeOf(left ?? []);
        const rootB = await treeOf(right ?? []);
        const result = new Map((left ?? []).map((entry) => [entry.key, entry]));
        for await (const change of repository.diff(rootA, rootB)) {
          if (change.kind === 'item-removed') expect(result.delete(change.item.key)).toBe(true);
          if (change.kind === 'item-added') {
            expect(result.has(change.item.key)).toBe(false);
            result.set(change.item.key, change.item);
          }
          if (change.kind === 'item-changed') {
            expect(result.get(change.item.key)).toEqual(change.before);
            expect(change.item).not.toEqual(change.before);
            result.set(change.item.key, change.item);
          }
        }
        expect([...result.values()].sort(compareSortKeys)).toEqual(right);
      }),
      { numRuns: 30 },
    );
  }, 120_000);

  test('tells folders that came, went and were renamed', async () => {
    const make = async (folders: [string, string][]) => {
      const tree = await session.openTree();
      for (const [id, name] of folders) await tree.putFolder({ id, parentId: null, name });
      const { root } = await tree.commit();
      return root;
    };
    const a = await make([
      ['1', 'Kept'],
      ['2', 'Old name'],
      ['3', 'Gone'],
    ]);
    const b = await make([
      ['1', 'Kept'],
      ['2', 'New name'],
      ['4', 'New'],
    ]);
    const kinds: string[] = [];
    for await (const change of repository.diff(a, b))
      if ('folder' in change) kinds.push(`${change.kind} ${change.folder.id}`);
    expect(kinds).toEqual(['folder-changed 2', 'folder-removed 3', 'folder-added 4']);
  });
});

describe('a page', () => {
  test('reads as it was written', () => {
    const entries = [1, 2, 3].map((number) => leafEntry(item(number)));
    const page = parsePage(pageBytes(0, entries));
    expect(page.entries.map(itemOf)).toEqual([1, 2, 3].map((number) => item(number)));
  });

  test.each([
    ['text', 'hello'],
    ['no entries', '{"e":[],"l":0,"v":1}'],
    ['another version', '{"e":[[1,"k","00",1]],"l":1,"v":2}'],
    ['a level that is none', `{"e":[[1,"k","${OBJECT}",1]],"l":99,"v":1}`],
    ['entries out of order', `{"e":[[2,"k","${OBJECT}",1],[1,"k","${OBJECT}",1]],"l":1,"v":1}`],
    ['the same entry twice', `{"e":[[1,"k","${OBJECT}",1],[1,"k","${OBJECT}",1]],"l":1,"v":1}`],
    ['an id that is none', '{"e":[[1,"k","zz",1]],"l":1,"v":1}'],
    ['an item without a summary', `{"e":[[1,"k","${OBJECT}","c",1,{}]],"l":0,"v":1}`],
  ])('with %s is refused with a typed error', (_, text) => {
    expect(() => parsePage(Buffer.from(text))).toThrow(expect.objectContaining({ code: 'damaged-page' }));
  });

  test('I10: no bytes make the parser do anything but answer or refuse', () => {
    const valid = pageBytes(
      0,
      [1, 2, 3, 4].map((number): PageEntry => leafEntry(item(number))),
    );
    const mutated = fc
      .array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 8 })
      .map((flips) => {
        const bytes = Buffer.from(valid);
        for (const [at, value] of flips) bytes[at] = value;
        return bytes;
      });
    fc.assert(
      fc.property(
        fc.oneof(
          mutated,
          fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
        ),
        (bytes) => {
          try {
            expect(parsePage(bytes).entries.length).toBeGreaterThan(0);
          } catch (error) {
            expect(error).toMatchObject({ code: 'damaged-page' });
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
