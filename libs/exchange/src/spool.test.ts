import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Spool } from './spool.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-spool-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('gives back what was written, as often as asked, in pieces that may be kept', async () => {
  const spool = await Spool.create(folder);
  const written = Buffer.concat([Buffer.alloc(400_000, 'a'), Buffer.alloc(300_000, 'b')]);
  await spool.write(written.subarray(0, 400_000));
  await spool.write(written.subarray(400_000));
  for (let time = 0; time < 2; time++) {
    const pieces: Uint8Array[] = [];
    for await (const piece of spool.read()) pieces.push(piece);
    expect(pieces.length).toBeGreaterThan(1);
    expect(Buffer.concat(pieces).equals(written)).toBe(true);
  }
  expect(spool.size).toBe(700_000);
  await spool.close();
  await spool.close();
});

test('leaves no name behind, so that a kill leaves no mail in the temporary folder', async () => {
  if (process.platform === 'win32') {
    process.stdout.write('skipped on Windows, where an open file keeps its name\n');
    return;
  }
  const spool = await Spool.create(folder);
  await spool.write(Buffer.from('secret mail'));
  expect(await readdir(folder)).toEqual([]);
  await spool.close();
});

test('a missing folder is told', async () => {
  await expect(Spool.create(join(folder, 'missing'))).rejects.toMatchObject({ code: 'ENOENT' });
});
