import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  decodeTransfer,
  decodeWords,
  type MimePart,
  MimeScanner,
  parseParameters,
  scanMime,
  walkParts,
} from './index.ts';

function lines(...text: string[]): Buffer {
  return Buffer.from(text.join('\r\n'), 'latin1');
}

/** The tree as indented text: path, type, body. */
function outline(bytes: Buffer, part: MimePart = scanMime(bytes)): string[] {
  return [...walkParts(part)].map(
    ({ body, children, contentType, path }) =>
      `${path} ${contentType}${children.length > 0 ? '' : ` ${JSON.stringify(bytes.toString('latin1', body.start, body.end))}`}`,
  );
}

function inPieces(
  bytes: Uint8Array,
  sizes: readonly number[],
  onSpan?: (bytes: Buffer, leaf?: MimePart) => void,
): MimePart {
  const scanner = new MimeScanner(onSpan);
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const size = Math.max(1, sizes[turn % sizes.length] ?? 1);
    // Copied into a buffer that is wiped, as a reader's buffer is used again.
    const piece = Uint8Array.from(bytes.subarray(at, at + size));
    scanner.push(piece);
    piece.fill(0);
    at += size;
  }
  return scanner.end();
}

describe('the structure of a message', () => {
  test('without any MIME is one text', () => {
    expect(outline(lines('Subject: x', '', 'Hello', 'World'))).toEqual(['0 text/plain "Hello\\r\\nWorld"']);
    expect(outline(Buffer.from('no header at all'))).toEqual(['0 text/plain ""']);
    expect(outline(Buffer.alloc(0))).toEqual(['0 text/plain ""']);
    expect(outline(Buffer.from('\n\nbody'))).toEqual(['0 text/plain "\\nbody"']);
  });

  test('with nested multiparts and a message inside', () => {
    const bytes = lines(
      'Content-Type: multipart/mixed; boundary="out er"',
      '',
      'preamble',
      '--out er',
      'Content-Type: multipart/alternative; boundary=in',
      '',
      '--in',
      '',
      'plain',
      '--in',
      'Content-Type: text/html; charset=utf-8',
      '',
      '<b>html</b>',
      '',
      '--in--',
      'epilogue of in',
      '--out er  ',
      'Content-Type: message/rfc822',
      '',
      'Subject: inner',
      'Content-Type: multipart/mixed; boundary=deep',
      '',
      '--deep',
      '',
      'inside',
      '--deep--',
      '--out er--',
      'epilogue',
    );
    expect(outline(bytes)).toEqual([
      '0 multipart/mixed',
      '1 multipart/alternative',
      '1.1 text/plain "plain"',
      '1.2 text/html "<b>html</b>\\r\\n"',
      '2 message/rfc822',
      '2.1 multipart/mixed',
      '2.1.1 text/plain "inside"',
    ]);
  });

  test.each([
    ['a boundary that is the beginning of another', 'ab', 'abc', '--abc'],
    ['a boundary with dashes at its end', 'x', 'x--', '--x--'],
  ])('%s', (_, outer, inner, line) => {
    const bytes = lines(
      `Content-Type: multipart/mixed; boundary="${outer}"`,
      '',
      `--${outer}`,
      `Content-Type: multipart/mixed; boundary="${inner}"`,
      '',
      line,
      '',
      'text',
      `--${outer}--`,
    );
    expect(outline(bytes).length).toBeGreaterThanOrEqual(2);
  });

  test('a missing end, and an outer boundary that ends inner parts', () => {
    const bytes = lines(
      'Content-Type: multipart/mixed; boundary=a',
      '',
      '--a',
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      '',
      'one',
      '--a',
      '',
      'two',
    );
    expect(outline(bytes)).toEqual([
      '0 multipart/mixed',
      '1 multipart/mixed',
      '1.1 text/plain "one"',
      '2 text/plain "two"',
    ]);
  });

  test('a boundary in the header of a part ends it', () => {
    const bytes = lines(
      'Content-Type: multipart/mixed; boundary=a',
      '',
      '--a',
      'Content-Type: image/png',
      '--a',
      '',
      'x',
      '--a--',
    );
    expect(outline(bytes)).toEqual(['0 multipart/mixed', '1 image/png ""', '2 text/plain "x"']);
  });

  test('a multipart that says it is base64, or has no boundary, is one content', () => {
    const encoded = lines(
      'Content-Type: multipart/mixed; boundary=a',
      'Content-Transfer-Encoding: base64',
      '',
      '--a',
      '',
      'x',
    );
    expect(scanMime(encoded).children).toEqual([]);
    expect(scanMime(lines('Content-Type: multipart/mixed', '', '--a', '', 'x')).children).toEqual([]);
  });

  test('a digest is made of messages', () => {
    const bytes = lines(
      'Content-Type: multipart/digest; boundary=a',
      '',
      '--a',
      '',
      'Subject: one',
      '',
      'x',
      '--a--',
    );
    expect(outline(bytes)).toEqual(['0 multipart/digest', '1 message/rfc822', '1.1 text/plain "x"']);
  });

  test('the fields of a part', () => {
    const part = scanMime(
      lines(
        'content-TYPE: Application/PDF (a comment);',
        '\tname*0="long";',
        ' name*1=" name.pdf"',
        "Content-Disposition: ATTACHMENT; filename*=utf-8''b%C3%A4r%20%E2%82%AC.pdf",
        'Content-Transfer-Encoding: BASE64 ',
        'Content-ID: <id@example.com>',
        'Content-Type: text/plain',
        '',
        '',
      ),
    );
    expect(part).toMatchObject({
      contentType: 'application/pdf',
      transferEncoding: 'base64',
      disposition: 'attachment',
      fileName: 'bär €.pdf',
      contentId: 'id@example.com',
    });
    expect(part.parameters.name).toBe('long name.pdf');
  });

  test('is bounded in parts and in depth', () => {
    const many = Buffer.from(
      `Content-Type: multipart/mixed; boundary=a\n\n${'--a\n\nx\n'.repeat(20_000)}--a--\n`,
    );
    expect([...walkParts(scanMime(many))].length).toBe(10_000);
    const deep = Buffer.from(
      Array.from(
        { length: 1000 },
        (_, level) => `Content-Type: multipart/mixed; boundary=b${level}\n\n--b${level}\n`,
      ).join(''),
    );
    expect([...walkParts(scanMime(deep))].length).toBe(201);
    const messages = Buffer.from('Content-Type: message/rfc822\n\n'.repeat(1000));
    expect([...walkParts(scanMime(messages))].length).toBe(201);
  });

  test('a header of megabytes, and a line without end, cost no memory', () => {
    const header = Buffer.from(`X: ${'y'.repeat(5_000_000)}\nContent-Type: text/html\n\nbody`);
    expect(inPieces(header, [65_536]).body.start).toBe(header.length - 4);
    const dashes = Buffer.from(`Content-Type: multipart/mixed; boundary=a\n\n--${'-'.repeat(3_000_000)}`);
    expect(inPieces(dashes, [1000]).children).toEqual([]);
  });
});

const fragment = fc.constantFrom(
  'Content-Type: multipart/mixed; boundary=a',
  'Content-Type: multipart/alternative; boundary="b"',
  'Content-Type: message/rfc822',
  'Content-Transfer-Encoding: base64',
  'Content-Disposition: attachment; filename*0*=x',
  '--a',
  '--a--',
  '--b',
  '--b--  ',
  '--',
  '-',
  '',
  ' folded',
  'QUJDRA==',
  '\xff\x00',
);
const ending = fc.constantFrom('\r\n', '\n', '\n\n', '\r', '', '\r\n\r\n');
const nasty = fc
  .array(fc.tuple(fragment, ending), { maxLength: 60 })
  .map((parts) => Buffer.from(parts.flat().join(''), 'latin1'));
const anything = fc.oneof(
  nasty,
  fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
);

describe('hostile headers', () => {
  test('of half a million lines are read once, not once a line', () => {
    const whole = Buffer.alloc(12 * 1024 * 1024, 'A line of a long header\r\n');
    expect(scanMime(whole).body).toEqual({ start: whole.length, end: whole.length });
    const inner = Buffer.concat([
      lines('Content-Type: multipart/mixed; boundary=b', '', '--b', ''),
      whole,
      lines('--not', '', 'text', '--b--', ''),
    ]);
    expect(scanMime(inner).children).toHaveLength(1);
  });
});

describe('whatever the bytes', () => {
  test('nothing throws, ranges lie in the message and inside each other', () => {
    fc.assert(
      fc.property(anything, (bytes) => {
        const check = (part: MimePart, start: number, end: number) => {
          expect(part.header.start).toBeGreaterThanOrEqual(start);
          expect(part.header.end).toBeGreaterThanOrEqual(part.header.start);
          expect(part.body.start).toBeGreaterThanOrEqual(part.header.end);
          expect(part.body.end).toBeGreaterThanOrEqual(part.body.start);
          expect(part.body.end).toBeLessThanOrEqual(end);
          for (const child of part.children) check(child, part.body.start, bytes.length);
        };
        check(scanMime(bytes), 0, bytes.length);
      }),
      { numRuns: 2000 },
    );
  });

  test('pieces of any size give the same tree, and every byte is told once, in order', () => {
    fc.assert(
      fc.property(
        anything,
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 }),
        (bytes, sizes) => {
          const spans: Buffer[] = [];
          const tree = inPieces(bytes, sizes, (span) => spans.push(Buffer.from(span)));
          expect(tree).toEqual(scanMime(bytes));
          expect(Buffer.concat(spans).equals(bytes)).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('the shared corpus reads the same whole and in pieces', () => {
    const corpus = resolve(process.env.HOLDFAST_SHARED ?? '../shared', 'mail-corpus');
    if (!existsSync(corpus)) {
      process.stdout.write(`skipped: there is no mail corpus at ${corpus}\n`);
      return;
    }
    let parts = 0;
    for (const name of readdirSync(corpus, { recursive: true, encoding: 'utf8' })) {
      const path = join(corpus, name);
      if (!statSync(path).isFile()) continue;
      const bytes = readFileSync(path);
      const tree = scanMime(bytes);
      expect(inPieces(bytes, [7])).toEqual(tree);
      parts += [...walkParts(tree)].length;
    }
    expect(parts).toBeGreaterThan(300);
  });
});

describe('header texts', () => {
  test.each([
    ['=?utf-8?B?w6TDtsO8?=', 'äöü'],
    ['=?ISO-8859-1?q?a=E4_b?= =?utf-8?Q?_c?=', 'aä b c'],
    ['plain (text)', 'plain (text)'],
    ['=?unknown-set?Q?=E4?=', 'ä'],
    ['=?utf-8?Q?=FF?=', 'ÿ'],
    ['=?broken', '=?broken'],
    ['r\xc3\xa4w', 'räw'],
  ])('%j is read as %j', (text, expected) => {
    expect(decodeWords(text)).toBe(expected);
  });

  test.each([
    ['text/plain', 'text/plain', {}],
    ['a (note); b="x;y"; c="q\\"r\\\\"; b=second;=; ;', 'a', { b: 'x;y', c: 'q"r\\' }],
    ['a; b="open; c=d', 'a', { b: 'open; c=d' }],
    ['a; b="x" rest; C = (note) d ;*0=e', 'a', { b: 'x', c: 'd', '*0': 'e' }],
    ["a; n*1*=%A4; n*0*=utf-8'de'%C3; n=plain; m*=%FF", 'a', { n: 'ä', m: 'ÿ' }],
  ])('%j has its value and parameters', (text, value, parameters) => {
    const parsed = parseParameters(text);
    expect({ ...parsed, parameters: { ...parsed.parameters } }).toEqual({ value, parameters });
  });

  test("parameters with names of objects' own properties do no harm", () => {
    const { parameters } = parseParameters('text/plain; __proto__=x; constructor=y; hasOwnProperty=z');
    expect(parameters.constructor).toBe('y');
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});

describe('transfer encodings as streams', () => {
  async function decode(encoding: string, text: string, size: number): Promise<string> {
    const bytes = Buffer.from(text, 'latin1');
    const pieces: Buffer[] = [];
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
      bytes.subarray(at * size, (at + 1) * size),
    );
    for await (const piece of decodeTransfer(encoding, chunks)) pieces.push(piece);
    return Buffer.concat(pieces).toString('latin1');
  }

  test.each([
    ['a=3Db=\r\nc', 'a=bc'],
    ['soft=  \r\nbreak', 'softbreak'],
    ['white space  \r\nat ends \t\n', 'white space\r\nat ends\n'],
    ['broken =XY and =', 'broken =XY and '],
    ['lower =c3=a4', 'lower \xc3\xa4'],
    ['=', ''],
    ['', ''],
  ])('quoted-printable %j', async (text, expected) => {
    for (const size of [1, 2, 3, 5, 100]) expect(await decode('Quoted-Printable', text, size)).toBe(expected);
  });

  test.each([
    ['SGVsbG8=', 'Hello'],
    ['SGVs\r\nbG8', 'Hello'],
    ['SGV!s bG8=', 'Hello'],
    ['SGVsbG8=SGVsbG8=', 'HelloHello'],
    ['====', ''],
  ])('base64 %j', async (text, expected) => {
    for (const size of [1, 2, 3, 5, 100]) expect(await decode('base64', text, size)).toBe(expected);
  });

  test('any bytes come back through base64, and an unknown encoding passes them on', async () => {
    const bytes = randomBytes(10_000).toString('latin1');
    const text = Buffer.from(bytes, 'latin1').toString('base64').replaceAll(/.{76}/g, '$&\r\n');
    expect(await decode('base64', text, 777)).toBe(bytes);
    expect(await decode('x-unknown', bytes, 777)).toBe(bytes);
  });
});
