import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { systemCode } from '../errorCode.ts';
import { NotAStore, StoreTooNew, StoreUnavailable, StoreUnreachable } from '../errors.ts';
import { createPauses } from '../pauses.ts';
import type { StoreDeps } from '../ports.ts';
import { isBusy, sqliteFailure } from './sqliteErrors.ts';

/** Raised when older releases must not touch the file any more. */
export const sqliteSchemaVersion = 1;

/** How long one call may hold up the event loop while another process commits; longer waits are asynchronous. */
const blockingWaitMs = 5;
/** A process that cannot get the lock for so long reports the store as unavailable. */
export const lockPatience = { maxPauseMs: 25, totalMs: 10_000, tryMs: blockingWaitMs };
/** The write-ahead log shrinks back to this after a burst. */
const journalSizeLimitBytes = 64 * 1024 * 1024;

/** A connection with its prepared statements. Everything on it is synchronous and holds for the calling process. */
export class Database {
  readonly path: string;
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string, connection: DatabaseSync) {
    this.path = path;
    this.#connection = connection;
  }

  get isOpen(): boolean {
    return this.#connection.isOpen;
  }

  get inTransaction(): boolean {
    return this.#connection.isTransaction;
  }

  exec(sql: string): void {
    this.#connection.exec(sql);
  }

  /** Runs a statement that changes rows and says how many it changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#prepared(sql).run(...values).changes);
  }

  rows<R>(sql: string, ...values: SQLInputValue[]): R[] {
    return this.#prepared(sql).all(...values) as R[];
  }

  row<R>(sql: string, ...values: SQLInputValue[]): R | undefined {
    return this.#prepared(sql).get(...values) as R | undefined;
  }

  close(): void {
    this.#statements.clear();
    this.#connection.close();
  }

  #prepared(sql: string): StatementSync {
    if (!this.isOpen) throw new StoreUnavailable(`${this.path} is closed`);
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** SQLite reports a missing folder and a missing right alike, so the file system is asked first. */
function touch(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // SQLite gives its -wal and -shm files the mode of this one: nobody else reads the control data.
    closeSync(openSync(path, 'a', 0o600));
  } catch (error) {
    throw new StoreUnreachable(`the database file ${path} cannot be written (${systemCode(error)})`, {
      remedy: 'Name a file in HOLDFAST_STORE that the user that runs Holdfast may create and write.',
      cause: error,
    });
  }
}

function configure(connection: DatabaseSync): void {
  connection.exec(`PRAGMA busy_timeout = ${blockingWaitMs}`);
  connection.exec('PRAGMA journal_mode = WAL');
  // FULL: a commit is on the disk when it returns. fullfsync: on macOS fsync alone does not reach the disk.
  connection.exec('PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON');
  connection.exec(`PRAGMA journal_size_limit = ${journalSizeLimitBytes}`);
}

function checkSchema(database: Database): void {
  const { path } = database;
  database.exec('BEGIN IMMEDIATE');
  const tables = database.rows<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'");
  if (tables.length === 0) {
    database.exec('CREATE TABLE holdfast_schema (version INTEGER NOT NULL) STRICT');
    database.run('INSERT INTO holdfast_schema (version) VALUES (?)', sqliteSchemaVersion);
  } else if (!tables.some((table) => table.name === 'holdfast_schema')) {
    throw new NotAStore(path, 'is a database of something else');
  }
  const found = database.row<{ version: number }>(
    'SELECT max(version) AS version FROM holdfast_schema',
  )?.version;
  if (typeof found !== 'number') throw new NotAStore(path, 'has no schema version');
  if (found > sqliteSchemaVersion) throw new StoreTooNew(path, found, sqliteSchemaVersion);
  database.exec('COMMIT');
}

function tryOpen(path: string): Database {
  const connection = new DatabaseSync(path);
  try {
    configure(connection);
    const database = new Database(path, connection);
    checkSchema(database);
    return database;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/**
 * Opens the file, or makes it with its folder (readable by its owner only).
 * @throws StoreUnreachable, NotAStore, StoreTooNew, StoreDamaged, StoreUnavailable
 */
export async function openDatabase(path: string, deps: StoreDeps = {}): Promise<Database> {
  touch(path);
  const pause = createPauses(deps, lockPatience);
  for (;;) {
    try {
      return tryOpen(path);
    } catch (error) {
      // Switching a new file to WAL needs it alone for a moment; services that start together meet here.
      if (!isBusy(error) || !(await pause())) throw sqliteFailure(path, error);
    }
  }
}
