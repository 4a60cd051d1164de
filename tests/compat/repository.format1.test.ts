import { createHash } from 'node:crypto';
import { cp, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openBlobStore, openRepository, type Repository } from '@holdfast/repository';
import { emptyFolder, pointInput } from '@holdfast/repository/testing';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { FIXTURE_PASSPHRASE, type FixtureFacts, fixtureMessages } from './repositoryFixture.ts';

const fixture = new URL('./fixtures/format-1/', import.meta.url).pathname;
let folder: { path: string; remove: () => Promise<void> };
let facts: FixtureFacts;
let repository: Repository;

beforeAll(async () => {
  folder = await emptyFolder();
  facts = JSON.parse(await readFile(join(fixture, 'facts.json'), 'utf8'));
  // A copy: the fixture itself must never change, not even by a stray temporary folder.
  await cp(join(fixture, 'repository'), join(folder.path, 'repository'), { recursive: true });
  repository = await open({ passphrase: FIXTURE_PASSPHRASE });
});

afterAll(async () => {
  await repository.close();
  await folder.remove();
});

async function open(
  secret: { passphrase: string } | { recoveryKey: string },
  readOnly = true,
): Promise<Repository> {
  const store = await openBlobStore({ kind: 'fs', path: join(folder.path, 'repository') });
  return openRepository(store, { secret, cacheDir: join(folder.path, 'cache'), threads: 0, readOnly });
}

describe('a repository of format 1', () => {
  test('opens with its passphrase and with its recovery key', async () => {
    expect(repository.id).toBe(facts.repositoryId);
    const other = await open({ recoveryKey: facts.recoveryKey });
    expect(other.id).toBe(facts.repositoryId);
    await other.close();
  });

  test('has no fault', async () => {
    for await (const finding of repository.verify({ level: 'contents' })) expect(finding).toBeUndefined();
  });

  test('lists its points, and each returns every message byte for byte', async () => {
    const names: string[] = [];
    for await (const ref of repository.points()) {
      names.push(ref.name);
      const expected = facts.points.find(({ name }) => name === ref.name);
      const point = await repository.readPoint(ref);
      expect(point).toMatchObject({
        root: expected?.root,
        kind: expected?.kind,
        cursors: { inbox: 'token' },
      });
      expect(point.gaps).toHaveLength(1);
      const items = await readItems(point.root);
      expect(items).toEqual([...(expected?.items ?? [])].sort(byKey));
    }
    expect(names).toEqual(facts.points.map(({ name }) => name));
  });

  test('keeps what was said of folders, items, parts and extra parts', async () => {
    const root = facts.points[1]?.root ?? '';
    expect(await repository.tree(root).folders()).toMatchObject([
      { id: 'inbox', name: 'Inbox', role: 'inbox', parentId: null, count: 48 },
      { id: 'old', name: 'Größe & Übriges', hidden: true, parentId: 'inbox', extra: { color: 3 }, count: 12 },
    ]);
    for await (const entry of repository.tree(root).items('inbox')) {
      const item = await repository.readItem(entry.objectId);
      expect(entry).toMatchObject({
        changeKey: 'CQ==',
        state: { isRead: true, categories: ['Red'] },
        summary: { subject: entry.key },
      });
      expect(item.properties).toEqual({ key: entry.key, nested: { list: [1, null, 'ä'] } });
      const source = fixtureMessages(60).find(({ key }) => key === entry.key);
      expect(item.mime?.size).toBe(source?.mime.length);
      for (const part of item.mime?.parts ?? [])
        expect(part).toMatchObject({ contentType: 'image/png', fileName: 'picture.png' });
      expect(item.extraParts).toMatchObject([{ name: 'fts', size: 64 }]);
    }
  });

  test('is written by the same code to the same ids: what is stored again is not new', async () => {
    const writer = await open({ passphrase: FIXTURE_PASSPHRASE }, false);
    const session = await writer.openSession({ writer: 'compat' });
    const tree = await session.openTree();
    await tree.putFolder({ id: 'inbox', parentId: null, name: 'Inbox', role: 'inbox' });
    await tree.putFolder({
      id: 'old',
      parentId: 'inbox',
      name: 'Größe & Übriges',
      hidden: true,
      extra: { color: 3 },
    });
    for (const { folder: place, key, mime, time } of fixtureMessages(60)) {
      const stored = await session.storeItem({
        properties: { key, nested: { list: [1, null, 'ä'] } },
        mime,
        extraParts: [{ name: 'fts', data: createHash('sha512').update(key).digest() }],
      });
      expect({ key, newBytes: stored.newBytes }).toEqual({ key, newBytes: 0 });
      await tree.putItem(place, {
        key,
        time,
        objectId: stored.objectId,
        changeKey: 'CQ==',
        size: mime.length,
        state: { isRead: true, categories: ['Red'] },
        summary: { subject: key },
      });
    }
    const { root } = await tree.commit();
    expect(root).toBe(facts.points[1]?.root);
    await session.commitPoint(
      pointInput({ pointId: 'f'.repeat(32), root, time: '2026-02-01T00:00:00.000Z' }),
    );
    await tree.close();
    await writer.close();
  });

  test('is small enough to be committed', async () => {
    let size = 0;
    for (const name of await readdir(fixture, { recursive: true })) {
      const found = await stat(join(fixture, name));
      if (found.isFile()) size += found.size;
    }
    expect(size).toBeLessThan(300_000);
  });
});

async function readItems(root: string): Promise<{ folder: string; key: string; sha256: string }[]> {
  const items: { folder: string; key: string; sha256: string }[] = [];
  const tree = repository.tree(root);
  for (const { id } of await tree.folders()) {
    for await (const { key, objectId } of tree.items(id)) {
      const { mime } = await repository.readItem(objectId);
      const hash = createHash('sha256');
      for await (const piece of mime?.open() ?? []) hash.update(piece);
      items.push({ folder: id, key, sha256: hash.digest('hex') });
    }
  }
  return items.sort(byKey);
}

function byKey(a: { key: string }, b: { key: string }): number {
  return a.key < b.key ? -1 : 1;
}
