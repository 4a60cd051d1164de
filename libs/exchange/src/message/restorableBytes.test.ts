import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { RestorableAttachment } from '../ports.ts';
import { bytesUpTo, inChunks, measured } from './restorableBytes.ts';

async function* from(pieces: readonly Uint8Array[]) {
  for (const piece of pieces) yield await Promise.resolve(piece);
}
const attachment = (...pieces: Uint8Array[]): RestorableAttachment => ({
  kind: 'file',
  name: 'a',
  isInline: false,
  size: 1,
  open: () => from(pieces),
});

test('chunks have their exact size but the last, and their bytes are those that came', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 50 })),
      fc.integer({ min: 1, max: 64 }),
      async (pieces, size) => {
        const chunks: Uint8Array[] = [];
        for await (const chunk of inChunks(from(pieces), size)) chunks.push(chunk);
        expect(Buffer.concat(chunks).equals(Buffer.concat(pieces))).toBe(true);
        expect(chunks.slice(0, -1).every((chunk) => chunk.length === size)).toBe(true);
        expect(chunks.every((chunk) => chunk.length > 0 && chunk.length <= size)).toBe(true);
      },
    ),
  );
});

test('more than the limit is not collected', async () => {
  const three = attachment(Buffer.from('ab'), Buffer.from('c'));
  expect(Buffer.from((await bytesUpTo(three, 3)) ?? []).toString()).toBe('abc');
  expect(await bytesUpTo(three, 2)).toBeUndefined();
});

test('size and hash are those of the bytes, whatever was announced', async () => {
  expect(await measured(attachment(Buffer.from('ab'), Buffer.from('c')))).toEqual({
    size: 3,
    sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  });
});
