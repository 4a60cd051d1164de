import type { CollectionDeclaration, JsonObject } from '@holdfast/contracts';
import { checkDeclaration, valueAt } from '../declaration.ts';
import { prepareDocument, readDocument } from '../document.ts';
import { AlreadyExists, StoreUnavailable, VersionConflict } from '../errors.ts';
import { makePage, type Row } from '../page.ts';
import type { Collection, Document, FieldValue, Page, Query, Store, Stored } from '../ports.ts';
import { type PlannedCondition, type PlannedQuery, planConditions, planQuery } from '../query.ts';
import { compareStrings, compareValues } from '../stringOrder.ts';
import { writeOneByOne } from '../writeOneByOne.ts';

type Rows = Map<string, Row>;

function meets(value: JsonObject, condition: PlannedCondition): boolean {
  const found = valueAt(value, condition.field);
  if (found === undefined || found === null) return false;
  if (condition.kind === 'in') return condition.values.some((one) => one === found);
  return condition.bounds.every((bound) => {
    if (typeof bound.value !== typeof found) return false;
    const order = compareValues(found as FieldValue, bound.value);
    if (order === 0) return bound.is.endsWith('=');
    return order < 0 ? bound.is.startsWith('<') : bound.is.startsWith('>');
  });
}

type Place = { value: FieldValue | null; id: string };

function comparePlaces(a: Place, b: Place): number {
  if (a.value === null || b.value === null) {
    const missing = Number(a.value !== null) - Number(b.value !== null);
    return missing === 0 ? compareStrings(a.id, b.id) : missing;
  }
  const order = compareValues(a.value, b.value);
  return order === 0 ? compareStrings(a.id, b.id) : order;
}

function select(rows: Rows, plan: PlannedQuery): Row[] {
  const sign = plan.sort.order === 'asc' ? 1 : -1;
  const { after } = plan;
  return [...rows]
    .filter(([, row]) => plan.conditions.every((condition) => meets(row.value, condition)))
    .map(([id, row]) => {
      const value = (valueAt(row.value, plan.sort.field) ?? null) as FieldValue | null;
      return { row, place: { id, value } };
    })
    .filter(({ place }) => after === undefined || sign * comparePlaces(place, after) > 0)
    .sort((a, b) => sign * comparePlaces(a.place, b.place))
    .slice(0, plan.limit + 1)
    .map(({ row }) => row);
}

class MemoryCollection<T extends Document> implements Collection<T> {
  readonly name: string;
  readonly #declaration: CollectionDeclaration<T>;
  readonly #rows: Rows;
  readonly #check: () => void;

  constructor(declaration: CollectionDeclaration<T>, rows: Rows, check: () => void) {
    this.name = declaration.name;
    this.#declaration = declaration;
    this.#rows = rows;
    this.#check = check;
  }

  async get(id: string): Promise<Stored<T> | undefined> {
    this.#check();
    const row = this.#rows.get(id);
    return row && this.#stored(row);
  }

  async insert(doc: T): Promise<Stored<T>> {
    this.#check();
    const { id, value } = prepareDocument(this.#declaration, doc);
    if (this.#rows.has(id)) throw new AlreadyExists(this.name, ['id']);
    return this.#put(id, { version: 1, value });
  }

  async replace(doc: T, expectedVersion: number): Promise<Stored<T>> {
    this.#check();
    const { id, value } = prepareDocument(this.#declaration, doc);
    if (this.#rows.get(id)?.version !== expectedVersion)
      throw new VersionConflict(this.name, id, expectedVersion);
    return this.#put(id, { version: expectedVersion + 1, value });
  }

  async delete(id: string, expectedVersion?: number): Promise<boolean> {
    this.#check();
    const row = this.#rows.get(id);
    if (row !== undefined && expectedVersion !== undefined && row.version !== expectedVersion) {
      throw new VersionConflict(this.name, id, expectedVersion);
    }
    return this.#rows.delete(id);
  }

  async find(query: Query): Promise<Page<T>> {
    this.#check();
    const plan = planQuery(this.#declaration, query);
    return makePage(plan, select(this.#rows, plan), (row) => this.#stored(row));
  }

  async count(where?: Query['where']): Promise<number> {
    this.#check();
    const conditions = planConditions(this.#declaration, where);
    return [...this.#rows.values()].filter((row) => conditions.every((one) => meets(row.value, one))).length;
  }

  #put(id: string, row: Row): Stored<T> {
    for (const { fields } of this.#declaration.indexes.filter((index) => index.unique)) {
      const taken = [...this.#rows].some(
        ([other, { value }]) =>
          other !== id && fields.every((f) => valueAt(value, f) === valueAt(row.value, f)),
      );
      if (taken) throw new AlreadyExists(this.name, fields);
    }
    this.#rows.set(id, row);
    return this.#stored(row);
  }

  #stored(row: Row): Stored<T> {
    return { doc: readDocument(this.#declaration, structuredClone(row.value)), version: row.version };
  }
}

/** Control data in memory, for tests of what uses a store; it meets the same contract as the databases. */
export function memoryStore(): Store {
  const collections = new Map<string, Rows>();
  let open = true;
  const check = () => {
    if (!open) throw new StoreUnavailable('the store in memory is closed');
  };
  return {
    kind: 'memory',
    collection<T extends Document>(declaration: CollectionDeclaration<T>): Collection<T> {
      checkDeclaration(declaration);
      const rows = collections.get(declaration.name) ?? new Map<string, Row>();
      collections.set(declaration.name, rows);
      return new MemoryCollection(declaration, rows, check);
    },
    writeInOrder: writeOneByOne,
    async ping() {
      check();
    },
    async close() {
      open = false;
    },
  };
}
