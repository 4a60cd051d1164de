import { InvalidInput } from '@holdfast/contracts';
import { all } from '../all.ts';
import type { Collection, Query } from '../ports.ts';
import { jestGlobals } from './jestGlobals.ts';
import { idsOf, insertAll, type StoreFixture, type Thing, thing } from './things.ts';
import { withThings } from './withStore.ts';

type Holds = (title: string, body: Parameters<typeof withThings>[1]) => void;

/** Lists: order and pages mean the same in every store. */
export function queryContract(open: () => Promise<StoreFixture>): void {
  const { describe, test } = jestGlobals();
  const holds: Holds = (title, body) => test(title, withThings(open, body));
  describe('the order', () => orders(holds));
  describe('a list of pages', () => pages(holds));
  describe('a query that makes no sense', () => refusals(holds));
}

function orders(holds: Holds): void {
  const { expect } = jestGlobals();
  // By UTF-8 bytes; JavaScript would put the emoji (surrogates) before U+FF5E.
  const inOrder = [
    '',
    '\u0001',
    ' ',
    '10',
    '9',
    'A',
    'Z',
    'a',
    'a b',
    'aa',
    'z',
    'Ä',
    'ß',
    'ä',
    '你',
    '\uff5e',
    '😀',
  ];

  holds('of texts is that of their bytes', async (collection) => {
    const shuffled = [...inOrder].reverse();
    await insertAll(
      collection,
      shuffled.map((name, i) => thing(`t${i}`, { name })),
    );
    const names = async (order: 'asc' | 'desc') =>
      (await collection.find({ sort: { field: 'name', order } })).items.map(({ doc }) => doc.name);
    expect(await names('asc')).toEqual(inOrder);
    expect(await names('desc')).toEqual(shuffled);
  });

  holds('of ids is that of their bytes, and the default', async (collection) => {
    const ids = inOrder.filter((id) => id !== '' && id !== '\u0001');
    await insertAll(
      collection,
      [...ids].reverse().map((id) => thing(id)),
    );
    expect(await idsOf(collection, { limit: 4 })).toEqual(ids);
    expect(await idsOf(collection, { limit: 4, sort: { field: 'id', order: 'desc' } })).toEqual(
      [...ids].reverse(),
    );
  });

  holds(
    'breaks ties by id in the same direction, and puts missing fields first or last',
    async (collection) => {
      await insertAll(collection, [
        thing('a', { size: 2 }),
        thing('b'),
        thing('c', { size: 1 }),
        thing('d', { size: 2 }),
        thing('e'),
        thing('f', { size: 2 }),
      ]);
      const ascending = ['b', 'e', 'c', 'a', 'd', 'f'];
      for (const limit of [1, 2, 3, 6, 100]) {
        expect(await idsOf(collection, { limit, sort: { field: 'size', order: 'asc' } })).toEqual(ascending);
        const descending = await idsOf(collection, { limit, sort: { field: 'size', order: 'desc' } });
        expect(descending).toEqual([...ascending].reverse());
      }
    },
  );

  holds('goes with conditions on other fields', async (collection) => {
    const docs = Array.from({ length: 30 }, (_, i) =>
      thing(`t${i}`, { group: `g${i % 3}`, size: (i * 7) % 10, done: i % 2 === 0 }),
    );
    await insertAll(collection, docs);
    const query: Query = {
      where: { group: 'g1', size: { gte: 3 } },
      sort: { field: 'size', order: 'desc' },
      limit: 3,
    };
    const expected = docs
      .filter((doc) => doc.group === 'g1' && (doc.size ?? 0) >= 3)
      .sort((a, b) => (b.size ?? 0) - (a.size ?? 0) || (a.id < b.id ? 1 : -1));
    expect(await idsOf(collection, query)).toEqual(expected.map((doc) => doc.id));
    expect(await collection.count(query.where)).toBe(expected.length);
    const byFlag: Query = { where: { done: true }, sort: { field: 'name', order: 'asc' }, limit: 4 };
    const flagged = docs.filter((doc) => doc.done).map((doc) => doc.id);
    expect(await idsOf(collection, byFlag)).toEqual(flagged.sort());
  });
}

function pages(holds: Holds): void {
  const { expect } = jestGlobals();

  holds('ends without a cursor, also where the last page is full', async (collection) => {
    await insertAll(
      collection,
      ['a', 'b', 'c', 'd'].map((id) => thing(id)),
    );
    const first = await collection.find({ limit: 2 });
    const second = await collection.find({ limit: 2, after: first.next ?? '' });
    expect(first.next).toBeDefined();
    expect(second.items.map(({ doc }) => doc.id)).toEqual(['c', 'd']);
    expect(second.next).toBeUndefined();
    expect(await collection.find({ where: { name: 'none' } })).toEqual({ items: [] });
  });

  holds('is 100 documents a page unless said otherwise', async (collection) => {
    await insertAll(
      collection,
      Array.from({ length: 101 }, (_, i) => thing(`t${i}`)),
    );
    const page = await collection.find({});
    expect(page.items).toHaveLength(100);
    expect(page.next).toBeDefined();
  });

  holds('does not shift when documents come and go between two pages', async (collection) => {
    await insertAll(
      collection,
      [10, 20, 30, 40, 50].map((size) => thing(`t${size}`, { size })),
    );
    const sort = { field: 'size', order: 'asc' } as const;
    const first = await collection.find({ sort, limit: 2 });
    await collection.delete('t20');
    await insertAll(collection, [
      thing('before', { size: 5 }),
      thing('behind', { size: 35 }),
      thing('missing'),
    ]);
    const rest = await idsOf(collection, { sort, limit: 2, after: first.next ?? '' });
    expect(rest).toEqual(['t30', 'behind', 't40', 't50']);
  });

  holds('comes complete out of all(), over many pages', async (collection) => {
    const docs = Array.from({ length: 1203 }, (_, i) =>
      thing(`t${i}`, { group: i % 2 === 0 ? 'even' : 'odd' }),
    );
    await insertAll(collection, docs);
    const seen: string[] = [];
    for await (const { doc } of all(collection, { where: { group: 'odd' } })) seen.push(doc.id);
    expect(seen).toEqual(
      docs
        .filter((doc) => doc.group === 'odd')
        .map((doc) => doc.id)
        .sort(),
    );
    let count = 0;
    for await (const _one of all(collection)) count += 1;
    expect(count).toBe(1203);
  });
}

function refusals(holds: Holds): void {
  const { expect } = jestGlobals();
  const refused = async (collection: Collection<Thing>, query: object, field: string) => {
    const found = collection.find(query as Query);
    await expect(found).rejects.toBeInstanceOf(InvalidInput);
    await expect(found).rejects.toMatchObject({ problems: [{ field }] });
  };

  holds('is refused when it needs an index that is not declared', async (collection) => {
    await refused(collection, { where: { kind: 'x' } }, 'kind');
    await refused(collection, { sort: { field: 'kind', order: 'asc' } }, 'kind');
    await expect(collection.count({ kind: 'x' })).rejects.toBeInstanceOf(InvalidInput);
  });

  holds('is refused when a condition has no value, rather than matching everything', async (collection) => {
    await refused(collection, { where: { name: undefined } }, 'name');
    await refused(collection, { where: { name: null } }, 'name');
    await refused(collection, { where: { name: {} } }, 'name');
    await refused(collection, { where: { size: { gt: Number.NaN } } }, 'size');
    await refused(collection, { where: { size: { gt: undefined } } }, 'size');
    await refused(collection, { where: { size: { gt: 1, lt: 'a' } } }, 'size');
    await refused(collection, { where: { size: { $gt: 1 } } }, 'size');
    await refused(collection, { where: { name: { in: [{ $ne: 1 }] } } }, 'name');
    await refused(collection, { where: { name: { prefix: 1 } } }, 'name');
  });

  holds('is refused with a wrong limit or cursor', async (collection) => {
    for (const limit of [0, -1, 1.5, 1001, Number.NaN]) await refused(collection, { limit }, 'limit');
    await insertAll(
      collection,
      ['a', 'b'].map((id) => thing(id)),
    );
    const { next = '' } = await collection.find({ limit: 1 });
    await refused(collection, { after: next, sort: { field: 'name', order: 'asc' } }, 'after');
    await refused(collection, { after: next, sort: { field: 'id', order: 'desc' } }, 'after');
    for (const after of [
      '',
      'x',
      `${next}x`,
      Buffer.from('["id","asc",{"$gt":1},"a"]').toString('base64url'),
    ]) {
      await refused(collection, { after }, 'after');
    }
  });
}
