import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { findFerretdb } from './ferretdb.ts';
import { databaseUrl, startMongoServer } from './mongoServer.ts';

test('a server that is named is taken as it is, and not stopped', async () => {
  const url = 'mongodb://db.example.com/?directConnection=true';
  const server = await startMongoServer({ HOLDFAST_TEST_MONGODB_URL: url });
  expect(server).toMatchObject({ url });
  if ('stop' in server) await server.stop();
});

test('a database goes between the host and the options of an address', () => {
  expect(databaseUrl('mongodb://a:27017', 'db')).toBe('mongodb://a:27017/db');
  expect(databaseUrl('mongodb://a:1,b:2/admin?replicaSet=rs', 'db')).toBe(
    'mongodb://a:1,b:2/db?replicaSet=rs',
  );
  expect(databaseUrl('mongodb+srv://u:p@a/', 'db')).toBe('mongodb+srv://u:p@a/db');
});

test('FerretDB is found in the tools folder first, then on PATH, and only when it can run', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-tools-'));
  try {
    const env = { PATH: join(folder, 'path'), HOLDFAST_TOOLS_DIR: folder };
    expect(await findFerretdb(env)).toBeUndefined();
    for (const place of ['path', 'bin']) {
      await mkdir(join(folder, place));
      const file = join(folder, place, 'ferretdb');
      await writeFile(file, '#!/bin/sh\n');
      await chmod(file, 0o755);
      expect(await findFerretdb(env)).toBe(file);
    }
    await chmod(join(folder, 'bin', 'ferretdb'), 0o644);
    expect(await findFerretdb(env)).toBe(join(folder, 'path', 'ferretdb'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
