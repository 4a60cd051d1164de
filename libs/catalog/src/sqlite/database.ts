import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { CatalogUnavailable, CatalogUnreachable } from '../errors.ts';

/** Raised when older releases must not touch the file any more; a file of another version is made anew. */
export const layoutVersion = 1;
/** The connection waits in SQLite: it has a thread of its own. */
const busyTimeoutMs = 20_000;
const cacheKiB = 32 * 1024;
const journalSizeLimitBytes = 64 * 1024 * 1024;

/** SQLite's primary result codes that pass by themselves: busy, locked, I/O error, full, protocol. */
const passing = new Set([5, 6, 10, 13, 15]);

/** A connection to the catalog's file with its prepared statements; everything on it is synchronous. */
export class CatalogDatabase {
  readonly path: string;
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** @throws CatalogUnreachable, CatalogUnavailable */
  constructor(path: string) {
    this.path = path;
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      // The texts of mails are in it: nobody else reads it. SQLite gives its other files the same mode.
      closeSync(openSync(path, 'a', 0o600));
      this.#connection = new DatabaseSync(path);
    } catch (error) {
      throw new CatalogUnreachable(path, error);
    }
    this.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
    this.exec('PRAGMA journal_mode = WAL');
    // A power failure may undo the last transactions, whole and in order: the indexer then goes on from there.
    this.exec('PRAGMA synchronous = NORMAL');
    this.exec(`PRAGMA cache_size = -${cacheKiB}; PRAGMA journal_size_limit = ${journalSizeLimitBytes}`);
    this.exec('PRAGMA temp_store = MEMORY');
  }

  exec(sql: string): void {
    this.#guard(() => this.#connection.exec(sql));
  }

  /** Runs a statement that changes rows and says how many it changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return this.#guard(() => Number(this.#prepared(sql).run(...values).changes));
  }

  /** Inserts one row and says its id; undefined when it was there. */
  insert(sql: string, ...values: SQLInputValue[]): number | undefined {
    const { changes, lastInsertRowid } = this.#guard(() => this.#prepared(sql).run(...values));
    return Number(changes) === 0 ? undefined : Number(lastInsertRowid);
  }

  rows<R>(sql: string, ...values: SQLInputValue[]): R[] {
    return this.#guard(() => this.#prepared(sql).all(...values) as R[]);
  }

  row<R>(sql: string, ...values: SQLInputValue[]): R | undefined {
    return this.#guard(() => this.#prepared(sql).get(...values) as R | undefined);
  }

  /** The long texts of a document; undefined when it went meanwhile. */
  packedDetail(id: number): Uint8Array | undefined {
    return this.row<{ packed: Uint8Array }>('SELECT packed FROM details WHERE id = ?', id)?.packed;
  }

  /** All of it or nothing. */
  transaction<T>(body: () => T): T {
    this.exec('BEGIN IMMEDIATE');
    try {
      const result = body();
      this.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#connection.isTransaction) this.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#statements.clear();
    if (this.#connection.isOpen) this.#connection.close();
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #guard<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      const code = (error as { errcode?: unknown } | null)?.errcode;
      if (!this.#connection.isOpen) throw new CatalogUnavailable(`${this.path} is closed`, error);
      if (typeof code === 'number' && passing.has(code & 0xff))
        throw new CatalogUnavailable(`${this.path} cannot be used now`, error);
      throw error;
    }
  }
}
