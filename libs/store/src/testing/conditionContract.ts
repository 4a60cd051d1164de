import type { Query } from '../ports.ts';
import { jestGlobals } from './jestGlobals.ts';
import { idsOf, insertAll, type StoreFixture, thing } from './things.ts';
import { withThings } from './withStore.ts';

type Holds = (title: string, body: Parameters<typeof withThings>[1]) => void;

/** Conditions find the same documents in every store. */
export function conditionContract(open: () => Promise<StoreFixture>): void {
  const { describe, test } = jestGlobals();
  const holds: Holds = (title, body) => test(title, withThings(open, body));
  describe('a condition', () => conditions(holds));
}

function conditions(holds: Holds): void {
  const { expect } = jestGlobals();

  holds('finds equal values of each type, and no document without the field', async (collection) => {
    await insertAll(collection, [
      thing('a', { group: 'x', size: 1, done: true, place: { city: 'Ulm' } }),
      thing('b', { group: 'X', size: 0, done: false, place: { floor: 1 } }),
      thing('c', { group: null }),
      thing('d', { group: '', size: -0 }),
    ]);
    const found = (where: Query['where']) => idsOf(collection, where === undefined ? {} : { where });
    expect(await found({ group: 'x' })).toEqual(['a']);
    expect(await found({ group: '' })).toEqual(['d']);
    expect(await found({ size: 0 })).toEqual(['b', 'd']);
    expect(await found({ done: true })).toEqual(['a']);
    expect(await found({ done: false })).toEqual(['b']);
    expect(await found({ 'place.city': 'Ulm' })).toEqual(['a']);
    expect(await found({ group: 'x', size: 2 })).toEqual([]);
    expect(await found({ id: 'b', name: 'b' })).toEqual(['b']);
    expect(await found({})).toEqual(['a', 'b', 'c', 'd']);
    expect(await collection.count({ done: { in: [true, false] } })).toBe(2);
    expect(await collection.count()).toBe(4);
  });

  holds('lists values', async (collection) => {
    await insertAll(
      collection,
      ['a', 'b', 'c'].map((id, size) => thing(id, { size })),
    );
    expect(await idsOf(collection, { where: { size: { in: [0, 2, 7, 2] } } })).toEqual(['a', 'c']);
    expect(await idsOf(collection, { where: { id: { in: ['c', 'b'] } } })).toEqual(['b', 'c']);
    expect(await idsOf(collection, { where: { name: { in: [] } } })).toEqual([]);
    const many = Array.from({ length: 1500 }, (_, i) => `id${i}`);
    expect(await collection.count({ id: { in: [...many, 'a'] } })).toBe(1);
  });

  holds('ranges over numbers, with fractions and signs', async (collection) => {
    const sizes = [-1.5, -1, 0, 0.1, 0.2, 1, 10, 2 ** 31, 2 ** 40, 1e300];
    await insertAll(
      collection,
      sizes.map((size, i) => thing(`t${i}`, { size })),
    );
    await collection.insert(thing('none'));
    const sizesOf = async (where: Query['where']) =>
      (await collection.find({ ...(where && { where }), sort: { field: 'size', order: 'asc' } })).items.map(
        ({ doc }) => doc.size,
      );
    expect(await sizesOf({ size: { gt: 0.1 } })).toEqual([0.2, 1, 10, 2 ** 31, 2 ** 40, 1e300]);
    expect(await sizesOf({ size: { gte: -1, lt: 0.2 } })).toEqual([-1, 0, 0.1]);
    expect(await sizesOf({ size: { lte: -1 } })).toEqual([-1.5, -1]);
    expect(await sizesOf({ size: { gt: 2 ** 31, lte: 2 ** 40 } })).toEqual([2 ** 40]);
    expect(await sizesOf({ size: { gt: 5, lt: 5 } })).toEqual([]);
  });

  holds('ranges over texts and stays within its own type', async (collection) => {
    await insertAll(collection, [
      thing('a', { extra: 'm' }),
      thing('b', { extra: 'M' }),
      thing('c', { extra: 5 }),
      thing('d', { extra: '' }),
      thing('e'),
    ]);
    expect(await idsOf(collection, { where: { extra: { lt: 'n' } } })).toEqual(['a', 'b', 'd']);
    expect(await idsOf(collection, { where: { extra: { gte: 'a' } } })).toEqual(['a']);
    expect(await idsOf(collection, { where: { extra: { gt: 1 } } })).toEqual(['c']);
    expect(await idsOf(collection, { where: { extra: { lte: 99 } } })).toEqual(['c']);
  });

  holds('takes a prefix literally, whatever it would mean in a pattern', async (collection) => {
    const names = [
      'a.c',
      'abc',
      'a%c',
      'a_c',
      'a*',
      '^a',
      'A.C',
      'a.',
      'a',
      '.*',
      '\u{10ffff}x',
      '\ud7ff',
      'é',
    ];
    await insertAll(
      collection,
      names.map((name, i) => thing(`t${i}`, { name })),
    );
    const named = async (prefix: string) =>
      (await collection.find({ where: { name: { prefix } } })).items.map(({ doc }) => doc.name);
    expect(await named('a.')).toEqual(['a.c', 'a.']);
    expect(await named('a%')).toEqual(['a%c']);
    expect(await named('a_')).toEqual(['a_c']);
    expect(await named('.*')).toEqual(['.*']);
    expect(await named('^')).toEqual(['^a']);
    expect(await named('\u{10ffff}')).toEqual(['\u{10ffff}x']);
    expect(await named('\ud7ff')).toEqual(['\ud7ff']);
    expect(await named('')).toHaveLength(names.length);
    expect(await idsOf(collection, { where: { id: { prefix: 't1' } } })).toEqual(['t1', 't10', 't11', 't12']);
  });
}
