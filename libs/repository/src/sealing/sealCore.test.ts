import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { FRAME_HEADER_BYTES, openFrame } from '../format/frame.ts';
import { ObjectType } from '../format/objectTypes.ts';
import { BloomFilter } from '../index/bloomFilter.ts';
import { MasterKeys } from '../keys/masterKeys.ts';
import { type BatchEntry, SealCore, type SealedBatch } from './sealCore.ts';

const keys = { idKey: randomBytes(32), encKeys: [{ generation: 0, key: randomBytes(32) }] };
const core = () => new SealCore(keys, { partBytes: 4096, segmentBytes: 1 << 20 }, 1, randomBytes);
const target = () => Buffer.alloc(64 * 1024);

/** A batch of objects, one for each text. */
function batchOf(...texts: string[]): [Buffer, BatchEntry[]] {
  let end = 0;
  const entries = texts.map((text): BatchEntry => {
    const start = end;
    end += text.length;
    return { kind: 'object', type: ObjectType.page, start, end };
  });
  return [Buffer.from(texts.join('')), entries];
}

function opened({ frames }: SealedBatch, bytes: Buffer): string[] {
  return frames.map(({ bodyLength, start }) => {
    const body = bytes.subarray(start + FRAME_HEADER_BYTES, start + FRAME_HEADER_BYTES + bodyLength);
    return openFrame(new MasterKeys(keys), bytes.subarray(start), body).plain.toString();
  });
}

describe('a sealing thread', () => {
  test('seals nothing by itself without a filter', () => {
    const sealing = core();
    const memory = target();
    const stored = sealing.store(1, ...batchOf('one', 'two'), memory);
    expect(stored).toMatchObject({ isWhole: false, sealed: { frames: [] } });
    expect(opened(sealing.seal(1, Uint8Array.of(0, 1), memory), memory)).toEqual(['two']);
  });

  test('seals what is certainly new, once, and leaves the rest to be decided', () => {
    const { memory: filter } = BloomFilter.forCapacity(0);
    const sealing = core();
    sealing.useFilter(filter);
    const memory = target();
    const first = sealing.store(1, ...batchOf('one', 'two', 'one'), memory);
    expect(opened(first.sealed, memory)).toEqual(['one', 'two']);
    expect(first.isWhole).toBe(false);
    expect(first.sealed.frames.map(({ object }) => object)).toEqual([0, 1]);
    const second = sealing.store(2, ...batchOf('three'), memory);
    expect(opened(second.sealed, memory)).toEqual(['three']);
    expect(second.isWhole).toBe(true);
  });

  test('does not seal what another thread with the same filter has sealed', () => {
    const { memory: filter } = BloomFilter.forCapacity(0);
    const [one, other] = [core(), core()];
    for (const sealing of [one, other]) sealing.useFilter(filter);
    one.store(1, ...batchOf('common'), target());
    const memory = target();
    expect(opened(other.store(1, ...batchOf('common', 'own'), memory).sealed, memory)).toEqual(['own']);
    expect(opened(other.seal(1, Uint8Array.of(1, 0), memory), memory)).toEqual(['common']);
  });

  test('answers with memory of its own when the target is too small', () => {
    const sealing = core();
    sealing.useFilter(BloomFilter.forCapacity(0).memory);
    const { sealed } = sealing.store(1, ...batchOf('x'.repeat(2000)), Buffer.alloc(1000));
    expect(sealed.bytes && opened(sealed, Buffer.from(sealed.bytes))).toEqual(['x'.repeat(2000)]);
  });

  test('keeps nothing of a batch that is whole, sealed or forgotten', () => {
    const sealing = core();
    sealing.useFilter(BloomFilter.forCapacity(0).memory);
    sealing.store(1, ...batchOf('whole'), target());
    sealing.store(2, ...batchOf('whole'), target());
    sealing.forget(2);
    sealing.store(3, ...batchOf('whole'), target());
    sealing.seal(3, Uint8Array.of(0), target());
    for (const job of [1, 2, 3])
      expect(() => sealing.seal(job, Uint8Array.of(0), target())).toThrow('was never prepared');
  });
});
