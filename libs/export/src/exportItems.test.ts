import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HoldfastError } from '@holdfast/contracts';
import type { Repository } from '@holdfast/repository';
import { FsBlobStore, MemoryBlobStore, newRepository } from '@holdfast/repository/testing';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { fromBuffer } from 'yauzl';
import { exportItems } from './exportItems.ts';
import { folderPlace } from './folderPlace.ts';
import { type ItemLine, itemLineSchema } from './manifest.ts';
import { pointItems } from './pointItems.ts';
import type { ExportItem, ExportPlace } from './ports.ts';
import { exportRequestSchema } from './request.ts';
import { plainMail, storeMailbox } from './testing/index.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const folders = { inbox: { name: 'Inbox' }, projects: { name: 'Pro/jects', parentId: 'inbox' } };
const big = Buffer.alloc(5 * 1024 * 1024, 'A line of a big message\r\n');
const mail = [
  ...Array.from({ length: 40 }, (_, n) => plainMail(n)),
  plainMail(100, 'projects', 'From the start\r\n>From quoted\r\n'),
  { ...plainMail(101, 'projects'), mime: big },
];
let base: string;
let repository: Repository;
let root: string;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'holdfast-export-'));
  repository = await newRepository(new MemoryBlobStore(), { cacheDir: join(base, 'cache'), sizes: {} });
  ({ root } = await storeMailbox(repository, folders, mail));
});
afterAll(async () => {
  await repository.close();
  await rm(base, { recursive: true, force: true });
});

const request = (more: object) => exportRequestSchema.parse({ what: { of: 'test' }, ...more });
const items = () => pointItems(repository, root);
const newPlace = async (): Promise<{ path: string; place: ExportPlace }> => {
  const path = await mkdtemp(join(base, 'to-'));
  return { path, place: await folderPlace(path) };
};

function filesBelow(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort();
}

const linesOf = (path: string): ItemLine[] =>
  filesBelow(path)
    .filter((name) => /^manifest-\d+\.jsonl$/.test(name))
    .flatMap((name) => readFileSync(join(path, name), 'utf8').trimEnd().split('\n').slice(0, -1))
    .map((line) => itemLineSchema.parse(JSON.parse(line)));

/** Entries of a zip by path, read by another library than the one that wrote it. */
function unzip(bytes: Buffer): Promise<Map<string, Buffer>> {
  return new Promise((resolve, reject) => {
    const found = new Map<string, Buffer>();
    fromBuffer(bytes, { lazyEntries: true }, (error, zip) => {
      if (error) return reject(error);
      zip.on('entry', (entry) => {
        zip.openReadStream(entry, (failed, stream) => {
          if (failed) return reject(failed);
          const pieces: Buffer[] = [];
          stream.on('data', (piece: Buffer) => pieces.push(piece));
          stream.on('error', reject);
          stream.on('end', () => {
            found.set(entry.fileName, Buffer.concat(pieces));
            zip.readEntry();
          });
        });
      });
      zip.on('end', () => resolve(found));
      zip.on('error', reject);
      zip.readEntry();
    });
  });
}

const byKey = new Map(mail.map((one) => [one.key, Buffer.from(one.mime)]));

describe('an export', () => {
  test('as a tree of files gives every message back byte for byte, with a manifest of hashes', async () => {
    const { path, place } = await newPlace();
    const manifest = await exportItems(items(), place, request({ format: 'eml', withProperties: true }));
    expect(manifest).toMatchObject({ items: 42, failed: 0 });
    const lines = linesOf(path);
    expect(lines).toHaveLength(42);
    for (const line of lines) {
      const bytes = readFileSync(join(path, line.path ?? ''));
      expect(bytes.equals(byKey.get(line.itemKey) ?? Buffer.alloc(0))).toBe(true);
      expect(line).toMatchObject({ bytes: bytes.length, sha256: sha256(bytes) });
    }
    const beside = lines[0]?.path?.replace(/eml$/, 'json') ?? '';
    expect(JSON.parse(readFileSync(join(path, beside), 'utf8'))).toMatchObject({ state: { isRead: true } });
    expect(filesBelow(path).some((name) => name.startsWith('Inbox/Pro_jects/'))).toBe(true);
    expect(filesBelow(path).filter((name) => /partial|spool/.test(name))).toEqual([]);
  });

  test('as zips is split at the size, and each volume is whole by itself', async () => {
    const { path, place } = await newPlace();
    const manifest = await exportItems(items(), place, request({ format: 'zip', splitBytes: 1024 * 1024 }));
    expect(manifest.volumes.map(({ file }) => file)).toEqual(['0001.zip', '0002.zip']);
    const found = new Map<string, Buffer>();
    for (const { file, sha256: hash } of manifest.volumes) {
      const bytes = readFileSync(join(path, file ?? ''));
      expect(sha256(bytes)).toBe(hash);
      for (const [name, content] of await unzip(bytes)) found.set(name, content);
    }
    const lines = linesOf(path);
    expect(found.size).toBe(42);
    for (const line of lines)
      expect(found.get(line.path ?? '')?.equals(byKey.get(line.itemKey) ?? Buffer.alloc(0))).toBe(true);
  });

  test('as mbox has a file a folder, and unquoting gives the messages back', async () => {
    const { path, place } = await newPlace();
    await exportItems(items(), place, request({ format: 'mbox' }));
    const files = filesBelow(path).filter((name) => name.endsWith('.mbox'));
    expect(files).toEqual(['0001 Inbox.mbox', '0002 Inbox - Pro_jects.mbox']);
    const messages = files.flatMap((file) =>
      readFileSync(join(path, file), 'latin1')
        .split(/^From (?:\S+@\S+|MAILER-DAEMON) \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\n/m)
        .slice(1)
        .map((text) => text.slice(0, -1).replaceAll(/^>(>*From )/gm, '$1')),
    );
    expect(messages).toHaveLength(42);
    expect(new Set(messages.map((text) => sha256(Buffer.from(text, 'latin1'))))).toEqual(
      new Set([...byKey.values()].map(sha256)),
    );
  });

  test('as JSON lines has one line an item', async () => {
    const { path, place } = await newPlace();
    await exportItems(items(), place, request({ format: 'json' }));
    const lines = readFileSync(join(path, '0001.jsonl'), 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(42);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ itemKey: 'key-0', folder: '/Inbox' });
  });

  test('of nothing is complete and empty', async () => {
    const { place } = await newPlace();
    const manifest = await exportItems(
      pointItems(repository, root, { folderIds: new Set() }),
      place,
      request({ format: 'zip' }),
    );
    expect(manifest).toMatchObject({ items: 0, volumes: [] });
  });
});

/** A place that dies at its nth write, as a killed process does: nothing of that write is seen. */
function dyingPlace(inner: ExportPlace, nth: number): ExportPlace {
  let writes = 0;
  return {
    ...inner,
    async writeWhole(name, bytes) {
      writes += 1;
      if (writes < nth) return inner.writeWhole(name, bytes);
      for await (const piece of bytes) if (piece.length > 0) break;
      throw new Error('killed');
    },
  };
}

describe('an export that was cut off', () => {
  test.each(['eml', 'zip', 'mbox', 'json'])(
    'at any write as %s goes on and ends as if nothing had been',
    async (format) => {
      const asked = request({ format, splitBytes: 1024 * 1024 });
      const some = () => pointItems(repository, root, { matches: (item) => item.key.endsWith('1') });
      const whole = await newPlace();
      const expected = await exportItems(some(), whole.place, asked);
      for (let nth = 1; ; nth += 1) {
        const { path, place } = await newPlace();
        const first = await exportItems(some(), dyingPlace(place, nth), asked).catch(
          (error: Error) => error.message,
        );
        if (first !== 'killed') break;
        const again = await exportItems(some(), place, asked);
        // Times inside a zip come from the mail, so the bytes are the same too.
        expect(again).toEqual(expected);
        expect(filesBelow(path)).toEqual(filesBelow(whole.path));
      }
    },
  );

  test('does not write finished volumes again', async () => {
    const { place } = await newPlace();
    const asked = request({ format: 'zip', splitBytes: 1024 * 1024 });
    await exportItems(items(), place, asked);
    const written: string[] = [];
    const watching: ExportPlace = {
      ...place,
      writeWhole: (name, bytes) => {
        written.push(name);
        return place.writeWhole(name, bytes);
      },
    };
    await exportItems(items(), watching, asked);
    expect(written).toEqual(['manifest.json']);
  });

  test('is not mixed with another one', async () => {
    const { place } = await newPlace();
    await exportItems(items(), place, request({ format: 'zip' }));
    await expect(exportItems(items(), place, request({ format: 'mbox' }))).rejects.toMatchObject({
      code: 'export-differs',
      remedy: expect.stringContaining('empty folder'),
    });
  });

  test('ends at once when it is told to', async () => {
    const { place } = await newPlace();
    const stop = new AbortController();
    const onProgress = () => stop.abort(new Error('told to'));
    const options = { signal: stop.signal, onProgress };
    await expect(exportItems(items(), place, request({ format: 'zip' }), options)).rejects.toThrow('told to');
  });
});

describe('an item that cannot be read', () => {
  async function* withFault(error: Error): AsyncGenerator<ExportItem> {
    let n = 0;
    for await (const item of items()) {
      n += 1;
      yield n === 3 ? { ...item, load: () => Promise.reject(error) } : item;
    }
  }
  const damaged = new HoldfastError('damaged-item', 'ours', 'its bytes are not what was written');

  test.each(['eml', 'zip', 'mbox', 'json'])(
    'is a line with its reason and costs nothing else (P7), as %s',
    async (format) => {
      const { path, place } = await newPlace();
      const manifest = await exportItems(withFault(damaged), place, request({ format }));
      expect(manifest).toMatchObject({ items: 41, failed: 1 });
      expect(linesOf(path).find((line) => line.failed)).toMatchObject({
        itemKey: 'key-2',
        failed: { code: 'damaged-item' },
      });
    },
  );

  test('because the storage is away ends the export, which can go on later', async () => {
    const { place } = await newPlace();
    const away = new HoldfastError('store-transient', 'transient', 'away');
    const asked = request({ format: 'zip' });
    await expect(exportItems(withFault(away), place, asked)).rejects.toThrow('away');
    expect(await exportItems(items(), place, asked)).toMatchObject({ items: 42, failed: 0 });
  });
});

test('a repository on a file system is exported without a byte written to it', async () => {
  const path = join(base, 'repository');
  const store = new FsBlobStore(path);
  await store.prepare();
  const own = await newRepository(store, { cacheDir: join(base, 'cache-2'), sizes: {} });
  const { root: ownRoot } = await storeMailbox(own, folders, mail.slice(0, 3));
  const before = filesBelow(path);
  const { place } = await newPlace();
  expect(await exportItems(pointItems(own, ownRoot), place, request({ format: 'zip' }))).toMatchObject({
    items: 3,
  });
  expect(filesBelow(path)).toEqual(before);
  await own.close();
});
