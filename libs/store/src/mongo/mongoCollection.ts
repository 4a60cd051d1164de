import type { CollectionDeclaration, JsonObject } from '@holdfast/contracts';
import type { Db, IndexDescription, Collection as MongoDriverCollection } from 'mongodb';
import { indexName, valueAt } from '../declaration.ts';
import { prepareDocument, readDocument, writtenDocument } from '../document.ts';
import { AlreadyExists, VersionConflict } from '../errors.ts';
import { makePage, type Row } from '../page.ts';
import type { Collection, Document, Page, Query, Stored } from '../ports.ts';
import { planConditions, planQuery } from '../query.ts';
import { escapeNames, unescapeNames } from './fieldNames.ts';
import { isDuplicate, isMissingCollection, mongoFailure } from './mongoErrors.ts';
import { findFilters, type MongoRow, pathOf, sortOf, whereFilter } from './mongoQuery.ts';

/** Collections whose indexes are known to be there, so that a store asks once for each. */
export type MadeCollections = Map<string, Promise<void>>;

type WriteKind = 'insert' | 'replace';
type Declared = Pick<CollectionDeclaration<unknown>, 'indexes'>;

/** As in SQLite: the id at the end completes every sort by an index field; in a unique index it would undo it. */
export function indexDescriptions(declaration: Declared): (IndexDescription & { name: string })[] {
  return declaration.indexes.map((index) => {
    const fields = [...index.fields.map(pathOf), ...(index.unique ? [] : ['_id'])];
    const key = Object.fromEntries(fields.map((field) => [field, 1 as const]));
    return { name: indexName(index), key, ...(index.unique ? { unique: true } : {}) };
  });
}

export class MongoCollection<T extends Document> implements Collection<T> {
  readonly name: string;
  readonly #declaration: CollectionDeclaration<T>;
  readonly #rows: MongoDriverCollection<MongoRow>;
  readonly #place: string;
  readonly #made: MadeCollections;

  constructor(declaration: CollectionDeclaration<T>, db: Db, place: string, made: MadeCollections) {
    this.name = declaration.name;
    this.#declaration = declaration;
    this.#rows = db.collection<MongoRow>(declaration.name);
    this.#place = place;
    this.#made = made;
  }

  async get(id: string): Promise<Stored<T> | undefined> {
    const row = await this.#run(() => this.#rows.findOne({ _id: id }));
    return row === null ? undefined : this.#stored(rowOf(row));
  }

  async insert(doc: T): Promise<Stored<T>> {
    const prepared = prepareDocument(this.#declaration, doc);
    const { id, value } = prepared;
    await this.#write('insert', id, value, () =>
      this.#rows.insertOne({ _id: id, version: 1, doc: contentOf(value) }),
    );
    return writtenDocument(prepared, 1);
  }

  async replace(doc: T, expectedVersion: number): Promise<Stored<T>> {
    const prepared = prepareDocument(this.#declaration, doc);
    const { id, value } = prepared;
    const version = expectedVersion + 1;
    const { matchedCount } = await this.#write('replace', id, value, () =>
      this.#rows.replaceOne({ _id: id, version: expectedVersion }, { version, doc: contentOf(value) }),
    );
    if (matchedCount === 0) throw new VersionConflict(this.name, id, expectedVersion);
    return writtenDocument(prepared, version);
  }

  async delete(id: string, expectedVersion?: number): Promise<boolean> {
    const filter = expectedVersion === undefined ? { _id: id } : { _id: id, version: expectedVersion };
    const { deletedCount } = await this.#run(() => this.#rows.deleteOne(filter));
    if (deletedCount > 0 || expectedVersion === undefined) return deletedCount > 0;
    const other = await this.#run(() => this.#rows.findOne({ _id: id }));
    if (other !== null) throw new VersionConflict(this.name, id, expectedVersion);
    return false;
  }

  async find(query: Query): Promise<Page<T>> {
    const plan = planQuery(this.#declaration, query);
    const found: MongoRow[] = [];
    for (const filter of findFilters(plan)) {
      const missing = plan.limit + 1 - found.length;
      if (missing === 0) break;
      const rows = await this.#run(() =>
        this.#rows.find(filter).sort(sortOf(plan)).limit(missing).batchSize(missing).toArray(),
      );
      found.push(...rows);
    }
    return makePage(plan, found.map(rowOf), (row) => this.#stored(row));
  }

  async count(where?: Query['where']): Promise<number> {
    const filter = whereFilter(planConditions(this.#declaration, where));
    return this.#run(() => this.#rows.countDocuments(filter));
  }

  #stored(row: Row): Stored<T> {
    return { doc: readDocument(this.#declaration, row.value), version: row.version };
  }

  async #run<R>(call: () => Promise<R>): Promise<R> {
    try {
      await this.#ensure();
      return await call();
    } catch (error) {
      throw mongoFailure(this.#place, error);
    }
  }

  /** A write of one document, which an index may refuse. */
  async #write<R>(kind: WriteKind, id: string, value: JsonObject, write: () => Promise<R>): Promise<R> {
    return this.#run(() =>
      write().catch(async (error: unknown) => {
        if (!isDuplicate(error)) throw error;
        throw new AlreadyExists(this.name, await this.#takenFields(kind, id, value), error);
      }),
    );
  }

  /** Looks what is taken, the id first: servers of the protocol do not all say it in the error. */
  async #takenFields(kind: WriteKind, id: string, value: JsonObject): Promise<readonly string[]> {
    if (kind === 'insert' && (await this.#rows.findOne({ _id: id })) !== null) return ['id'];
    for (const { fields, unique } of this.#declaration.indexes) {
      if (!unique) continue;
      const same = Object.fromEntries(fields.map((field) => [pathOf(field), valueAt(value, field)]));
      if ((await this.#rows.findOne({ ...same, _id: { $ne: id } })) !== null) return fields;
    }
    return ['id'];
  }

  #ensure(): Promise<unknown> {
    const key = [this.name, ...this.#declaration.indexes.map(indexName)].join(' ');
    let made = this.#made.get(key);
    if (made === undefined) {
      made = this.#make().catch((error: unknown) => {
        this.#made.delete(key);
        throw error;
      });
      this.#made.set(key, made);
    }
    return made;
  }

  async #make(): Promise<void> {
    const existing = new Set(await this.#indexNames());
    for (const index of indexDescriptions(this.#declaration)) {
      // One a call: FerretDB drops the connection when several of a call exist already.
      if (!existing.has(index.name)) await this.#rows.createIndexes([index]);
    }
  }

  async #indexNames(): Promise<string[]> {
    try {
      return (await this.#rows.listIndexes().toArray()).map((index) => String(index.name));
    } catch (error) {
      if (isMissingCollection(error)) return [];
      throw error;
    }
  }
}

/** The id is the key already; everything else is the content. */
function contentOf(value: JsonObject): JsonObject {
  const { id: _id, ...content } = value;
  return escapeNames(content);
}

function rowOf(row: MongoRow): Row {
  return { version: row.version, value: { id: row._id, ...unescapeNames(row.doc as JsonObject) } };
}
