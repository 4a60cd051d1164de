import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MemoryBlobStore } from './backends/memory.ts';
import { parseConfig } from './config.ts';
import {
  FRAME_HEADER_BYTES,
  mostFrameBytes,
  openFrame,
  parseFrameHeader,
  sealFrame,
} from './format/frame.ts';
import { parseItem, parseRecipe, parseReferences } from './format/itemObject.ts';
import { ObjectType } from './format/objectTypes.ts';
import { parsePackFooter, parsePackTrailer, scanFrames } from './format/pack.ts';
import { MANIFEST_RECORD, openRecord, sealRecord } from './format/sealedRecord.ts';
import { parseSegment, segmentBytes } from './format/segment.ts';
import { MasterKeys } from './keys/masterKeys.ts';
import { NonceSource } from './keys/nonceSource.ts';
import { parseManifest } from './points/manifest.ts';
import type { Repository } from './repository.ts';
import { damagedCopy, emptyFolder, reopen, storeMails } from './testing/smallRepository.ts';
import { parseFolders } from './tree/folders.ts';

let folder: { path: string; remove: () => Promise<void> };
const sound = new MemoryBlobStore();
let contents: { objectId: string; sha256: string }[];
let caches = 0;

beforeAll(async () => {
  folder = await emptyFolder();
  const mails = Array.from({ length: 5 }, (_, number) =>
    Buffer.from(`Subject: ${number}\r\n\r\n${'Hello. '.repeat(200)}${number}`),
  );
  const stored = await storeMails(sound, `${folder.path}/made`, mails);
  contents = stored.map(({ objectId, mimeSha256 }) => ({ objectId, sha256: mimeSha256 }));
});

afterAll(() => folder.remove());

const damaged = (change: (blobs: Map<string, Uint8Array>) => void) => damagedCopy(sound, change);

function nameOf(prefix: string, suffix = ''): string {
  const name = [...sound.blobs.keys()].find(
    (candidate) => candidate.startsWith(prefix) && candidate.endsWith(suffix),
  );
  if (name === undefined) throw new Error(`nothing below ${prefix}`);
  return name;
}

/** Every way of using the repository either gives the right bytes or a typed error. */
async function use(store: MemoryBlobStore): Promise<{ errors: string[]; findings: string[]; wrong: number }> {
  const result = { errors: [] as string[], findings: [] as string[], wrong: 0 };
  const attempt = async (action: () => Promise<void>) => {
    try {
      await action();
    } catch (error) {
      result.errors.push((error as { code?: string }).code ?? String(error));
    }
  };
  let repository: Repository | undefined;
  await attempt(async () => {
    repository = await reopen(store, { cacheDir: `${folder.path}/${caches++}`, readOnly: true });
  });
  if (!repository) return result;
  const open = repository;
  for (const { objectId, sha256 } of contents) {
    await attempt(async () => {
      const hash = createHash('sha256');
      for await (const piece of (await open.readItem(objectId)).mime?.open() ?? []) hash.update(piece);
      if (hash.digest('hex') !== sha256) result.wrong++;
    });
  }
  await attempt(async () => {
    for await (const ref of open.points()) {
      const { root } = await open.readPoint(ref);
      for await (const _ of open.tree(root).items('inbox'));
    }
  });
  await attempt(async () => {
    for await (const { kind } of open.verify({ level: 'contents' })) result.findings.push(kind);
  });
  await open.close();
  return result;
}

const TYPED =
  /^(damaged-|object-missing|not-a-repository|wrong-passphrase|repository-too-new|blob-not-found|unknown-key-generation)/;

describe('I10: damage gives a typed error or a finding, and never a wrong byte', () => {
  const classes: [string, (bytes: Uint8Array) => number][] = [
    ['mark', () => 33],
    ['version', () => 36],
    ['type', () => 37],
    ['key generation', () => 38],
    ['codec', () => 39],
    ['id', () => 45],
    ['raw length', () => 72],
    ['body length', () => 76],
    ['salt', () => 81],
    ['nonce', () => 100],
    ['tag', () => 110],
    ['body', () => 32 + 92 + 20],
    ['footer mark', (bytes) => footerOffset(bytes)],
    ['footer body', (bytes) => footerOffset(bytes) + 70],
    ['trailer offset', (bytes) => bytes.length - 33],
    ['trailer length', (bytes) => bytes.length - 29],
    ['trailer count', (bytes) => bytes.length - 25],
    ['trailer checksum', (bytes) => bytes.length - 21],
    ['end mark', (bytes) => bytes.length - 3],
    ['pack mark', () => 1],
    ['pack kind', () => 5],
    ['repository id of the pack', () => 10],
  ];
  for (const suffix of ['.d', '.m']) {
    test.each(classes)(`a flipped bit in the %s of a ${suffix} pack`, async (_, place) => {
      const store = damaged((blobs) => flip(blobs, nameOf('packs/', suffix), place));
      const { errors, findings, wrong } = await use(store);
      expect(wrong).toBe(0);
      expect(errors.length + findings.length).toBeGreaterThan(0);
      expect(errors.filter((code) => !TYPED.test(code))).toEqual([]);
    });
  }

  test.each(['config', 'keys/', 'index/', 'points/'])('a flipped bit anywhere in %s', async (prefix) => {
    const name = nameOf(prefix);
    const size = sound.blobs.get(name)?.length ?? 0;
    for (let at = 0; at < size; at += Math.max(1, Math.floor(size / 60))) {
      const { errors, wrong } = await use(damaged((blobs) => flip(blobs, name, () => at)));
      expect(wrong).toBe(0);
      expect(errors.filter((code) => !TYPED.test(code))).toEqual([]);
    }
  });

  test.each(['config', 'index/', 'points/', 'packs/'])('%s cut off at any length', async (prefix) => {
    const name = nameOf(prefix);
    const bytes = sound.blobs.get(name) ?? new Uint8Array();
    for (const length of [0, 1, 31, 32, 60, 92, bytes.length - 41, bytes.length - 2]) {
      const { errors, findings, wrong } = await use(
        damaged((blobs) => blobs.set(name, bytes.slice(0, Math.max(0, length)))),
      );
      expect(wrong).toBe(0);
      expect(errors.length + findings.length).toBeGreaterThan(0);
      expect(errors.filter((code) => !TYPED.test(code))).toEqual([]);
    }
  });

  test('a pack that is gone, and one that lies under the name of another', async () => {
    const [data, metadata] = [nameOf('packs/', '.d'), nameOf('packs/', '.m')];
    expect((await use(damaged((blobs) => blobs.delete(data)))).findings).toContain('pack-missing');
    const swapped = await use(
      damaged((blobs) => {
        const bytes = blobs.get(data) ?? new Uint8Array();
        blobs.set(data, blobs.get(metadata) ?? new Uint8Array());
        blobs.set(metadata, bytes);
      }),
    );
    expect(swapped.wrong).toBe(0);
    expect(swapped.findings).toContain('pack-damaged');
  });

  test('a frame put in the place of another, and a frame given twice', async () => {
    const name = nameOf('packs/', '.d');
    const [first, second] = scanFrames(sound.blobs.get(name) ?? new Uint8Array());
    if (!first || !second) throw new Error('two frames are needed');
    const store = damaged((blobs) => {
      const bytes = blobs.get(name);
      const frame = bytes?.slice(second.offset, second.offset + FRAME_HEADER_BYTES + second.bodyLength);
      if (bytes && frame) bytes.set(frame, first.offset);
    });
    const { errors, wrong } = await use(store);
    expect(wrong).toBe(0);
    expect(errors).toContain('damaged-frame');
  });

  test('a manifest under the name of another point', async () => {
    const name = nameOf('points/');
    const store = damaged((blobs) => {
      blobs.set(name.replace('0123456789abcdef', 'fedcba9876543210'), blobs.get(name) ?? new Uint8Array());
      blobs.delete(name);
    });
    expect((await use(store)).errors).toContain('damaged-manifest');
  });

  test('one damaged copy is no loss when there is another', async () => {
    const name = nameOf('packs/', '.d');
    const store = damaged(() => undefined);
    const repository = await reopen(store, { cacheDir: `${folder.path}/${caches++}` });
    const bytes = store.blobs.get(name);
    const copy = name.replace(/\.[0-9a-f]{8}\.d$/, '.00000000.d');
    store.blobs.set(copy, Uint8Array.from(bytes ?? []));
    await repository.adoptUnindexedPacks();
    await repository.close();
    flip(store.blobs, name, () => 32 + 92 + 20);
    expect((await use(store)).errors).toEqual([]);
  });
});

describe('I10: no bytes make a parser crash, hang or allocate without limit', () => {
  const keys = new MasterKeys({ idKey: randomBytes(32), encKeys: [{ generation: 0, key: randomBytes(32) }] });
  const nonces = () => new NonceSource(keys, 'frame', randomBytes);
  const plain = Buffer.from('some text '.repeat(50));
  const id = keys.objectId(ObjectType.item, plain);
  const sealed = Buffer.alloc(mostFrameBytes(plain));
  const { bodyLength } = sealFrame(keys, nonces(), { type: ObjectType.item, id, plain }, 3, sealed, 0);
  const frame = sealed.subarray(0, FRAME_HEADER_BYTES + bodyLength);
  const header = frame.subarray(0, FRAME_HEADER_BYTES);
  const segment = segmentBytes({
    level: 0,
    packs: [{ name: `packs/${'ab'}/${'ab'.repeat(32)}.01234567.d`, size: 5, createdAt: 6 }],
    entries: [{ id, pack: 0, offset: 32, bodyLength: 4, rawLength: 5, type: ObjectType.item, codec: 1 }],
    replaces: [`index/0/${'cd'.repeat(32)}`],
  });
  const name = 'points/x';
  const manifest = sealRecord(MANIFEST_RECORD, new NonceSource(keys, 'manifest', randomBytes), plain, name);
  const parsers: [string, Buffer, (bytes: Buffer) => unknown][] = [
    ['a frame header', header, (bytes) => parseFrameHeader(bytes)],
    ['a frame', frame, (bytes) => openFrame(keys, bytes, bytes.subarray(FRAME_HEADER_BYTES), id)],
    ['a scanned pack', Buffer.concat([Buffer.alloc(32), frame]), (bytes) => scanFrames(bytes)],
    ['a segment', segment, (bytes) => parseSegment(bytes)],
    ['a record', manifest, (bytes) => openRecord(MANIFEST_RECORD, keys, bytes, name)],
    ['a manifest', manifest, (bytes) => parseManifest(bytes, name, keys)],
    [
      'a trailer',
      Buffer.concat([Buffer.alloc(32), Buffer.from('HFPKEND1')]),
      (bytes) => parsePackTrailer(bytes, 1000),
    ],
    [
      'a footer',
      Buffer.alloc(200),
      (bytes) => parsePackFooter(bytes.subarray(40), bytes.subarray(0, 40), 200, keys, 'ab'),
    ],
    ['an item', Buffer.from('\0\0\0\u0002{}'), (bytes) => parseItem(bytes)],
    ['references', Buffer.concat([Buffer.of(1), id]), (bytes) => parseReferences(bytes)],
    ['a recipe', Buffer.concat([Buffer.of(1), Buffer.alloc(8), id]), (bytes) => parseRecipe(bytes)],
    ['folders', Buffer.from('{"folders":[],"v":1}'), (bytes) => parseFolders(bytes)],
    ['a config', Buffer.from('{"format":1}'), (bytes) => parseConfig(bytes)],
  ];
  test.each(parsers)('%s', (_, valid, parse) => {
    const flips = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    const mutated = flips.map((changes) => {
      const bytes = Buffer.from(valid);
      for (const [at, value] of changes) bytes[at] = value;
      return bytes;
    });
    const cut = fc.nat(valid.length).map((length) => Buffer.from(valid.subarray(0, length)));
    const random = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(mutated, cut, random), (bytes) => {
        try {
          parse(bytes);
        } catch (error) {
          expect((error as { code?: string }).code).toMatch(TYPED);
        }
      }),
      { numRuns: 400 },
    );
  });

  test('a frame that says it is larger than its type may be is refused before anything is allocated', () => {
    const bomb = Buffer.from(header);
    bomb.writeUInt32BE(0xffffffff, 40);
    expect(() => parseFrameHeader(bomb)).toThrow(expect.objectContaining({ code: 'damaged-frame' }));
  });

  test('I11: a nonce source never gives the same salt and nonce twice, and other sources have other salts', () => {
    const seen = new Set<string>();
    for (let source = 0; source < 50; source++) {
      const numbers = nonces();
      for (let count = 0; count < 200; count++) {
        const { nonce, salt } = numbers.next(10);
        seen.add(Buffer.concat([salt, nonce]).toString('hex'));
      }
    }
    expect(seen.size).toBe(10_000);
  });

  test('a salt is given up after a tebibyte', () => {
    const numbers = nonces();
    const first = numbers.next(2 ** 40 - 5).salt;
    expect(Buffer.compare(numbers.next(5).salt, first)).toBe(0);
    const { nonce, salt } = numbers.next(1);
    expect(Buffer.compare(salt, first)).not.toBe(0);
    expect(nonce.every((byte) => byte === 0)).toBe(true);
  });
});

function flip(blobs: Map<string, Uint8Array>, name: string, place: (bytes: Uint8Array) => number): void {
  const bytes = blobs.get(name);
  if (!bytes) throw new Error(`${name} is not there`);
  const at = place(bytes);
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
}

function footerOffset(pack: Uint8Array): number {
  return parsePackTrailer(pack.subarray(pack.length - 40), pack.length).footerOffset;
}
