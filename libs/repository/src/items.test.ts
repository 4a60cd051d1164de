import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MemoryBlobStore } from './backends/memory.ts';
import { DEFAULT_SIZES } from './config.ts';
import type { StoredItem } from './packs/itemReader.ts';
import type { Repository } from './repository.ts';
import type { WriterSession } from './session/writerSession.ts';
import { emptyFolder, newRepository } from './testing/smallRepository.ts';

let folder: { path: string; remove: () => Promise<void> };
let repository: Repository;
let session: WriterSession;

beforeAll(async () => {
  folder = await emptyFolder();
  repository = await newRepository(new MemoryBlobStore(), { cacheDir: folder.path });
  session = await repository.openSession({ writer: 'test' });
});

afterAll(async () => {
  await repository.close();
  await folder.remove();
});

async function bytesOf(content: { open(): AsyncIterable<Uint8Array> } | undefined): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of content?.open() ?? []) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  // One buffer for all pieces, as a socket's reader may have it.
  const buffer = new Uint8Array(size);
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    buffer.set(piece);
    yield buffer.subarray(0, piece.length);
  }
}

async function roundTrip(
  mime: Uint8Array,
  through: Uint8Array | AsyncIterable<Uint8Array> = mime,
): Promise<StoredItem> {
  const stored = await session.storeItem({ properties: { size: mime.length }, mime: through });
  expect(stored.mimeSha256).toBe(createHash('sha256').update(mime).digest('hex'));
  expect(stored.mimeSize).toBe(mime.length);
  const item = await repository.readItem(stored.objectId);
  const same = (await bytesOf(item.mime)).equals(Buffer.from(mime));
  expect(same).toBe(true);
  return item;
}

function encoded(file: Uint8Array, lineLength = 76, eol = '\r\n'): string {
  const text = Buffer.from(file).toString('base64');
  return (text.match(new RegExp(`.{1,${lineLength}}`, 'g')) ?? []).join(eol);
}

function withFile(file: string, eol = '\r\n'): Buffer {
  const lines = [
    'Subject: a file',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="=_b"',
    '',
    '--=_b',
    'Content-Type: text/plain',
    '',
    'See the file.',
    '--=_b',
    'Content-Type: application/pdf; name="=?utf-8?Q?b=C3=A4r.pdf?="',
    'Content-Transfer-Encoding: base64',
    'Content-Disposition: attachment',
    '',
    file,
    '--=_b--',
    '',
  ];
  return Buffer.from(lines.join(eol));
}

describe('an item', () => {
  test('keeps its properties, whatever JSON they are', async () => {
    const properties = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }));
    await fc.assert(
      fc.asyncProperty(properties, async (value) => {
        const expected = JSON.parse(JSON.stringify(value));
        const { objectId } = await session.storeItem({ properties: expected });
        const item = await repository.readItem(objectId);
        expect(item.properties).toEqual(expected);
        expect(item.mime).toBeUndefined();
      }),
      { numRuns: 100 },
    );
  });

  test('refuses properties that JSON cannot carry', async () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    for (const wrong of [{ x: Number.NaN }, { x: () => 1 }, circle]) {
      await expect(session.storeItem({ properties: wrong as never })).rejects.toThrow(TypeError);
    }
  });

  test('keeps properties of many megabytes', async () => {
    const properties = { body: { content: 'text '.repeat(1_200_000) } };
    const { objectId } = await session.storeItem({ properties });
    expect((await repository.readItem(objectId)).properties).toEqual(properties);
  });

  test('a large item that is stored already is counted once and costs nothing new', async () => {
    const mime = Buffer.concat([withFile(encoded(randomBytes(36 * 1024 * 1024))), Buffer.from('end')]);
    const store = () => session.storeItem({ properties: { large: true }, mime: inPieces(mime, 1 << 20) });
    const first = await store();
    expect(await store()).toEqual({ ...first, newBytes: 0 });
  });

  test('keeps extra parts, small, large and streamed, apart from the message', async () => {
    const parts = [
      { name: 'fts', data: randomBytes(100) },
      { name: 'large', data: randomBytes(100_000) },
      { name: 'empty', data: new Uint8Array() },
    ];
    const mime = withFile(encoded(randomBytes(5000)));
    for (const streamed of [false, true]) {
      const { objectId } = await session.storeItem({
        properties: {},
        mime,
        extraParts: parts.map(({ name, data }) => ({ name, data: streamed ? inPieces(data, 999) : data })),
      });
      const item = await repository.readItem(objectId);
      expect(item.extraParts.map(({ name, size }) => ({ name, size }))).toEqual(
        parts.map(({ name, data }) => ({ name, size: data.length })),
      );
      for (const [at, part] of item.extraParts.entries()) {
        expect((await bytesOf(part)).equals(Buffer.from(parts[at]?.data ?? []))).toBe(true);
      }
      expect((await bytesOf(item.mime)).equals(mime)).toBe(true);
    }
  });
});

describe('MIME is split and comes back byte for byte', () => {
  test('a file in base64 is a part of its own, decoded, with its name and type', async () => {
    const file = randomBytes(20_000);
    const item = await roundTrip(withFile(encoded(file)));
    expect(item.mime?.parts).toMatchObject([
      { path: '2', contentType: 'application/pdf', fileName: 'bär.pdf', size: 20_000 },
    ]);
    expect((await bytesOf(item.mime?.parts[0])).equals(file)).toBe(true);
  });

  test('the same file in different messages, encodings and ways in is stored once', async () => {
    const file = randomBytes(30_000);
    const first = await session.storeItem({ properties: { n: 1 }, mime: withFile(encoded(file)) });
    const others = [
      withFile(encoded(file, 64)),
      withFile(encoded(file, 76, '\n'), '\n'),
      Buffer.concat([Buffer.from('X-Other: yes\r\n'), withFile(encoded(file))]),
    ];
    expect(first.newBytes).toBeGreaterThan(30_000);
    for (const mime of others) {
      expect((await session.storeItem({ properties: {}, mime })).newBytes).toBeLessThan(2_000);
    }
    const streamed = Buffer.concat([withFile(encoded(file)), randomBytes(5 * 1024 * 1024)]);
    const { newBytes } = await session.storeItem({ properties: {}, mime: inPieces(streamed, 10_000) });
    // 320 segments of random bytes cost 125 bytes each on top; the file itself would be 30,000 more.
    expect(newBytes).toBeLessThan(5 * 1024 * 1024 + 60_000);
  });

  test.each([
    ['a last line without padding', encoded(randomBytes(6000 - (6000 % 57)))],
    ['one padding letter', encoded(randomBytes(6002))],
    ['two padding letters', encoded(randomBytes(6001))],
    ['all in one line', randomBytes(9000).toString('base64')],
    ['lines of 60', encoded(randomBytes(5000), 60)],
    ['lines of 77, which no encoder makes', encoded(randomBytes(5000), 77)],
    ['an empty line at its end', `${encoded(randomBytes(5000))}\r\n\r\n`],
    ['an empty line in its middle', `${encoded(randomBytes(5016))}\r\n\r\n${encoded(randomBytes(5000))}`],
    ['white space at line ends', encoded(randomBytes(5000)).replaceAll('\r\n', ' \r\n')],
    ['a foreign letter', encoded(randomBytes(5000)).replace(/^.{200}/, (text) => `${text.slice(0, 199)}!`)],
    ['letters of the other alphabet', encoded(Buffer.alloc(5000, 0xfb)).replaceAll('+', '-')],
    ['bits beyond its end', `${encoded(randomBytes(5016))}\r\nAB==`],
    ['padding in its middle', `${encoded(randomBytes(5015))}\r\n${encoded(randomBytes(5000))}`],
    ['mixed line breaks', encoded(randomBytes(5000)).replace('\r\n', '\n')],
    ['no end', encoded(randomBytes(5000)).slice(0, -3)],
  ])('base64 with %s', async (_, file) => {
    await roundTrip(withFile(file));
    const large = Buffer.concat([withFile(file), Buffer.alloc(4 * 1024 * 1024 + 1, 'x')]);
    await roundTrip(large, inPieces(large, 7777));
  });

  test('any bytes are a message', async () => {
    const line = fc.constantFrom(
      '--b',
      '--b--',
      '',
      'Content-Type: multipart/mixed; boundary=b',
      'Content-Type: message/rfc822',
      'Content-Transfer-Encoding: base64',
      'QUJD'.repeat(19),
      'QUJDRA==',
      'text',
      '\u0000\u00ff',
    );
    const eol = fc.constantFrom('\r\n', '\n', '\r');
    const message = fc
      .array(fc.tuple(line, eol), { maxLength: 80 })
      .map((lines) => Buffer.from(lines.flat().join(''), 'latin1'));
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          message,
          fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes)),
        ),
        async (mime) => {
          await roundTrip(mime);
        },
      ),
      { numRuns: 300 },
    );
  }, 60_000);

  test('every message of the shared corpus', async () => {
    const corpus = resolve(process.env.HOLDFAST_SHARED ?? '../shared', 'mail-corpus');
    if (!existsSync(corpus)) {
      process.stdout.write(`skipped: there is no mail corpus at ${corpus}\n`);
      return;
    }
    let messages = 0;
    for (const name of readdirSync(corpus, { recursive: true, encoding: 'utf8' })) {
      const path = join(corpus, name);
      if (!statSync(path).isFile()) continue;
      const mime = readFileSync(path);
      await roundTrip(mime);
      messages++;
    }
    expect(messages).toBeGreaterThan(100);
  }, 60_000);

  test('a message in pieces is the same item as the message whole', async () => {
    const folder = await emptyFolder();
    const other = await newRepository(new MemoryBlobStore(), { cacheDir: folder.path, sizes: DEFAULT_SIZES });
    const writer = await other.openSession({ writer: 'test' });
    const file = randomBytes(3_000_000);
    const whole = Buffer.concat([withFile(encoded(file)), Buffer.alloc(200_000, 'tail ')]);
    const first = await writer.storeItem({ properties: {}, mime: whole });
    // An extra part that is large makes the whole item flow in pieces.
    const second = await writer.storeItem({
      properties: {},
      mime: inPieces(whole, 65_536),
      extraParts: [{ name: 'fts', data: randomBytes(2_000_000) }],
    });
    expect(second.newBytes - 2_000_000).toBeLessThan(250_000);
    expect((await bytesOf((await other.readItem(second.objectId)).mime)).equals(whole)).toBe(true);
    expect(first.mimeSha256).toBe(second.mimeSha256);
    await other.close();
    await folder.remove();
  });
});

describe('in worker threads', () => {
  test('items are stored and read back as in the calling thread, and errors come back', async () => {
    const folder = await emptyFolder();
    const threaded = await newRepository(new MemoryBlobStore(), { cacheDir: folder.path, threads: 2 });
    const writer = await threaded.openSession({ writer: 'test' });
    const messages = Array.from({ length: 200 }, (_, number) =>
      withFile(encoded(Buffer.alloc(3000 + (number % 50), number % 50))),
    );
    const large = Buffer.concat([withFile(encoded(randomBytes(6_000_000))), Buffer.from('end')]);
    const stored = await Promise.all([
      ...messages.map((mime, number) => writer.storeItem({ properties: { number }, mime })),
      writer.storeItem({ properties: { number: 200 }, mime: inPieces(large, 100_000) }),
    ]);
    await writer.flush();
    for (const [number, { objectId }] of stored.entries()) {
      const item = await threaded.readItem(objectId);
      expect(item.properties).toEqual({ number });
      expect((await bytesOf(item.mime)).equals(messages[number] ?? large)).toBe(true);
    }
    expect(threaded.statistics().byType.part?.objects).toBe(50);
    const failing = (async function* () {
      yield new Uint8Array(5_000_000);
      throw new Error('the source broke off');
    })();
    await expect(writer.storeItem({ properties: {}, mime: failing })).rejects.toThrow('the source broke off');
    await writer.storeItem({ properties: {}, mime: messages[0] });
    await threaded.close();
    await folder.remove();
  }, 60_000);

  test('read whole messages many at once, to keep or lent', async () => {
    const threaded = await newRepository(new MemoryBlobStore(), {
      cacheDir: `${folder.path}/lent`,
      threads: 2,
      sizes: DEFAULT_SIZES,
    });
    try {
      const writer = await threaded.openSession({ writer: 'test' });
      // One is too large for the memory that is used again.
      const sizes = [...Array.from({ length: 40 }, (_, number) => 30_000 + 997 * number), 1_500_000];
      const messages = sizes.map((size) => withFile(encoded(randomBytes(size))));
      const stored = await Promise.all(
        messages.map((mime) => writer.storeItem({ properties: { subject: 'a' }, mime })),
      );
      await writer.flush();
      const read = async (at: number, lend: boolean) => {
        const item = await threaded.readItem(stored[at]?.objectId ?? '');
        const digest = createHash('sha256');
        const kept: Uint8Array[] = [];
        for await (const piece of item.mime?.open({ lend }) ?? []) {
          digest.update(piece);
          if (!lend) kept.push(piece);
        }
        return { digest: digest.digest('hex'), kept: Buffer.concat(kept) };
      };
      const answers = await Promise.all(
        messages.flatMap((_, at) => [read(at, true), read(at, false), read(at, true)]),
      );
      answers.forEach(({ digest, kept }, position) => {
        const at = Math.floor(position / 3);
        expect(digest).toBe(stored[at]?.mimeSha256);
        if (position % 3 === 1) expect(kept.equals(messages[at] ?? Buffer.alloc(0))).toBe(true);
      });
    } finally {
      await threaded.close();
    }
  }, 60_000);
});
