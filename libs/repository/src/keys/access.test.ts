import { randomBytes } from 'node:crypto';
import { constants, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { appendOnly } from '../backends/appendOnly.ts';
import { MemoryBlobStore } from '../backends/memory.ts';
import { createRepository } from '../createRepository.ts';
import { compress } from '../format/compression.ts';
import { crc32c } from '../format/crc32c.ts';
import { BloomFilter } from '../index/bloomFilter.ts';
import { openRepository } from '../openRepository.ts';
import type { BlobStore } from '../ports.ts';
import { faulty } from '../testing/faultyStore.ts';
import { CHEAP_KDF, emptyFolder, PASSPHRASE, SMALL_SIZES } from '../testing/smallRepository.ts';
import { formatRecoveryKey, parseRecoveryKey } from './recoveryKey.ts';

let folder: { path: string; remove: () => Promise<void> };

beforeEach(async () => {
  folder = await emptyFolder();
});
afterEach(() => folder.remove());

const create = (store: BlobStore) =>
  createRepository(store, { passphrase: PASSPHRASE, kdf: CHEAP_KDF, sizes: SMALL_SIZES });
const open = (store: BlobStore, secret: { passphrase: string } | { recoveryKey: string }, readOnly = false) =>
  openRepository(store, { secret, cacheDir: folder.path, threads: 0, readOnly });

describe('creating a repository', () => {
  test('makes two ways in, and leaves nothing but config and key slots', async () => {
    const store = new MemoryBlobStore();
    const { recoveryKey, repositoryId } = await create(store);
    expect([...store.blobs.keys()].sort()).toEqual([
      'config',
      expect.stringMatching(/^keys\//),
      expect.stringMatching(/^keys\//),
    ]);
    for (const secret of [
      { passphrase: PASSPHRASE },
      { recoveryKey },
      { recoveryKey: recoveryKey.toLowerCase().replaceAll('-', ' ') },
    ]) {
      const repository = await open(store, secret);
      expect(repository.id).toBe(repositoryId);
      await repository.close();
    }
  });

  test('no secret stands in what is stored', async () => {
    const store = new MemoryBlobStore();
    const { recoveryKey } = await create(store);
    const all = Buffer.concat([...store.blobs.values()]).toString('latin1');
    expect(all).not.toContain(PASSPHRASE);
    expect(all).not.toContain(parseRecoveryKey(recoveryKey).toString('base64'));
  });

  test('is refused where there is a repository, or anything else', async () => {
    const store = new MemoryBlobStore();
    await create(store);
    const before = new Map(store.blobs);
    await expect(create(store)).rejects.toMatchObject({
      code: 'repository-exists',
      remedy: expect.any(String),
    });
    expect(store.blobs).toEqual(before);
    const other = new MemoryBlobStore();
    await other.putIfAbsent('holiday.jpg', Buffer.from('x'));
    await expect(create(other)).rejects.toMatchObject({
      code: 'place-not-empty',
      message: expect.stringContaining('holiday.jpg'),
    });
    expect([...other.blobs.keys()]).toEqual(['holiday.jpg']);
  });

  test('can be done again after it was interrupted at any call', async () => {
    const recorder = faulty(new MemoryBlobStore(), () => 'none');
    await create(recorder);
    for (let number = 0; number < recorder.calls; number++) {
      const store = new MemoryBlobStore();
      const broken = faulty(store, (call) => (call.number === number ? 'die-after' : 'none'));
      const failed = await create(broken).then(
        () => false,
        () => true,
      );
      if (store.blobs.has('config')) continue;
      expect(failed).toBe(true);
      const { recoveryKey } = await create(store);
      await (await open(store, { recoveryKey })).close();
      await (await open(store, { passphrase: PASSPHRASE })).close();
    }
  });

  test('of two creators at once one wins and its secrets open', async () => {
    const store = new MemoryBlobStore();
    const results = await Promise.allSettled([create(store), create(store)]);
    const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(won).toHaveLength(1);
    await (await open(store, { recoveryKey: won[0]?.recoveryKey ?? '' })).close();
  });

  test('is refused on storage that overwrites, or that gives wrong bytes', async () => {
    const overwriting = new MemoryBlobStore();
    overwriting.putIfAbsent = async (name, bytes) => {
      overwriting.blobs.set(name, Buffer.concat(bytes instanceof Uint8Array ? [bytes] : [...bytes]));
    };
    await expect(create(overwriting)).rejects.toMatchObject({
      code: 'unfit-storage',
      message: expect.stringContaining('replaced'),
    });
    const lying = new MemoryBlobStore();
    lying.get = async () => new Uint8Array(4096);
    await expect(create(lying)).rejects.toMatchObject({ code: 'unfit-storage' });
    const forgetful = new MemoryBlobStore();
    const list = forgetful.list.bind(forgetful);
    forgetful.list = (prefix) => list(`${prefix}nothing`);
    await expect(create(forgetful)).rejects.toMatchObject({
      code: 'unfit-storage',
      message: expect.stringContaining('listed'),
    });
  });

  test('a short passphrase is refused', async () => {
    await expect(createRepository(new MemoryBlobStore(), { passphrase: 'short' })).rejects.toMatchObject({
      code: 'passphrase-too-short',
    });
  });

  test('works without the right to remove, and leaves its probe under live/', async () => {
    const store = new MemoryBlobStore();
    await create(appendOnly(store));
    expect([...store.blobs.keys()].filter((name) => name.startsWith('live/probe/'))).toHaveLength(1);
    await (await open(store, { passphrase: PASSPHRASE })).close();
  });
});

describe('opening a repository', () => {
  test('with a wrong secret says which, and changes nothing', async () => {
    const store = new MemoryBlobStore();
    await create(store);
    const before = new Map(store.blobs);
    await expect(open(store, { passphrase: 'another passphrase' })).rejects.toMatchObject({
      code: 'wrong-passphrase',
      errorClass: 'configuration',
      remedy: expect.stringContaining('recovery key'),
    });
    await expect(open(store, { recoveryKey: formatRecoveryKey(randomBytes(32)) })).rejects.toMatchObject({
      code: 'wrong-recovery-key',
    });
    await expect(open(store, { recoveryKey: 'HF1-ABC' })).rejects.toMatchObject({
      code: 'malformed-recovery-key',
    });
    expect(store.blobs).toEqual(before);
  });

  test('where there is none says so', async () => {
    await expect(open(new MemoryBlobStore(), { passphrase: PASSPHRASE })).rejects.toMatchObject({
      code: 'not-a-repository',
      remedy: expect.stringContaining('path'),
    });
  });

  test("in another repository's place does not open its key slot", async () => {
    const [one, two] = [new MemoryBlobStore(), new MemoryBlobStore()];
    await create(one);
    await create(two);
    two.blobs.set('config', one.blobs.get('config') ?? new Uint8Array());
    await expect(open(two, { passphrase: PASSPHRASE })).rejects.toMatchObject({ code: 'wrong-passphrase' });
  });

  test.each([
    [
      'a newer format',
      (config: Record<string, unknown>) => ({ ...config, format: 2, news: true }),
      'repository-too-new',
      'repository-too-new',
    ],
    [
      'a feature needed for reading',
      (config: Record<string, unknown>) => ({ ...config, features: { read: ['x'], write: [], collect: [] } }),
      'repository-too-new',
      'repository-too-new',
    ],
    [
      'a feature needed for writing',
      (config: Record<string, unknown>) => ({ ...config, features: { read: [], write: ['x'], collect: [] } }),
      'repository-too-new',
      undefined,
    ],
    [
      'a feature needed for collecting',
      (config: Record<string, unknown>) => ({ ...config, features: { read: [], write: [], collect: ['x'] } }),
      undefined,
      undefined,
    ],
    [
      'a field that is none',
      (config: Record<string, unknown>) => ({ ...config, sizes: 5 }),
      'damaged-config',
      'damaged-config',
    ],
  ])('I15: with %s', async (_, change, whenWriting, whenReading) => {
    const store = new MemoryBlobStore();
    await create(store);
    const config = JSON.parse(Buffer.from(store.blobs.get('config') ?? []).toString());
    store.blobs.set('config', Buffer.from(JSON.stringify(change(config))));
    for (const [readOnly, code] of [
      [false, whenWriting],
      [true, whenReading],
    ] as const) {
      const opening = open(store, { passphrase: PASSPHRASE }, readOnly);
      if (code === undefined) await (await opening).close();
      else await expect(opening).rejects.toMatchObject({ code });
    }
  });

  test('a slot that asks for absurd effort is refused instead of obeyed', async () => {
    const store = new MemoryBlobStore();
    await create(store);
    for (const [name, bytes] of store.blobs) {
      if (!name.startsWith('keys/')) continue;
      const slot = JSON.parse(Buffer.from(bytes).toString());
      store.blobs.set(
        name,
        Buffer.from(
          JSON.stringify({
            ...slot,
            kdf: { name: 'argon2id', memoryKiB: 2 ** 31, passes: 3, parallelism: 4 },
          }),
        ),
      );
    }
    await expect(open(store, { passphrase: PASSPHRASE })).rejects.toMatchObject({ code: 'damaged-key-slot' });
  });

  test('a cache that is no database is thrown away, one that cannot be made is a configuration error', async () => {
    const { writeFile, mkdir } = await import('node:fs/promises');
    const store = new MemoryBlobStore();
    const { repositoryId } = await create(store);
    await mkdir(`${folder.path}/${repositoryId}`);
    await writeFile(
      `${folder.path}/${repositoryId}/index.sqlite`,
      'this is not a database, but it is long enough to be read as one'.repeat(100),
    );
    await (await open(store, { passphrase: PASSPHRASE })).close();
    await writeFile(`${folder.path}/file`, '');
    await expect(
      openRepository(store, {
        secret: { passphrase: PASSPHRASE },
        cacheDir: `${folder.path}/file`,
        threads: 0,
      }),
    ).rejects.toMatchObject({ code: 'cache-unusable', remedy: expect.stringContaining('cache') });
  });
});

describe('keys', () => {
  test('the passphrase can be changed; the recovery key stays', async () => {
    const store = new MemoryBlobStore();
    const { recoveryKey } = await create(store);
    const repository = await open(store, { passphrase: PASSPHRASE });
    await expect(repository.changePassphrase('short')).rejects.toMatchObject({
      code: 'passphrase-too-short',
    });
    expect(await repository.changePassphrase('a new passphrase')).toEqual({ oldSlotsRemoved: true });
    expect((await repository.recoveryFacts()).slots.map(({ kind }) => kind).sort()).toEqual([
      'passphrase',
      'recovery',
    ]);
    await repository.close();
    await expect(open(store, { passphrase: PASSPHRASE })).rejects.toMatchObject({ code: 'wrong-passphrase' });
    await (await open(store, { passphrase: 'a new passphrase' })).close();
    await (await open(store, { recoveryKey })).close();
  });

  test('a recovery key survives being typed, and a typing error is noticed', () => {
    for (let round = 0; round < 50; round++) {
      const key = randomBytes(32);
      const printed = formatRecoveryKey(key);
      expect(parseRecoveryKey(printed.toLowerCase()).equals(key)).toBe(true);
      const at = 5 + (round % 40);
      const wrong =
        printed[at] === '-'
          ? undefined
          : printed.slice(0, at) + (printed[at] === 'X' ? 'Y' : 'X') + printed.slice(at + 1);
      if (wrong)
        expect(() => parseRecoveryKey(wrong)).toThrow(
          expect.objectContaining({ code: 'malformed-recovery-key' }),
        );
    }
  });

  test('Argon2id with the default cost opens what it made', async () => {
    const store = new MemoryBlobStore();
    await createRepository(store, { passphrase: PASSPHRASE });
    await (await open(store, { passphrase: PASSPHRASE })).close();
  }, 30_000);
});

describe('building blocks', () => {
  test('the level of compression has an effect', () => {
    const text = Buffer.from(
      Array.from({ length: 5000 }, (_, at) => `line ${(at * 7919) % 1000} of text\n`).join(''),
    );
    expect(compress(text, 9).length).toBeLessThan(compress(text, 1).length);
    const plain = zstdCompressSync(text, { params: { [constants.ZSTD_c_compressionLevel]: 3 } });
    expect(Math.abs(compress(text, 3).length - plain.length)).toBeLessThan(plain.length / 50);
  });

  test('CRC-32C gives the known value', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(Buffer.from('1234'), Buffer.from('56789'))).toBe(0xe3069283);
  });

  test('the Bloom filter forgets nothing and lets few strangers pass', () => {
    const filter = BloomFilter.forCapacity(100_000);
    const ids = Array.from({ length: 100_000 }, () => randomBytes(32));
    for (const id of ids) filter.add(id);
    expect(ids.every((id) => filter.mayHave(id))).toBe(true);
    const strangers = Array.from({ length: 50_000 }, () => randomBytes(32)).filter((id) =>
      filter.mayHave(id),
    );
    expect(strangers.length / 50_000).toBeLessThan(0.02);
  });
});
