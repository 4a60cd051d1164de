import { randomBytes } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { compress, compressIfWorth, decompress, inflatesTo } from './compression.ts';
import { ZstdContext } from './zstdContext.ts';

const text = (length: number) =>
  Buffer.from('a line of a letter, and another one\r\n'.repeat(length / 37 + 1));

describe('compression with contexts that are used again', () => {
  it.each([1, 63, 64, 20_000, 131_072, 300_000, 3_000_000])('gives %d bytes back', (length) => {
    const plain = text(length).subarray(0, length);
    const packed = compress(plain, 1);
    expect(decompress(packed, length).equals(plain)).toBe(true);
    expect(zstdDecompressSync(packed).equals(plain)).toBe(true);
    expect(inflatesTo(packed, plain)).toBe(true);
  });

  it('inflates what the public functions made', () => {
    const plain = text(50_000);
    expect(decompress(zstdCompressSync(plain), plain.length).equals(plain)).toBe(true);
  });

  it('makes the same frame again after other work', () => {
    const plain = text(10_000);
    const first = compress(plain, 1);
    compress(randomBytes(200_000), 1);
    compress(text(100), 3);
    expect(compress(plain, 1).equals(first)).toBe(true);
  });

  it('says that another text is another text', () => {
    const plain = text(5000);
    const other = Buffer.from(plain);
    other[2500] = 0;
    expect(inflatesTo(compress(other, 1), plain)).toBe(false);
  });

  it.each([
    ['flipped', (packed: Buffer) => packed.fill(0xff, 3, 9)],
    ['cut off', (packed: Buffer) => packed.subarray(0, packed.length - 5)],
    ['empty', () => Buffer.alloc(0)],
    ['of another length', () => compress(text(4000), 1)],
  ])('refuses a frame that is %s, and goes on', (_, spoil) => {
    const plain = text(9000);
    const good = compress(plain, 1);
    expect(() => decompress(spoil(Buffer.from(good)), plain.length)).toThrow();
    expect(() => inflatesTo(spoil(Buffer.from(good)), plain)).toThrow();
    expect(decompress(good, plain.length).equals(plain)).toBe(true);
  });

  it('leaves alone what does not shrink, whatever its size', () => {
    for (const length of [63, 1000, 100_000, 500_000])
      expect(compressIfWorth(randomBytes(length), 1)).toBeUndefined();
    expect(compressIfWorth(text(500_000), 1)?.length).toBeLessThan(20_000);
  });
});

describe('a context', () => {
  it('answers undefined when there is too little room, and works again', () => {
    const context = ZstdContext.forCompressing(1);
    const plain = randomBytes(10_000);
    expect(context.run(plain, Buffer.alloc(5000), 0)).toBeUndefined();
    const target = Buffer.alloc(12_000);
    const length = context.run(plain, target, 100) ?? 0;
    expect(zstdDecompressSync(target.subarray(100, 100 + length)).equals(plain)).toBe(true);
  });

  it('answers undefined in a Node that has no such handle', () => {
    const context = new ZstdContext(() => ({}), true);
    expect(context.run(text(100), Buffer.alloc(1000), 0)).toBeUndefined();
  });
});
