import type { SQLInputValue } from 'node:sqlite';
import type { CollectionDeclaration, JsonObject } from '@holdfast/contracts';
import { indexName } from '../declaration.ts';
import { prepareDocument, readDocument, writtenDocument } from '../document.ts';
import { AlreadyExists, VersionConflict } from '../errors.ts';
import { makePage, type Row } from '../page.ts';
import { createPauses } from '../pauses.ts';
import type { Collection, Document, Page, Query, StoreDeps, Stored } from '../ports.ts';
import { planConditions, planQuery } from '../query.ts';
import { type Database, lockPatience } from './database.ts';
import { isBusy, isConstraint, sqliteFailure, takenFields } from './sqliteErrors.ts';
import { expressionOf, findSql, whereSql } from './sqliteQuery.ts';
import type { WriteQueue } from './writeQueue.ts';

interface StoredRow {
  version: number;
  doc: string;
}

/** Counting walks an index: about 40 ns a match, so a count of some ten thousand takes as long as so many reads. */
const countCost = 50;

/** Table of a collection: the JSON text, its version, and expression indexes for the declared fields. */
export const tableOf = (collection: string): string => `"c_${collection}"`;

/** The statements that make a collection; each may run again. */
export function collectionSql(
  declaration: Pick<CollectionDeclaration<unknown>, 'name' | 'indexes'>,
): { name: string; sql: string }[] {
  const table = tableOf(declaration.name);
  const name = `c_${declaration.name}`;
  const create = `CREATE TABLE IF NOT EXISTS ${table} (id TEXT PRIMARY KEY, version INTEGER NOT NULL, doc TEXT NOT NULL) STRICT`;
  return [
    { name, sql: create },
    ...declaration.indexes.map((index) => {
      const named = `${name}_${indexName(index)}`;
      // The id at the end makes every sort by an index field complete; in a unique index it would undo uniqueness.
      const expressions = [...index.fields.map(expressionOf), ...(index.unique ? [] : ['id'])].join(', ');
      const kind = index.unique ? 'UNIQUE INDEX' : 'INDEX';
      return { name: named, sql: `CREATE ${kind} IF NOT EXISTS "${named}" ON ${table} (${expressions})` };
    }),
  ];
}

/** What all collections of a store have in common. */
export interface SharedParts {
  database: Database;
  queue: WriteQueue;
  deps: StoreDeps;
  breathe: (documents: number) => Promise<void> | undefined;
}

export class SqliteCollection<T extends Document> implements Collection<T> {
  readonly name: string;
  readonly #declaration: CollectionDeclaration<T>;
  readonly #table: string;
  readonly #database: Database;
  readonly #shared: SharedParts;
  #made: Promise<void> | undefined;

  constructor(declaration: CollectionDeclaration<T>, shared: SharedParts) {
    this.name = declaration.name;
    this.#declaration = declaration;
    this.#table = tableOf(declaration.name);
    this.#database = shared.database;
    this.#shared = shared;
  }

  async get(id: string): Promise<Stored<T> | undefined> {
    const sql = `SELECT version, doc FROM ${this.#table} WHERE id = ?`;
    const row = await this.#read(1, () => this.#database.row<StoredRow>(sql, id));
    return row && this.#stored(parseRow(row));
  }

  async insert(doc: T): Promise<Stored<T>> {
    const insertion = this.insertion(doc);
    return this.#write(insertion);
  }

  async replace(doc: T, expectedVersion: number): Promise<Stored<T>> {
    const replacement = this.replacement(doc, expectedVersion);
    return this.#write(replacement);
  }

  /** Made ready to run inside a transaction, where it throws what refuses it and leaves nothing then. */
  insertion(doc: T): () => Stored<T> {
    const prepared = prepareDocument(this.#declaration, doc);
    const { id, json } = prepared;
    return () => {
      // Asked first, because SQLite may name another taken index: a repeat must be told from a collision.
      const taken = this.#database.row(`SELECT 1 FROM ${this.#table} WHERE id = ?`, id) !== undefined;
      if (taken) throw new AlreadyExists(this.name, ['id']);
      this.#change(`INSERT INTO ${this.#table} (id, version, doc) VALUES (?, 1, ?)`, id, json);
      return writtenDocument(prepared, 1);
    };
  }

  /** As `insertion`. */
  replacement(doc: T, expectedVersion: number): () => Stored<T> {
    const prepared = prepareDocument(this.#declaration, doc);
    const { id, json } = prepared;
    const sql = `UPDATE ${this.#table} SET doc = ?, version = version + 1 WHERE id = ? AND version = ?`;
    return () => {
      const changed = this.#change(sql, json, id, expectedVersion);
      if (changed === 0) throw new VersionConflict(this.name, id, expectedVersion);
      return writtenDocument(prepared, expectedVersion + 1);
    };
  }

  async delete(id: string, expectedVersion?: number): Promise<boolean> {
    const found = await this.#write(() => {
      const current = this.#database.row<StoredRow>(`SELECT version FROM ${this.#table} WHERE id = ?`, id);
      const wanted = current !== undefined && [undefined, current.version].includes(expectedVersion);
      if (wanted) this.#database.run(`DELETE FROM ${this.#table} WHERE id = ?`, id);
      return { existed: current !== undefined, deleted: wanted };
    });
    if (found.existed && !found.deleted) throw new VersionConflict(this.name, id, expectedVersion ?? 0);
    return found.deleted;
  }

  async find(query: Query): Promise<Page<T>> {
    const plan = planQuery(this.#declaration, query);
    const rows = await this.#read(plan.limit, () => {
      const found: StoredRow[] = [];
      for (const { sql, values } of findSql(this.#table, plan)) {
        const missing = plan.limit + 1 - found.length;
        if (missing > 0) found.push(...this.#database.rows<StoredRow>(sql, ...values, missing));
      }
      return found;
    });
    return makePage(plan, rows.map(parseRow), (row) => this.#stored(row));
  }

  async count(where?: Query['where']): Promise<number> {
    const { sql, values } = whereSql(planConditions(this.#declaration, where));
    const text = `SELECT count(*) AS n FROM ${this.#table} WHERE ${sql}`;
    return (await this.#read(countCost, () => this.#database.row<{ n: number }>(text, ...values)))?.n ?? 0;
  }

  #stored(row: Row): Stored<T> {
    return { doc: readDocument(this.#declaration, row.value), version: row.version };
  }

  async #read<R>(documents: number, read: () => R): Promise<R> {
    await this.made();
    await this.#shared.breathe(documents);
    const pause = createPauses(this.#shared.deps, lockPatience);
    for (;;) {
      try {
        return read();
      } catch (error) {
        if (!isBusy(error) || !(await pause())) throw sqliteFailure(this.#database.path, error);
      }
    }
  }

  async #write<R>(run: () => R): Promise<R> {
    await this.made();
    try {
      return await this.#shared.queue.write(run);
    } catch (error) {
      throw sqliteFailure(this.#database.path, error);
    }
  }

  /** A statement that a unique index may refuse. */
  #change(sql: string, ...values: SQLInputValue[]): number {
    try {
      return this.#database.run(sql, ...values);
    } catch (error) {
      if (!isConstraint(error)) throw error;
      throw new AlreadyExists(this.name, takenFields(error, this.#declaration.indexes), error);
    }
  }

  /** Resolves when table and indexes are there. */
  made(): Promise<void> {
    this.#made ??= this.#make().catch((error: unknown) => {
      this.#made = undefined;
      throw sqliteFailure(this.#database.path, error);
    });
    return this.#made;
  }

  async #make(): Promise<void> {
    const wanted = collectionSql(this.#declaration);
    const missing = wanted.filter(
      ({ name }) => this.#database.row('SELECT 1 FROM sqlite_master WHERE name = ?', name) === undefined,
    );
    if (missing.length === 0) return;
    await this.#shared.queue.write(() => {
      for (const { sql } of missing) this.#database.exec(sql);
    });
  }
}

function parseRow(row: StoredRow): Row {
  return { version: row.version, value: JSON.parse(row.doc) as JsonObject };
}
