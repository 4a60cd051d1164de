import type { JsonObject } from '@holdfast/contracts';
import { encodeCursor } from './cursor.ts';
import { valueAt } from './declaration.ts';
import type { FieldValue, Page, Stored } from './ports.ts';
import type { PlannedQuery } from './query.ts';

/** A document as it lies in the database. */
export interface Row {
  version: number;
  value: JsonObject;
}

/** Makes a page of rows, of which one more than `limit` was asked for to learn whether there is another page. */
export function makePage<T>(
  plan: PlannedQuery,
  rows: readonly Row[],
  read: (row: Row) => Stored<T>,
): Page<T> {
  const items = rows.slice(0, plan.limit);
  const last = items.at(-1);
  const page: Page<T> = { items: items.map(read) };
  if (last !== undefined && rows.length > plan.limit) {
    const value = (valueAt(last.value, plan.sort.field) ?? null) as FieldValue | null;
    page.next = encodeCursor(plan.sort, { value, id: last.value.id as string });
  }
  return page;
}
