import { type CollectionDeclaration, InvalidInput } from '@holdfast/contracts';
import { type CursorPosition, decodeCursor } from './cursor.ts';
import { indexedFields } from './declaration.ts';
import type { Condition, FieldValue, Query } from './ports.ts';
import { prefixEnd } from './stringOrder.ts';

export type Comparison = '=' | '>' | '>=' | '<' | '<=';

/** A condition in the only two forms that the adapters translate. All bounds of one field have one type. */
export type PlannedCondition =
  | { field: string; kind: 'bounds'; bounds: readonly { is: Comparison; value: FieldValue }[] }
  | { field: string; kind: 'in'; values: readonly FieldValue[] };

export interface PlannedQuery {
  conditions: readonly PlannedCondition[];
  sort: { field: string; order: 'asc' | 'desc' };
  limit: number;
  after: CursorPosition | undefined;
}

const defaultLimit = 100;
export const maxLimit = 1000;
const comparisons = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const;

const refuse = (field: string, message: string) => new InvalidInput([{ field, message }]);

function isFieldValue(value: unknown): value is FieldValue {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
}

/** Stored texts are well-formed, so a condition must be, or it would mean different things to different databases. */
const wellFormed = (value: FieldValue): FieldValue =>
  typeof value === 'string' ? value.toWellFormed() : value;

function planRange(field: string, condition: object): PlannedCondition {
  const bounds = Object.entries(condition).map(([name, value]) => {
    if (!Object.hasOwn(comparisons, name) || !isFieldValue(value)) {
      throw refuse(field, `${name} is no condition that the store knows, or has no value`);
    }
    return { is: comparisons[name as keyof typeof comparisons], value: wellFormed(value) };
  });
  if (bounds.length === 0) throw refuse(field, 'a range needs a bound');
  if (new Set(bounds.map((b) => typeof b.value)).size > 1) throw refuse(field, 'the bounds have two types');
  return { field, kind: 'bounds', bounds };
}

function planCondition(field: string, condition: Condition): PlannedCondition {
  if (isFieldValue(condition)) {
    return { field, kind: 'bounds', bounds: [{ is: '=', value: wellFormed(condition) }] };
  }
  if (typeof condition !== 'object' || condition === null) throw refuse(field, 'the condition has no value');
  if ('in' in condition) {
    if (!condition.in.every(isFieldValue))
      throw refuse(field, 'a listed value is no text, number or boolean');
    return { field, kind: 'in', values: condition.in.map(wellFormed) };
  }
  if ('prefix' in condition) {
    if (typeof condition.prefix !== 'string') throw refuse(field, 'a prefix must be a text');
    const end = prefixEnd(condition.prefix.toWellFormed());
    const from = { is: '>=', value: condition.prefix.toWellFormed() } as const;
    return { field, kind: 'bounds', bounds: end === undefined ? [from] : [from, { is: '<', value: end }] };
  }
  return planRange(field, condition);
}

type Declared = Pick<CollectionDeclaration<unknown>, 'name' | 'indexes'>;

function checkField(declaration: Declared, field: string): void {
  if (field === 'id' || indexedFields(declaration).has(field)) return;
  throw refuse(field, `${declaration.name} has no index with this field`);
}

/** @throws InvalidInput when a field has no declared index or a condition is none */
export function planConditions(declaration: Declared, where: Query['where'] = {}): PlannedCondition[] {
  return Object.entries(where).map(([field, condition]) => {
    checkField(declaration, field);
    return planCondition(field, condition);
  });
}

/** Checks a query and brings it into the form the adapters translate. @throws InvalidInput */
export function planQuery(declaration: Declared, query: Query): PlannedQuery {
  const sort = query.sort ?? { field: 'id', order: 'asc' };
  checkField(declaration, sort.field);
  const limit = query.limit ?? defaultLimit;
  if (!Number.isInteger(limit) || limit < 1 || limit > maxLimit) {
    throw refuse('limit', `must be a whole number from 1 to ${maxLimit}`);
  }
  return {
    conditions: planConditions(declaration, query.where),
    sort,
    limit,
    after: query.after === undefined ? undefined : decodeCursor(query.after, sort),
  };
}
