import type { SQLInputValue } from 'node:sqlite';
import type { FieldValue } from '../ports.ts';
import type { PlannedCondition, PlannedQuery } from '../query.ts';

/** SQL text with its values in order. */
export interface Fragment {
  sql: string;
  values: SQLInputValue[];
}

/** The expression of a field. Indexes are on exactly this text, or SQLite would not use them. */
export function expressionOf(field: string): string {
  return field === 'id' ? 'id' : `json_extract(doc, '$.${field}')`;
}

/** json_extract gives 1 and 0 for true and false. */
const bind = (value: FieldValue): SQLInputValue => (typeof value === 'boolean' ? Number(value) : value);

function conditionSql(condition: PlannedCondition): Fragment {
  const expression = expressionOf(condition.field);
  if (condition.kind === 'in') {
    // One text for lists of every length: the statement is prepared once.
    const list = JSON.stringify(condition.values.map(bind));
    return { sql: `${expression} IN (SELECT value FROM json_each(?))`, values: [list] };
  }
  const parts = condition.bounds.map((bound) => `${expression} ${bound.is} ?`);
  const values = condition.bounds.map((bound) => bind(bound.value));
  const isText = typeof values[0] === 'string';
  const has = (...comparisons: string[]) => condition.bounds.some((bound) => comparisons.includes(bound.is));
  // For SQLite every number is below every text; a range means values of its own type only.
  if (isText && !has('>', '>=', '=')) parts.push(`${expression} >= ''`);
  if (!isText && !has('<', '<=', '=')) parts.push(`${expression} < ''`);
  return { sql: parts.join(' AND '), values };
}

export function whereSql(conditions: readonly PlannedCondition[]): Fragment {
  const parts = conditions.map(conditionSql);
  return {
    sql: parts.length === 0 ? 'TRUE' : parts.map((part) => part.sql).join(' AND '),
    values: parts.flatMap((part) => part.values),
  };
}

/** A part of a list with the order inside it. */
interface Piece extends Fragment {
  order: string;
}

/**
 * What comes after the cursor, as one or two pieces to be read one after the other: an OR over them would keep
 * SQLite from walking the index.
 */
function afterCursor({ sort, after }: PlannedQuery): Piece[] {
  const direction = sort.order === 'asc' ? 'ASC' : 'DESC';
  const beyond = sort.order === 'asc' ? '>' : '<';
  const byId = `id ${direction}`;
  if (sort.field === 'id') {
    if (after === undefined) return [{ sql: 'TRUE', values: [], order: byId }];
    return [{ sql: `id ${beyond} ?`, values: [after.id], order: byId }];
  }
  const expression = expressionOf(sort.field);
  const order = `${expression} ${direction}, ${byId}`;
  if (after === undefined) return [{ sql: 'TRUE', values: [], order }];
  if (after.value === null) {
    const rest = { sql: `${expression} IS NULL AND id ${beyond} ?`, values: [after.id], order: byId };
    return sort.order === 'asc' ? [rest, { sql: `${expression} IS NOT NULL`, values: [], order }] : [rest];
  }
  const value = bind(after.value);
  const rest = {
    sql: `${expression} ${beyond}= ? AND (${expression} ${beyond} ? OR id ${beyond} ?)`,
    values: [value, value, after.id],
    order,
  };
  return sort.order === 'asc' ? [rest] : [rest, { sql: `${expression} IS NULL`, values: [], order: byId }];
}

/** The statements whose rows, one after the other and up to limit + 1 in all, are the page. */
export function findSql(table: string, plan: PlannedQuery): Fragment[] {
  const where = whereSql(plan.conditions);
  return afterCursor(plan).map(({ sql, values, order }) => ({
    sql: `SELECT version, doc FROM ${table} WHERE ${where.sql} AND ${sql} ORDER BY ${order} LIMIT ?`,
    values: [...where.values, ...values],
  }));
}
