import { HoldfastError } from '@holdfast/contracts';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Collection, Condition, FieldValue, Query, Stored } from '../ports.ts';
import { memoryStore } from './memoryStore.ts';
import { sqliteFixture } from './sqliteFixture.ts';
import { type StoreFixture, type Thing, things } from './things.ts';

type Operation =
  | { kind: 'insert'; doc: Thing }
  | { kind: 'replace'; doc: Thing; version: number }
  | { kind: 'delete'; id: string; version: number | undefined }
  | { kind: 'get'; id: string }
  | { kind: 'list'; query: Query };

/** The plainest store: a Map, and lists by filter and sort. It shares no code with the stores under test. */
class Model {
  readonly rows = new Map<string, Stored<Thing>>();

  apply(operation: Operation): unknown {
    if (operation.kind === 'get') return this.rows.get(operation.id);
    if (operation.kind === 'list') return this.#list(operation.query);
    if (operation.kind === 'delete') return this.#delete(operation.id, operation.version);
    const { doc } = operation;
    const current = this.rows.get(doc.id);
    if (operation.kind === 'insert' && current) return 'already-exists';
    if (operation.kind === 'replace' && current?.version !== operation.version) return 'version-conflict';
    if ([...this.rows.values()].some((row) => row.doc.id !== doc.id && row.doc.name === doc.name)) {
      return 'already-exists';
    }
    const stored = { version: (current?.version ?? 0) + 1, doc: { ...doc, kind: 'plain' } };
    this.rows.set(doc.id, stored);
    return stored;
  }

  #delete(id: string, version: number | undefined): unknown {
    const current = this.rows.get(id);
    if (current && version !== undefined && current.version !== version) return 'version-conflict';
    return this.rows.delete(id);
  }

  #list(query: Query): unknown {
    const { field, order } = query.sort ?? { field: 'id', order: 'asc' };
    const sign = order === 'asc' ? 1 : -1;
    return [...this.rows.values()]
      .filter(({ doc }) =>
        Object.entries(query.where ?? {}).every(([name, is]) => meets(fieldOf(doc, name), is)),
      )
      .sort(
        (a, b) =>
          sign * (compare(fieldOf(a.doc, field), fieldOf(b.doc, field)) || compare(a.doc.id, b.doc.id)),
      )
      .map(({ doc }) => doc.id);
  }
}

function fieldOf(doc: Thing, field: string): FieldValue | undefined {
  return field === 'place.city'
    ? doc.place?.city
    : ((doc as unknown as Record<string, FieldValue | undefined>)[field] ?? undefined);
}

function compare(a: FieldValue | undefined, b: FieldValue | undefined): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return Number(a) - Number(b);
}

function meets(value: FieldValue | undefined, condition: Condition): boolean {
  if (value === undefined) return false;
  if (typeof condition !== 'object') return value === condition;
  if ('in' in condition) return condition.in.includes(value);
  if ('prefix' in condition) return String(value).startsWith(condition.prefix);
  return (
    (condition.gt === undefined || compare(value, condition.gt) > 0) &&
    (condition.gte === undefined || compare(value, condition.gte) >= 0) &&
    (condition.lt === undefined || compare(value, condition.lt) < 0) &&
    (condition.lte === undefined || compare(value, condition.lte) <= 0)
  );
}

/** Few values, so that operations meet; odd ones, so that texts and numbers are put to the test. */
const ids = fc.constantFrom('a', 'b', 'ab', 'B', 'ä', '😀', '～', 'c%', 'c_', "d'");
const texts = fc.constantFrom(
  '',
  'x',
  'X',
  'xy',
  'x%',
  'x.',
  '\ud7ff',
  '\u{10ffff}',
  '～',
  '😀',
  "'",
  '"',
  '\\',
  '\0',
);
const sizes = fc.constantFrom(-1.5, -1, 0, 0.1, 1, 2, 10, 2 ** 40, 1e300);
const docs = fc.record(
  {
    id: ids,
    name: texts,
    group: fc.option(texts),
    size: sizes,
    done: fc.boolean(),
    place: fc.record({ city: texts }, { requiredKeys: [] }),
  },
  { requiredKeys: ['id', 'name'] },
) as fc.Arbitrary<Thing>;

function conditionOn(
  values: fc.Arbitrary<FieldValue>,
  prefix: fc.Arbitrary<Condition>[],
): fc.Arbitrary<Condition> {
  const range = fc
    .record({ gt: values, gte: values, lt: values, lte: values }, { requiredKeys: [] })
    .filter((bounds) => Object.keys(bounds).length > 0);
  return fc.oneof(values, fc.record({ in: fc.array(values, { maxLength: 4 }) }), range, ...prefix);
}
const textCondition = conditionOn(texts, [fc.record({ prefix: texts })]);
const queries = fc.record(
  {
    where: fc.record(
      {
        id: conditionOn(ids, [fc.record({ prefix: ids })]),
        name: textCondition,
        group: textCondition,
        size: conditionOn(sizes, []),
        done: fc.boolean(),
        'place.city': textCondition,
      },
      { requiredKeys: [] },
    ),
    sort: fc.record({
      field: fc.constantFrom('id', 'name', 'group', 'size', 'done', 'place.city'),
      order: fc.constantFrom('asc', 'desc'),
    }),
    limit: fc.integer({ min: 1, max: 4 }),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<Query>;
const versions = fc.integer({ min: 1, max: 3 });
const operations: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('insert' as const), doc: docs }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('replace' as const), doc: docs, version: versions }),
  },
  fc.record({
    kind: fc.constant('delete' as const),
    id: ids,
    version: fc.option(versions, { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('get' as const), id: ids }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('list' as const), query: queries }) },
);

async function run(collection: Collection<Thing>, operation: Operation): Promise<unknown> {
  try {
    switch (operation.kind) {
      case 'insert':
        return await collection.insert(operation.doc);
      case 'replace':
        return await collection.replace(operation.doc, operation.version);
      case 'delete':
        return await collection.delete(operation.id, operation.version);
      case 'get':
        return await collection.get(operation.id);
      case 'list':
        return await list(collection, operation.query);
    }
  } catch (error) {
    if (error instanceof HoldfastError) return error.code;
    throw error;
  }
}

async function list(collection: Collection<Thing>, query: Query): Promise<string[]> {
  const found: string[] = [];
  let after: string | undefined;
  do {
    const page = await collection.find({ ...query, ...(after === undefined ? {} : { after }) });
    found.push(...page.items.map(({ doc }) => doc.id));
    after = page.next;
  } while (after !== undefined);
  expect(await collection.count(query.where)).toBe(found.length);
  return found;
}

async function memoryFixture(): Promise<StoreFixture> {
  const store = memoryStore();
  return { store, again: async () => store, dispose: () => store.close() };
}

describe.each([
  ['memory', memoryFixture],
  ['SQLite', sqliteFixture],
])('the store in %s', (_name, open) => {
  test('answers random operations as a plain Map does', async () => {
    const { store, dispose } = await open();
    let round = 0;
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(operations, { minLength: 20, maxLength: 60 }), async (sequence) => {
          round += 1;
          const collection = store.collection({ ...things, name: `round-${round}` });
          const model = new Model();
          for (const operation of sequence) {
            expect(await run(collection, operation)).toEqual(model.apply(operation));
          }
          expect(await collection.count()).toBe(model.rows.size);
        }),
        { numRuns: 150 },
      );
    } finally {
      await dispose();
    }
  }, 60_000);
});
