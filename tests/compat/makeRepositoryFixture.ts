/**
 * Makes the golden repository of the present format: `node tests/compat/makeRepositoryFixture.ts <folder>`.
 * Run once for each format version; the result is committed and never made again, because every later version
 * must read what this one wrote.
 */
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRepository, openBlobStore, openRepository } from '@holdfast/repository';
// Not through the testing door: that one also holds contract suites, which only the test runner can load.
import { CHEAP_KDF, pointInput } from '../../libs/repository/src/testing/smallRepository.ts';
import { FIXTURE_PASSPHRASE, type FixtureFacts, fixtureMessages } from './repositoryFixture.ts';

const target = process.argv[2];
if (!target) throw new Error('Say where to: node tests/compat/makeRepositoryFixture.ts <folder>');
await mkdir(target, { recursive: true });
const cacheDir = await mkdtemp(join(tmpdir(), 'holdfast-fixture-'));
const path = join(target, 'repository');
const store = await openBlobStore({ kind: 'fs', path });
const { recoveryKey } = await createRepository(store, {
  passphrase: FIXTURE_PASSPHRASE,
  // Reading the fixture must take milliseconds; the cost of the passphrase is part of each slot.
  kdf: CHEAP_KDF,
  sizes: { dataPackBytes: 64 * 1024, metadataPackBytes: 64 * 1024, partBytes: 1024, segmentBytes: 16 * 1024 },
});
const repository = await openRepository(store, { secret: { recoveryKey }, cacheDir, threads: 0 });
const facts: FixtureFacts = { repositoryId: repository.id, recoveryKey, points: [] };
const session = await repository.openSession({ writer: 'fixture' });
let base: string | undefined;
for (const [number, count] of [20, 60].entries()) {
  const tree = await session.openTree(base);
  await tree.putFolder({ id: 'inbox', parentId: null, name: 'Inbox', role: 'inbox' });
  await tree.putFolder({
    id: 'old',
    parentId: 'inbox',
    name: 'Größe & Übriges',
    hidden: true,
    extra: { color: 3 },
  });
  const items: FixtureFacts['points'][number]['items'] = [];
  for (const { folder, key, mime, time } of fixtureMessages(count)) {
    const properties = { key, nested: { list: [1, null, 'ä'] } };
    const extraParts = [{ name: 'fts', data: createHash('sha512').update(key).digest() }];
    const stored = await session.storeItem({ properties, mime, extraParts });
    const state = { isRead: number === 1, categories: ['Red'] };
    await tree.putItem(folder, {
      key,
      time,
      objectId: stored.objectId,
      changeKey: 'CQ==',
      size: mime.length,
      state,
      summary: { subject: key },
    });
    items.push({ folder, key, sha256: stored.mimeSha256 });
  }
  const { root } = await tree.commit();
  base = root;
  const kind = number === 0 ? ('checkpoint' as const) : ('full' as const);
  const gaps = [
    {
      itemKey: 'g',
      folderId: 'old',
      reason: 'too large',
      code: 'x',
      firstSeen: 't',
      lastTried: 't',
      tries: 2,
    },
  ];
  const ref = await session.commitPoint(
    pointInput({
      pointId: `${number}`.repeat(32),
      root,
      kind,
      time: `2026-01-0${number + 1}T00:00:00.000Z`,
      gaps,
      cursors: { inbox: 'token' },
    }),
  );
  facts.points.push({ name: ref.name, kind, root, items });
  await tree.close();
}
await repository.close();
await writeFile(join(target, 'facts.json'), `${JSON.stringify(facts, undefined, 1)}\n`);
await rm(cacheDir, { recursive: true });
await rm(join(path, '.tmp'), { recursive: true, force: true });
// Git keeps no read-only files as such.
for (const name of await readdir(path, { recursive: true })) {
  const file = join(path, name);
  if ((await stat(file)).isFile()) await chmod(file, 0o644);
}
