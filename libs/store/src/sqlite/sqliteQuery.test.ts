import { DatabaseSync } from 'node:sqlite';
import { type CollectionDeclaration, collections } from '@holdfast/contracts';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { indexName } from '../declaration.ts';
import type { Query } from '../ports.ts';
import { planQuery } from '../query.ts';
import { things } from '../testing/things.ts';
import { collectionSql, tableOf } from './sqliteCollection.ts';
import { findSql } from './sqliteQuery.ts';

type Declared = Pick<CollectionDeclaration<unknown>, 'name' | 'indexes'>;

const connection = new DatabaseSync(':memory:');
const declarations: Declared[] = [...Object.values(collections), things];
const indexes = declarations.flatMap((declaration) =>
  declaration.indexes.map((index) => ({
    title: `${declaration.name}: ${indexName(index)}`,
    declaration,
    index,
    name: `c_${declaration.name}_${indexName(index)}`,
  })),
);

beforeAll(() => {
  for (const declaration of declarations)
    for (const { sql } of collectionSql(declaration)) connection.exec(sql);
});
afterAll(() => connection.close());

/** What SQLite intends to do, a line a step, for each statement of the page. */
function plans(declaration: Declared, query: Query): string[] {
  return findSql(tableOf(declaration.name), planQuery(declaration, query)).map(({ sql, values }) =>
    connection
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all(...values, 10)
      .map((row) => String(row.detail))
      .join('\n'),
  );
}

const cursorOf = (sort: NonNullable<Query['sort']>, value: string | null) =>
  Buffer.from(JSON.stringify([sort.field, sort.order, value, 'some-id'])).toString('base64url');

describe.each(indexes)('the index $title', ({ declaration, index, name }) => {
  const all = Object.fromEntries(index.fields.map((field) => [field, 'x']));
  const last = index.fields.at(-1) as string;
  const leading = Object.fromEntries(index.fields.slice(0, -1).map((field) => [field, 'x']));

  test('serves equality on all its fields', () => {
    const [plan] = plans(declaration, { where: all });
    expect(plan).toMatch(/^SEARCH .* USING INDEX c_/);
  });

  test('serves a prefix and a range on its last field', () => {
    for (const condition of [{ prefix: 'x' }, { gte: 'a', lt: 'b' }, { in: ['a', 'b'] }]) {
      const [plan] = plans(declaration, { where: { ...leading, [last]: condition } });
      expect(plan).toMatch(/SEARCH .* USING INDEX /);
    }
  });

  test('gives the order of its last field, every page of it, without sorting', () => {
    for (const order of ['asc', 'desc'] as const) {
      const sort = { field: last, order };
      // No document lacks a field of a unique index.
      const missing = index.unique ? [] : [cursorOf(sort, null)];
      for (const after of [undefined, cursorOf(sort, 'x'), ...missing]) {
        const found = plans(declaration, { where: leading, sort, ...(after === undefined ? {} : { after }) });
        for (const plan of index.unique ? found.slice(0, 1) : found) {
          expect(plan).toContain(`USING INDEX ${name}`);
          // A unique index has no id at its end, so equal values, of which there are none, are sorted.
          expect(plan.replace('USE TEMP B-TREE FOR LAST TERM OF ORDER BY', '')).not.toContain('TEMP B-TREE');
          if (!index.unique) expect(plan).not.toContain('TEMP B-TREE');
        }
      }
    }
  });
});

test('the order by id walks the key, from the cursor on', () => {
  const after = cursorOf({ field: 'id', order: 'asc' }, 'some-id');
  for (const query of [{}, { after }]) {
    const [plan] = plans(things, query);
    expect(plan).toMatch(/USING INDEX sqlite_autoindex/);
    expect(plan).not.toContain('TEMP B-TREE');
  }
});
