import { mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openStore } from '../openStore.ts';
import { thing, things } from '../testing/things.ts';
import { openDatabase } from './database.ts';
import { createSqliteStore, openSqliteStore } from './openSqliteStore.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-database-'));
  path = join(folder, 'holdfast.db');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Runs something on the file past the store. */
function directly<R>(run: (connection: DatabaseSync) => R): R {
  const connection = new DatabaseSync(path);
  try {
    return run(connection);
  } finally {
    connection.close();
  }
}

describe('a database file', () => {
  test('is made with its folder, for its owner alone, and found again', async () => {
    path = join(folder, 'data', 'deep', 'holdfast.db');
    const store = await openStore(`sqlite:${path}`);
    await store.collection(things).insert(thing('a'));
    for (const file of [path, `${path}-wal`, `${path}-shm`])
      expect((await stat(file)).mode & 0o777).toBe(0o600);
    await store.close();
    const again = await openStore(`sqlite:${path}`);
    expect(await again.collection(things).count()).toBe(1);
    await again.close();
  });

  test('is written through to the disk at each commit', async () => {
    const database = await openDatabase(path);
    expect(database.row('PRAGMA journal_mode')).toMatchObject({ journal_mode: 'wal' });
    // 2 is FULL: the log is synced at each commit.
    expect(database.row('PRAGMA synchronous')).toMatchObject({ synchronous: 2 });
    database.close();
  });

  test('gets an index that a later release declares', async () => {
    const first = await openSqliteStore(path);
    await first.collection({ ...things, indexes: [] }).insert(thing('a', { group: 'g' }));
    await first.close();
    const later = await openSqliteStore(path);
    expect(await later.collection(things).count({ group: 'g' })).toBe(1);
    await later.close();
    const names = directly((c) => c.prepare("SELECT name FROM sqlite_master WHERE type = 'index'").all());
    expect(names).toContainEqual(expect.objectContaining({ name: 'c_things_by_group_size' }));
  });
});

describe('opening is refused with cause and remedy for', () => {
  test('a database of a newer release, which stays as it is', async () => {
    await (await openSqliteStore(path)).close();
    directly((c) => c.exec('UPDATE holdfast_schema SET version = 99'));
    const opening = openSqliteStore(path);
    await expect(opening).rejects.toMatchObject({ code: 'store-too-new', details: { found: 99, known: 1 } });
    await expect(opening).rejects.toMatchObject({ errorClass: 'configuration', remedy: expect.any(String) });
    expect(directly((c) => c.prepare('SELECT version FROM holdfast_schema').get())).toMatchObject({
      version: 99,
    });
  });

  test('a file that is no database, which stays as it is', async () => {
    const text = 'Dear diary, this is no database.\n'.repeat(200);
    await writeFile(path, text);
    await expect(openSqliteStore(path)).rejects.toMatchObject({
      code: 'not-a-store',
      errorClass: 'configuration',
    });
    expect((await stat(path)).size).toBe(text.length);
  });

  test('a database of something else', async () => {
    directly((c) => c.exec('CREATE TABLE recipes (name TEXT)'));
    await expect(openSqliteStore(path)).rejects.toMatchObject({
      code: 'not-a-store',
      message: expect.stringContaining('is a database of something else'),
    });
    expect(directly((c) => c.prepare('SELECT count(*) AS n FROM sqlite_master').get())).toMatchObject({
      n: 1,
    });
  });

  test('a folder, and a path below a file', async () => {
    await expect(openSqliteStore(folder)).rejects.toMatchObject({
      code: 'store-unreachable',
      message: expect.stringContaining('EISDIR'),
      remedy: expect.stringContaining('HOLDFAST_STORE'),
    });
    await writeFile(path, '');
    const below = openSqliteStore(join(path, 'holdfast.db'));
    await expect(below).rejects.toMatchObject({ code: 'store-unreachable', errorClass: 'configuration' });
  });

  test('an address of no known kind, whose password is not repeated', async () => {
    for (const url of ['', 'sqlite:', 'postgres://user:secretPassword@host/db', '/var/lib/holdfast.db']) {
      const opening = openStore(url);
      await expect(opening).rejects.toMatchObject({
        errorClass: 'configuration',
        remedy: expect.any(String),
      });
      await expect(opening).rejects.not.toThrow('secretPassword');
    }
    await expect(openStore('mongodb://user:secretPassword@/x?y')).rejects.not.toThrow('secretPassword');
  });
});

describe('while it runs', () => {
  test('a full disk refuses writes, loses nothing, and work goes on when there is room', async () => {
    const database = await openDatabase(path);
    const store = createSqliteStore(database);
    const collection = store.collection(things);
    const kind = 'x'.repeat(10_000);
    await collection.insert(thing('first', { kind }));
    // SQLite answers a limit of pages as it answers a full disk (SQLITE_FULL).
    database.exec('PRAGMA max_page_count = 40');
    const writes = Array.from({ length: 50 }, (_, i) => collection.insert(thing(`t${i}`, { kind })));
    const settled = await Promise.allSettled(writes);
    const refused = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    expect(refused.length).toBeGreaterThan(0);
    for (const reason of refused) {
      expect(reason).toMatchObject({
        code: 'store-full',
        errorClass: 'transient',
        remedy: /Free some space/,
      });
    }
    expect(await collection.count()).toBe(1 + 50 - refused.length);
    expect((await collection.get('first'))?.doc.kind).toBe(kind);
    database.exec('PRAGMA max_page_count = 100000');
    await collection.insert(thing('after'));
    await collection.replace(thing('first'), 1);
    await store.close();
    expect(directly((c) => c.prepare('PRAGMA integrity_check').get())).toMatchObject({
      integrity_check: 'ok',
    });
  });

  test('a damaged file is called damaged', async () => {
    const store = await openSqliteStore(path);
    const kind = 'x'.repeat(10_000);
    await Promise.all(
      Array.from({ length: 50 }, (_, i) => store.collection(things).insert(thing(`t${i}`, { kind }))),
    );
    await store.close();
    await truncate(path, 40 * 1024);
    const damaged = openSqliteStore(path).then(async (opened) => {
      try {
        return await opened.collection(things).find({ limit: 1000 });
      } finally {
        await opened.close();
      }
    });
    await expect(damaged).rejects.toMatchObject({ code: 'store-damaged', errorClass: 'configuration' });
  });

  test('another process that keeps the lock makes writes wait, then fail as transient', async () => {
    const pauses: number[] = [];
    const clock = { sleep: async (ms: number) => void pauses.push(ms) };
    const store = await openSqliteStore(path, { clock, random: () => 0.99 });
    const collection = store.collection(things);
    await collection.insert(thing('a'));
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    await expect(collection.insert(thing('b'))).rejects.toMatchObject({
      code: 'store-unavailable',
      errorClass: 'transient',
    });
    // 10 seconds in all, of which each try takes 5 ms.
    expect(pauses.reduce((sum, ms) => sum + ms + 5, 0)).toBeGreaterThanOrEqual(10_000);
    expect(await collection.count()).toBe(1);
    other.exec('COMMIT');
    other.close();
    await collection.insert(thing('b'));
    await store.close();
  }, 60_000);
});
