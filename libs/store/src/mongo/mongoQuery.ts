import type { Document as BsonDocument, Filter, Sort } from 'mongodb';
import type { Comparison, PlannedCondition, PlannedQuery } from '../query.ts';

/** A document of a collection: the version stands beside the content, so that no field of it can be in the way. */
export interface MongoRow {
  _id: string;
  version: number;
  doc: BsonDocument;
}

const operators: Record<Comparison, string> = {
  '=': '$eq',
  '>': '$gt',
  '>=': '$gte',
  '<': '$lt',
  '<=': '$lte',
};

export const pathOf = (field: string): string => (field === 'id' ? '_id' : `doc.${field}`);

const on = (field: string, operator: string, value: unknown): Filter<MongoRow> =>
  ({ [pathOf(field)]: { [operator]: value } }) as Filter<MongoRow>;

function conditionFilters(condition: PlannedCondition): Filter<MongoRow>[] {
  if (condition.kind === 'in') return [on(condition.field, '$in', [...condition.values])];
  return condition.bounds.map((bound) => on(condition.field, operators[bound.is], bound.value));
}

const allOf = (filters: Filter<MongoRow>[]): Filter<MongoRow> =>
  filters.length === 0 ? {} : ({ $and: filters } as Filter<MongoRow>);

export function whereFilter(conditions: readonly PlannedCondition[]): Filter<MongoRow> {
  return allOf(conditions.flatMap(conditionFilters));
}

/** What comes after the cursor, as pieces to be read one after the other, so that each walks an index. */
function afterCursor(plan: PlannedQuery): Filter<MongoRow>[] {
  const { sort, after } = plan;
  if (after === undefined) return [{}];
  const beyond = sort.order === 'asc' ? '$gt' : '$lt';
  if (sort.field === 'id') return [on('id', beyond, after.id)];
  const missing = on(sort.field, '$eq', null);
  if (after.value === null) {
    const restOfMissing = allOf([missing, on('id', beyond, after.id)]);
    return sort.order === 'asc' ? [restOfMissing, on(sort.field, '$ne', null)] : [restOfMissing];
  }
  const tieOrBeyond = {
    $or: [on(sort.field, beyond, after.value), on('id', beyond, after.id)],
  } as Filter<MongoRow>;
  const rest = allOf([on(sort.field, `${beyond}e`, after.value), tieOrBeyond]);
  return sort.order === 'asc' ? [rest] : [rest, missing];
}

/** The filters whose documents, one after the other and up to limit + 1 in all, are the page. */
export function findFilters(plan: PlannedQuery): Filter<MongoRow>[] {
  return afterCursor(plan).map((piece) => allOf([whereFilter(plan.conditions), piece].filter(notEmpty)));
}

const notEmpty = (filter: Filter<MongoRow>): boolean => Object.keys(filter).length > 0;

export function sortOf(plan: PlannedQuery): Sort {
  const direction = plan.sort.order === 'asc' ? 1 : -1;
  return plan.sort.field === 'id'
    ? { _id: direction }
    : { [pathOf(plan.sort.field)]: direction, _id: direction };
}
