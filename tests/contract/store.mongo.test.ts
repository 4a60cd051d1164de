import { randomBytes } from 'node:crypto';
import { openStore, type Store } from '@holdfast/store';
import {
  databaseUrl,
  type MongoServer,
  startIncrements,
  startMongoServer,
  storeContract,
  things,
} from '@holdfast/store/testing';
import { afterAll, describe, expect, jest, test } from '@jest/globals';
import { MongoClient } from 'mongodb';

// A container has to be pulled and started first.
jest.setTimeout(240_000);

const found = await startMongoServer();

if ('skipped' in found) {
  console.warn(`store on MongoDB is not tested: ${found.skipped}`);
  describe('the store in MongoDB', () => {
    test.skip(`is not tested here: ${found.skipped}`, () => undefined);
  });
} else {
  console.info(`store on MongoDB is tested with ${found.kind}`);
  afterAll(() => found.stop());
  describe(`the store in MongoDB (${found.kind})`, () => {
    storeContract(() => mongoFixture(found));
    schemaVersion(found);
    failures(found);
    processes(found);
  });
}

const newDatabase = (server: MongoServer) =>
  databaseUrl(server.url, `holdfast-test-${randomBytes(6).toString('hex')}`);

async function dropDatabase(url: string): Promise<void> {
  const client = new MongoClient(url);
  try {
    await client.db().dropDatabase();
  } finally {
    await client.close();
  }
}

async function mongoFixture(server: MongoServer) {
  const url = newDatabase(server);
  const stores: Store[] = [await openStore(url)];
  return {
    store: stores[0]!,
    again: async () => {
      const store = await openStore(url);
      stores.push(store);
      return store;
    },
    dispose: async () => {
      await Promise.all(stores.map((store) => store.close()));
      await dropDatabase(url);
    },
  };
}

function schemaVersion(server: MongoServer): void {
  test('a database of a newer release is refused and left as it is', async () => {
    const url = newDatabase(server);
    await (await openStore(url)).close();
    const client = new MongoClient(url);
    try {
      const versions = client.db().collection<{ _id: string; version: number }>('holdfast-schema');
      await versions.updateOne({ _id: 'schema' }, { $set: { version: 99 } });
      await expect(openStore(url)).rejects.toMatchObject({
        code: 'store-too-new',
        errorClass: 'configuration',
        details: { found: 99, known: 1 },
      });
      expect(await versions.findOne({ _id: 'schema' })).toMatchObject({ version: 99 });
    } finally {
      await client.close();
      await dropDatabase(url);
    }
  });

  test('services that start together on an empty database all get it', async () => {
    const url = newDatabase(server);
    const stores = await Promise.all(Array.from({ length: 5 }, () => openStore(url)));
    await Promise.all(stores.map((store) => store.ping()));
    await Promise.all(stores.map((store) => store.close()));
    await dropDatabase(url);
  });
}

function failures(server: MongoServer): void {
  test('a server that does not answer is a transient error that tells no password', async () => {
    const opening = openStore(
      'mongodb://someone:secretPassword@127.0.0.1:1/holdfast?serverSelectionTimeoutMS=300',
    );
    await expect(opening).rejects.toMatchObject({ code: 'store-unavailable', errorClass: 'transient' });
    await expect(opening).rejects.not.toMatchObject({ message: expect.stringContaining('secretPassword') });
  });

  test('an address without a database means the database holdfast, never test', async () => {
    const { url } = server;
    const closed = databaseUrl(url, '').replace(/\/(\?|$)/, '$1');
    const opening = openStore(
      closed.replace(/\/\/[^/?]+/, '//127.0.0.1:1').concat('?serverSelectionTimeoutMS=100'),
    );
    await expect(opening).rejects.toMatchObject({ message: expect.stringContaining('127.0.0.1:1/holdfast') });
  });
}

function processes(server: MongoServer): void {
  test('processes lose no update of one counter, also when one of them is killed', async () => {
    const url = newDatabase(server);
    const atOnce = 4;
    const doomed = startIncrements(url, {
      times: 1_000_000,
      atOnce,
      onAcknowledged: ({ acknowledged, child }) => {
        if (acknowledged.length >= 40) child.kill('SIGKILL');
      },
    });
    const survivor = startIncrements(url, { times: 100, atOnce });
    expect(await Promise.all([doomed.ended, survivor.ended])).toEqual(['SIGKILL', 0]);
    expect(survivor.errors()).toBe('');
    const store = await openStore(url);
    const stored = await store.collection(things).get('counter');
    await store.close();
    await dropDatabase(url);
    const acknowledged = doomed.acknowledged.length + survivor.acknowledged.length;
    expect(stored?.version).toBe((stored?.doc.size ?? 0) + 1);
    expect(stored?.doc.size).toBeGreaterThanOrEqual(acknowledged);
    // Increments that were committed but not told any more: at most those under way.
    expect(stored?.doc.size).toBeLessThanOrEqual(acknowledged + atOnce);
  });
}
