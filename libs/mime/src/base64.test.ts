import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import wabt from 'wabt';
import { type Base64Codec, decodeSteps, encodeSteps } from './base64Codec.ts';
import { base64Module } from './base64Module.ts';
import { scriptCodec } from './base64Script.ts';
import { createSimdCodec, fitsSimd } from './base64Simd.ts';
import {
  type Base64Layout,
  Base64LineEncoder,
  decodeBase64Run,
  encodeBase64Lines,
  encodedLength,
  findBase64Run,
} from './index.ts';

const WALL = 0xa5;

/** Memory with a wall on both sides, `offset` bytes from where memory begins. */
function walled(size: number, offset: number, shared: boolean): { inner: Buffer; isIntact: () => boolean } {
  const length = offset + size + 64;
  const memory = Buffer.from(shared ? new SharedArrayBuffer(length) : new ArrayBuffer(length)).fill(WALL);
  const isWall = (byte: number) => byte === WALL;
  return {
    inner: memory.subarray(offset, offset + size),
    isIntact: () => memory.subarray(0, offset).every(isWall) && memory.subarray(offset + size).every(isWall),
  };
}

/** What an encoder makes, said in the simplest way. */
function encoded(bytes: Buffer, { breakBytes, finalBreak, lineLength }: Base64Layout): Buffer {
  const letters = bytes.toString('base64');
  const lines = lineLength === 0 ? [letters] : (letters.match(new RegExp(`.{1,${lineLength}}`, 'g')) ?? []);
  const end = ['', '\n', '\r\n'][breakBytes] ?? '';
  return Buffer.from(
    lines.join(end) + (lineLength > 0 && lines.length > 0 && finalBreak ? end : ''),
    'latin1',
  );
}

/** Bytes that look random, the same for the same seed. */
function noise(size: number, seed: number): Buffer {
  const bytes = Buffer.alloc(size);
  let state = seed;
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

const anyLayout = fc.oneof(
  fc.constant<Base64Layout>({ lineLength: 0, breakBytes: 0, finalBreak: false }),
  fc.record({
    lineLength: fc.oneof(
      fc.constantFrom(60, 64, 72, 76),
      fc.integer({ min: 1, max: 300 }).map((n) => n * 4),
    ),
    breakBytes: fc.constantFrom<0 | 1 | 2>(0, 1, 2),
    finalBreak: fc.boolean(),
  }),
);
const anySize = fc.oneof(
  { arbitrary: fc.integer({ min: 0, max: 300 }), weight: 30 },
  { arbitrary: fc.integer({ min: 0, max: 120_000 }), weight: 1 },
);
const anyCase = fc.record({
  layout: anyLayout,
  size: anySize,
  seed: fc.nat(),
  offset: fc.integer({ min: 0, max: 17 }),
  shared: fc.boolean(),
  damage: fc.option(
    fc.record({
      place: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      byte: fc.oneof(
        fc.constantFrom(...Buffer.from('\r\n=-_ A/+\0\xff', 'latin1')),
        fc.integer({ min: 0, max: 255 }),
      ),
    }),
  ),
});

const simdCodec = createSimdCodec();
const codecs: [string, Base64Codec | undefined][] = [
  ['SIMD', simdCodec],
  ['script', scriptCodec],
];

describe.each(codecs)('base64 by %s', (_, codec) => {
  if (!codec) throw new Error('WebAssembly SIMD is missing here');

  test('encodes as everybody does and writes nowhere else', () => {
    fc.assert(
      fc.property(anyCase, ({ layout, offset, seed, shared, size }) => {
        const source = walled(size, offset, shared).inner;
        noise(size, seed).copy(source);
        const expected = encoded(source, layout);
        expect(encodedLength(size, layout)).toBe(expected.length);
        const target = walled(expected.length, 17 - offset, shared);
        expect(encodeSteps(codec, source, 0, size, layout, target.inner, 0)).toBe(expected.length);
        expect(target.inner.equals(expected)).toBe(true);
        expect(target.isIntact()).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  test('proves exactly what an encoder can have made, whatever is damaged', () => {
    fc.assert(
      fc.property(anyCase, ({ damage, layout, offset, seed, shared, size }) => {
        const made = encoded(noise(size, seed), layout);
        const text = walled(made.length, offset, shared).inner;
        made.copy(text);
        if (damage) text[Math.floor(damage.place * text.length)] = damage.byte;
        const plain = Buffer.from(text.toString('latin1'), 'base64');
        const comesBack = plain.length === size && encoded(plain, layout).equals(text);
        const target = walled(size, 17 - offset, shared);
        const isProven = decodeSteps(codec, text, 0, text.length, layout, target.inner, 0, size);
        expect(isProven).toBe(comesBack);
        if (isProven) expect(target.inner.equals(plain)).toBe(true);
        expect(target.isIntact()).toBe(true);
      }),
      { numRuns: 800 },
    );
  });

  test.each([
    ['bits behind the last byte', 'QUJDQR=='],
    ['bits behind the last two bytes', 'QUJDQUJ='],
    ['the letters of base64url', 'QUJ-QUJ_'],
    ['padding in the middle', 'QQ==QUJD'],
    ['three paddings', 'QUJDQ==='],
    ['a space', 'QUJD QUJ'],
  ])('does not prove %s', (_title, letters) => {
    const layout = { lineLength: 0, breakBytes: 0 as const, finalBreak: false };
    for (const size of [4, 5, 6]) {
      const text = Buffer.from(letters, 'latin1');
      expect(decodeSteps(codec, text, 0, text.length, layout, Buffer.alloc(8), 0, size)).toBe(false);
    }
  });

  test('takes no more than there is room for, and no more than there is', () => {
    const layout = { lineLength: 4, breakBytes: 1 as const, finalBreak: true };
    const text = Buffer.from('QUJD\n');
    expect(decodeSteps(codec, text, 0, 5, layout, Buffer.alloc(2), 0, 3)).toBe(false);
    expect(decodeSteps(codec, text.subarray(0, 4), 0, 5, layout, Buffer.alloc(8), 0, 3)).toBe(false);
    expect(() => encodeSteps(codec, text, 0, 3, layout, Buffer.alloc(4), 0)).toThrow(RangeError);
    expect(() => encodeSteps(codec, text, 0, 6, layout, Buffer.alloc(99), 0)).toThrow(RangeError);
  });
});

describe('base64 in WebAssembly', () => {
  test('is what its source says: else run `npm run assemble`', async () => {
    const source = readFileSync(new URL('base64.wat', import.meta.url), 'utf8');
    const { buffer } = (await wabt()).parseWat('base64.wat', source).toBinary({});
    expect(base64Module).toBe(Buffer.from(buffer).toString('base64'));
  });

  test('is done without where there is none', () => {
    const present = Reflect.get(globalThis, 'WebAssembly');
    Reflect.set(globalThis, 'WebAssembly', undefined);
    try {
      expect(createSimdCodec()).toBeUndefined();
    } finally {
      Reflect.set(globalThis, 'WebAssembly', present);
    }
  });

  test.each([-4, 2, 75, Number.NaN, 64 * 1024])('leaves lines of %d letters alone', (lineLength) => {
    expect(fitsSimd({ lineLength, breakBytes: 2, finalBreak: true })).toBe(false);
  });
});

describe('base64 in lines', () => {
  const layout = fc.record({
    lineLength: fc.integer({ min: 0, max: 30 }).map((groups) => groups * 4),
    breakBytes: fc.constantFrom<1 | 2>(1, 2),
    finalBreak: fc.boolean(),
  });
  const valid = layout.map((value) =>
    value.lineLength === 0 ? { lineLength: 0, breakBytes: 0 as const, finalBreak: false } : value,
  );

  test('decodes to what was encoded, for every layout', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 500 }), valid, (bytes, shape) => {
        const text = Buffer.alloc(encodedLength(bytes.length, shape));
        expect(encodeBase64Lines(Buffer.from(bytes), 0, bytes.length, shape, text, 0)).toBe(text.length);
        expect(Buffer.from(text.toString('latin1'), 'base64').equals(bytes)).toBe(true);
        const run = findBase64Run(text, 0, text.length);
        if (!run) throw new Error("an encoder's text was not recognized");
        const target = Buffer.alloc(run.decodedLength + 8);
        expect(decodeBase64Run(text, 0, run, target, 0)).toBe(true);
        // A first line that is the last one may be read as another layout; what counts is that it comes back.
        const again = Buffer.alloc(encodedLength(run.decodedLength, run));
        encodeBase64Lines(target, 0, run.decodedLength, run, again, 0);
        expect(again.equals(text.subarray(0, run.end))).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test('never says that bytes are proven which do not come back', () => {
    const letters = fc.constantFrom(
      'A',
      'z',
      '/',
      '+',
      '-',
      '_',
      '=',
      '\r\n',
      '\n',
      ' ',
      '!',
      'QUJD'.repeat(5),
      '\r\n',
    );
    fc.assert(
      fc.property(
        fc.array(letters, { maxLength: 60 }).map((parts) => Buffer.from(parts.join(''))),
        (text) => {
          const run = findBase64Run(text, 0, text.length);
          if (!run) return;
          const target = Buffer.alloc(run.decodedLength + 8);
          if (!decodeBase64Run(text, 0, run, target, 0)) return;
          const again = Buffer.alloc(encodedLength(run.decodedLength, run));
          encodeBase64Lines(target, 0, run.decodedLength, run, again, 0);
          expect(again.equals(text.subarray(0, run.end))).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('the encoder of pieces gives the same text as the encoder of the whole', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 1000 }),
        valid,
        fc.integer({ min: 1, max: 300 }),
        (bytes, shape, size) => {
          const whole = Buffer.alloc(encodedLength(bytes.length, shape));
          encodeBase64Lines(Buffer.from(bytes), 0, bytes.length, shape, whole, 0);
          const encoder = new Base64LineEncoder(shape);
          const pieces: Buffer[] = [];
          for (let at = 0; at < bytes.length; at += size)
            pieces.push(encoder.push(bytes.subarray(at, at + size)));
          pieces.push(encoder.end());
          expect(Buffer.concat(pieces).equals(whole)).toBe(true);
        },
      ),
    );
  });

  test('of lines longer than a step come back, too', () => {
    const layout = { lineLength: 64 * 1024, breakBytes: 2 as const, finalBreak: false };
    const bytes = noise(150_000, 7);
    const text = Buffer.alloc(encodedLength(bytes.length, layout));
    encodeBase64Lines(bytes, 0, bytes.length, layout, text, 0);
    expect(text.equals(encoded(bytes, layout))).toBe(true);
    const run = findBase64Run(text, 0, text.length);
    expect(run).toMatchObject({ ...layout, end: text.length, decodedLength: bytes.length });
    const target = Buffer.alloc(bytes.length);
    expect(run && decodeBase64Run(text, 0, run, target, 0)).toBe(true);
    expect(target.equals(bytes)).toBe(true);
  });
});
