import { expect, test } from '@jest/globals';
import { releaseSpent } from './spentMemory.ts';

test('memory of a piece goes back after the present turn; what Node shares among buffers, and crumbs, stay', async () => {
  const piece = Buffer.from(new ArrayBuffer(100_000), 50, 20);
  const shared = Buffer.from(new ArrayBuffer(Buffer.poolSize), 0, 20);
  const crumb = Buffer.from(new ArrayBuffer(100));
  for (const one of [piece, piece.subarray(5), shared, crumb]) releaseSpent(one);
  expect(piece.byteLength).toBe(20);
  await Promise.resolve();
  expect([piece, shared, crumb].map(({ byteLength }) => byteLength)).toEqual([0, 20, 100]);
});
