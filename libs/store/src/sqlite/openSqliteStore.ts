import { resolve } from 'node:path';
import type { CollectionDeclaration } from '@holdfast/contracts';
import { checkDeclaration } from '../declaration.ts';
import type { Collection, Document, Store, StoreDeps } from '../ports.ts';
import { createBreather } from './breather.ts';
import { type Database, openDatabase } from './database.ts';
import { SqliteCollection } from './sqliteCollection.ts';
import { sqliteFailure } from './sqliteErrors.ts';
import { writeInOrder } from './writeInOrder.ts';
import { WriteQueue } from './writeQueue.ts';

/** A store over an open database. */
export function createSqliteStore(database: Database, deps: StoreDeps = {}): Store {
  const queue = new WriteQueue(database, deps);
  const shared = { database, queue, deps, breathe: createBreather() };
  return {
    kind: 'sqlite',
    collection<T extends Document>(declaration: CollectionDeclaration<T>): Collection<T> {
      checkDeclaration(declaration);
      return new SqliteCollection(declaration, shared);
    },
    async writeInOrder(writes) {
      try {
        return await writeInOrder(queue, writes);
      } catch (error) {
        throw sqliteFailure(database.path, error);
      }
    },
    async ping(): Promise<void> {
      try {
        database.row('SELECT version FROM holdfast_schema');
      } catch (error) {
        throw sqliteFailure(database.path, error);
      }
    },
    async close(): Promise<void> {
      await queue.close();
      if (database.isOpen) database.close();
    },
  };
}

/**
 * Opens control data in one SQLite file, which several processes of one machine may have open.
 * @throws StoreUnreachable, NotAStore, StoreTooNew, StoreDamaged, StoreUnavailable
 */
export async function openSqliteStore(path: string, deps: StoreDeps = {}): Promise<Store> {
  return createSqliteStore(await openDatabase(resolve(path), deps), deps);
}
