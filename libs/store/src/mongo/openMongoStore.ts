import type { CollectionDeclaration } from '@holdfast/contracts';
import { type Db, MongoClient } from 'mongodb';
import { checkDeclaration } from '../declaration.ts';
import { NotAStore, StoreTooNew, StoreUnreachable } from '../errors.ts';
import type { Collection, Document, Store, StoreDeps } from '../ports.ts';
import { writeOneByOne } from '../writeOneByOne.ts';
import { type MadeCollections, MongoCollection } from './mongoCollection.ts';
import { isDuplicate, mongoFailure } from './mongoErrors.ts';

/** Raised when older releases must not touch the database any more. */
export const mongoSchemaVersion = 1;

const schemaCollection = 'holdfast-schema';
const defaultDatabase = 'holdfast';

const clientOptions = {
  appName: 'holdfast',
  // A write is acknowledged when it survives the loss of a node; a read shows only what survives it.
  writeConcern: { w: 'majority', journal: true },
  readConcern: { level: 'majority' },
  readPreference: 'primary',
  retryWrites: true,
  // Undefined values never get here; to leave them out is what JSON does.
  ignoreUndefined: true,
} as const;

/** Patience with a server that does not answer, where the address does not say otherwise. */
const timeouts = { serverSelectionTimeoutMS: 10_000, connectTimeoutMS: 10_000, socketTimeoutMS: 30_000 };

/** Options given beside the address would win over those in it. */
function timeoutsFor(url: string): Partial<typeof timeouts> {
  const inUrl = url.toLowerCase();
  return Object.fromEntries(
    Object.entries(timeouts).filter(([name]) => !inUrl.includes(`${name.toLowerCase()}=`)),
  );
}

function createClient(url: string): MongoClient {
  try {
    return new MongoClient(url, { ...clientOptions, ...timeoutsFor(url) });
  } catch (error) {
    throw new StoreUnreachable('the address of the MongoDB server cannot be read', {
      remedy: 'Set HOLDFAST_STORE to mongodb://user:password@host:27017/database.',
      cause: error,
    });
  }
}

/** Host and database for messages; the address itself may carry a password. */
function placeOf(client: MongoClient, db: Db): string {
  const hosts = client.options.srvHost ?? client.options.hosts.map(String).join(',');
  return `MongoDB ${hosts}/${db.databaseName}`;
}

async function checkSchema(db: Db, place: string): Promise<void> {
  const versions = db.collection<{ _id: string; version: number }>(schemaCollection);
  const insert = async () => {
    try {
      await versions.insertOne({ _id: 'schema', version: mongoSchemaVersion });
    } catch (error) {
      // Services that start together: one of them has written it.
      if (!isDuplicate(error)) throw error;
    }
  };
  let found = await versions.findOne({ _id: 'schema' });
  if (found === null) {
    await insert();
    found = await versions.findOne({ _id: 'schema' });
  }
  if (typeof found?.version !== 'number') throw new NotAStore(place, 'has no schema version');
  if (found.version > mongoSchemaVersion) throw new StoreTooNew(place, found.version, mongoSchemaVersion);
}

/**
 * Opens control data in a MongoDB database (the path of the address, `holdfast` without one).
 * @throws StoreUnreachable, StoreTooNew, StoreUnavailable
 */
export async function openMongoStore(url: string, _deps: StoreDeps = {}): Promise<Store> {
  const client = createClient(url);
  // The driver falls back to `test`, which would mix with other programs' data.
  const named = client.options.dbName !== 'test' || /\/test(\?|$)/.test(url);
  const db = client.db(named ? client.options.dbName : defaultDatabase);
  const place = placeOf(client, db);
  try {
    await client.connect();
    await checkSchema(db, place);
  } catch (error) {
    await client.close();
    throw mongoFailure(place, error);
  }
  const made: MadeCollections = new Map();
  return {
    kind: 'mongo',
    collection<T extends Document>(declaration: CollectionDeclaration<T>): Collection<T> {
      checkDeclaration(declaration);
      return new MongoCollection(declaration, db, place, made);
    },
    writeInOrder: writeOneByOne,
    async ping(): Promise<void> {
      try {
        await db.command({ ping: 1 });
      } catch (error) {
        throw mongoFailure(place, error);
      }
    },
    close: () => client.close(),
  };
}
