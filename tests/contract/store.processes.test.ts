import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Increments, startIncrements } from '@holdfast/store/testing';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';

jest.setTimeout(120_000);

let folder: string;
let path: string;
let counters: Increments[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-processes-'));
  path = join(folder, 'holdfast.db');
  counters = [];
});
afterEach(async () => {
  for (const { child } of counters) child.kill('SIGKILL');
  await Promise.all(counters.map((counter) => counter.ended));
  await rm(folder, { recursive: true, force: true });
});

function start(plan: Parameters<typeof startIncrements>[1]): Increments {
  const increments = startIncrements(`sqlite:${path}`, plan);
  counters.push(increments);
  return increments;
}

/** Reads the file past the store, as it lies there. */
function stored(): { version: number; size: number; integrity: string } {
  const connection = new DatabaseSync(path);
  try {
    const row = connection.prepare("SELECT version, doc FROM c_things WHERE id = 'counter'").get();
    const check = connection.prepare('PRAGMA integrity_check').get();
    const { size } = JSON.parse(String(row?.doc)) as { size: number };
    return { version: Number(row?.version), size, integrity: String(check?.integrity_check) };
  } finally {
    connection.close();
  }
}

describe('several processes on one SQLite file', () => {
  test('make it together and lose no update of one counter', async () => {
    const started = [4, 1, 16].map((atOnce) => start({ times: 400, atOnce }));
    const ends = await Promise.all(started.map((counter) => counter.ended));
    expect(started.map((counter) => counter.errors())).toEqual(['', '', '']);
    expect(ends).toEqual([0, 0, 0]);
    expect(stored()).toEqual({ version: 1201, size: 1200, integrity: 'ok' });
    const versions = started.flatMap((counter) => counter.acknowledged);
    expect(versions.sort((a, b) => a - b)).toEqual(Array.from({ length: 1200 }, (_, i) => i + 2));
  });

  test('lose nothing that was acknowledged when one is killed in the middle, and the others go on', async () => {
    const atOnce = 8;
    for (let round = 0; round < 5; round += 1) {
      const killAfter = randomInt(1, 400);
      console.info(`round ${round}: SIGKILL after ${killAfter} acknowledged increments`);
      await rm(folder, { recursive: true, force: true });
      const doomed = start({
        times: 1_000_000,
        atOnce,
        onAcknowledged: ({ acknowledged, child }) => {
          if (acknowledged.length >= killAfter) child.kill('SIGKILL');
        },
      });
      const survivor = start({ times: 300, atOnce });
      expect(await Promise.all([doomed.ended, survivor.ended])).toEqual(['SIGKILL', 0]);
      expect(survivor.acknowledged).toHaveLength(300);
      const { version, size, integrity } = stored();
      const acknowledged = doomed.acknowledged.length + survivor.acknowledged.length;
      expect(integrity).toBe('ok');
      expect(version).toBe(size + 1);
      expect(size).toBeGreaterThanOrEqual(acknowledged);
      // Increments that were committed but not told any more: at most those under way.
      expect(size).toBeLessThanOrEqual(acknowledged + atOnce);
      const next = start({ times: 10, atOnce: 1 });
      expect(await next.ended).toBe(0);
      expect(next.acknowledged.at(-1)).toBe(version + 10);
    }
  });
});
