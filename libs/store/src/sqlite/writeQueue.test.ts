import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { type Database, openDatabase } from './database.ts';
import { WriteQueue } from './writeQueue.ts';

let folder: string;
let database: Database;
let statements: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-queue-'));
  database = await openDatabase(join(folder, 'holdfast.db'));
  database.exec('CREATE TABLE numbers (n INTEGER PRIMARY KEY) STRICT');
  statements = [];
  const exec = database.exec.bind(database);
  database.exec = (sql) => {
    statements.push(sql);
    exec(sql);
  };
});
afterEach(async () => {
  if (database.isOpen) database.close();
  await rm(folder, { recursive: true, force: true });
});

const insert = (n: number) => () => database.run('INSERT INTO numbers (n) VALUES (?)', n);
const count = () => database.row<{ n: number }>('SELECT count(*) AS n FROM numbers')?.n;
const commits = () => statements.filter((sql) => sql === 'COMMIT').length;

test('1,000 writes of one turn take two commits', async () => {
  const queue = new WriteQueue(database, {});
  await Promise.all(Array.from({ length: 1000 }, (_, i) => queue.write(insert(i))));
  expect(count()).toBe(1000);
  expect(commits()).toBe(2);
});

test('writers that go on when their write is done share a commit each round', async () => {
  const queue = new WriteQueue(database, {});
  const writer = async (w: number) => {
    for (let i = 0; i < 10; i += 1) await queue.write(insert(w * 10 + i));
  };
  await Promise.all(Array.from({ length: 64 }, (_, w) => writer(w)));
  expect(count()).toBe(640);
  expect(commits()).toBe(10);
});

test('on a slow disk many writers are paced, and one alone is not', async () => {
  const exec = database.exec.bind(database);
  database.exec = (sql) => {
    const until = performance.now() + (sql === 'COMMIT' ? 3 : 0);
    while (performance.now() < until);
    exec(sql);
  };
  const timer = jest.spyOn(globalThis, 'setTimeout');
  try {
    const queue = new WriteQueue(database, {});
    for (let i = 0; i < 5; i += 1) await queue.write(insert(i));
    expect(timer).not.toHaveBeenCalled();
    const writer = async (w: number) => {
      for (let i = 0; i < 5; i += 1) await queue.write(insert(100 + w * 10 + i));
    };
    await Promise.all([writer(0), writer(1)]);
    expect(timer).toHaveBeenCalled();
  } finally {
    timer.mockRestore();
  }
});

test('no write is acknowledged before its transaction has ended', async () => {
  const queue = new WriteQueue(database, {});
  const seen: boolean[] = [];
  const writes = [1, 2, 3].map((n) => queue.write(insert(n)).then(() => seen.push(database.inTransaction)));
  await Promise.all(writes);
  expect(seen).toEqual([false, false, false]);
  expect(statements.at(-1)).toBe('COMMIT');
});

test('a refused write fails alone; a defect in one undoes the whole transaction', async () => {
  const queue = new WriteQueue(database, {});
  const refused = await Promise.allSettled([
    queue.write(insert(1)),
    queue.write(insert(1)),
    queue.write(insert(2)),
  ]);
  expect(refused.map((one) => one.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  const defect = () => database.run('INSERT INTO nowhere VALUES (1)');
  const broken = await Promise.allSettled([
    queue.write(insert(3)),
    queue.write(defect),
    queue.write(insert(4)),
  ]);
  expect(broken.map((one) => one.status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect(count()).toBe(2);
  await queue.write(insert(3));
  expect(count()).toBe(3);
});

test('a transaction that somebody left open does not stop the queue', async () => {
  const queue = new WriteQueue(database, {});
  database.exec('BEGIN IMMEDIATE');
  insert(99)();
  await queue.write(insert(1));
  expect(database.rows('SELECT n FROM numbers')).toEqual([expect.objectContaining({ n: 1 })]);
});

test('closing ends what is queued and takes nothing more', async () => {
  const queue = new WriteQueue(database, {});
  const queued = Array.from({ length: 600 }, (_, i) => queue.write(insert(i)));
  await queue.close();
  expect(count()).toBe(600);
  await Promise.all(queued);
  await expect(queue.write(insert(9999))).rejects.toMatchObject({ code: 'store-unavailable' });
});
