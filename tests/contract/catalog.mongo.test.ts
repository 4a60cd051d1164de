import { randomBytes } from 'node:crypto';
import { openCatalog } from '@holdfast/catalog';
import { catalogContract } from '@holdfast/catalog/testing';
import { databaseUrl, type MongoServer, startMongoServer } from '@holdfast/store/testing';
import { afterAll, describe, expect, jest, test } from '@jest/globals';
import { MongoClient } from 'mongodb';

// A container has to be pulled and started first.
jest.setTimeout(240_000);

const found = await startMongoServer();

if ('skipped' in found) {
  console.warn(`the catalog on MongoDB is not tested: ${found.skipped}`);
  describe('the catalog in MongoDB', () => {
    test.skip(`is not tested here: ${found.skipped}`, () => undefined);
  });
} else {
  console.info(`the catalog on MongoDB is tested with ${found.kind}`);
  afterAll(() => found.stop());
  describe(`the catalog in MongoDB (${found.kind})`, () => {
    // FerretDB reads whole collections for each call: a few histories are enough there.
    catalogContract(() => mongoFixture(found), { histories: 4 });
    test('a server that does not answer is a transient error that tells no password', async () => {
      const opening = openCatalog(
        'mongodb://someone:secretPassword@127.0.0.1:1/holdfast?serverSelectionTimeoutMS=300',
      );
      await expect(opening).rejects.toMatchObject({ code: 'catalog-unavailable', errorClass: 'transient' });
      await expect(opening).rejects.not.toMatchObject({ message: expect.stringContaining('secretPassword') });
    });
  });
}

async function mongoFixture(server: MongoServer) {
  const url = databaseUrl(server.url, `holdfast-catalog-${randomBytes(6).toString('hex')}`);
  const catalog = await openCatalog(url);
  return {
    catalog,
    dispose: async () => {
      await catalog.close();
      const client = new MongoClient(url);
      try {
        await client.db().dropDatabase();
      } finally {
        await client.close();
      }
    },
  };
}
