import { expect, test } from '@jest/globals';
import { bufferPool } from './bufferPool.ts';

test('memory that was given back is used again, by one taker at a time', () => {
  const pool = bufferPool(1024 * 1024);
  const first = pool.take(20_000);
  expect([first.byteLength, pool.take(20_000).buffer === first.buffer]).toEqual([20_000, false]);
  pool.give(first);
  const again = pool.take(30_000);
  expect([again.byteLength, again.buffer === first.buffer]).toEqual([30_000, true]);
  expect(pool.take(30_000).buffer).not.toBe(first.buffer);
});

test('no more is kept than allowed, and nothing that is too large', () => {
  const pool = bufferPool(40_000);
  const [one, two] = [pool.take(30_000), pool.take(30_000)];
  pool.give(one);
  pool.give(two);
  expect(pool.take(30_000).buffer).toBe(one.buffer);
  expect(pool.take(30_000).buffer).not.toBe(two.buffer);
  const large = pool.take(5 * 1024 * 1024);
  expect(large.byteLength).toBe(5 * 1024 * 1024);
  pool.give(large);
  expect(pool.take(5 * 1024 * 1024).buffer).not.toBe(large.buffer);
});

test('memory of others, and what was given back before, is not handed out', () => {
  const pool = bufferPool(1024 * 1024);
  // Small buffers of Node lie together in memory of a size that the pool keeps.
  const foreign = Buffer.concat([Buffer.from('a mail without an announced length')]);
  pool.give(foreign);
  expect(pool.take(foreign.buffer.byteLength).buffer).not.toBe(foreign.buffer);
  const own = pool.take(20_000);
  pool.give(own);
  pool.give(own);
  expect(pool.take(20_000).buffer).toBe(own.buffer);
  expect(pool.take(20_000).buffer).not.toBe(own.buffer);
});
