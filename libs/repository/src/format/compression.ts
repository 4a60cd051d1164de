import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { Scratch } from './scratch.ts';
import { ZstdContext } from './zstdContext.ts';

/** How a body is compressed. 0 is always readable. */
export const Codec = { none: 0, zstd: 1 } as const;
export type Codec = (typeof Codec)[keyof typeof Codec];

const SAMPLE_BYTES = 64 * 1024;
/** A gain below this is not worth the reader's time. */
const LEAST_GAIN = 0.05;

const compressing = new Map<number, ZstdContext>();
const inflating = ZstdContext.forInflating();
const packed = new Scratch();
const inflated = new Scratch();

/** One zstd frame in memory of its own. */
export function compress(bytes: Uint8Array, level: number): Buffer {
  return Buffer.from(compressed(bytes, level));
}

/**
 * Compressed bytes, or undefined when they would not be at least 5 % smaller. They lie in memory that the next
 * call of this module uses again.
 */
export function compressIfWorth(bytes: Uint8Array, level: number): Buffer | undefined {
  if (bytes.length < 64) return undefined;
  if (bytes.length > 2 * SAMPLE_BYTES) {
    const start = (bytes.length - SAMPLE_BYTES) >> 1;
    // The fastest level is enough to see whether there is anything to gain.
    const sample = compressed(bytes.subarray(start, start + SAMPLE_BYTES), 1);
    if (sample.length > SAMPLE_BYTES * (1 - LEAST_GAIN)) return undefined;
  }
  const content = compressed(bytes, level);
  return content.length <= bytes.length * (1 - LEAST_GAIN) ? content : undefined;
}

/** Inflates to exactly `rawLength` bytes; throws when the stream holds more, less, or is damaged. */
export function decompress(bytes: Uint8Array, rawLength: number): Buffer {
  const plain = Buffer.allocUnsafeSlow(rawLength);
  return inflating.run(bytes, plain, 0) === rawLength ? plain : inflatedPatiently(bytes, rawLength);
}

/** The same in memory that the next call of this module uses again. */
export function decompressLent(bytes: Uint8Array, rawLength: number): Buffer {
  const plain = inflated.take(rawLength);
  return inflating.run(bytes, plain, 0) === rawLength ? plain : inflatedPatiently(bytes, rawLength);
}

/** True when `bytes` inflate to exactly `expected`. Throws when they are damaged. */
export function inflatesTo(bytes: Uint8Array, expected: Buffer): boolean {
  return expected.equals(decompressLent(bytes, expected.length));
}

function compressed(bytes: Uint8Array, level: number): Buffer {
  // ZSTD_compressBound: with this much room the frame is made in one step.
  const most = bytes.length + (bytes.length >> 8) + 1024;
  const target = packed.take(most);
  const length = contextFor(level).run(bytes, target, 0);
  if (length !== undefined) return target.subarray(0, length);
  return zstdCompressSync(bytes, {
    pledgedSrcSize: bytes.length,
    chunkSize: Math.min(256 * 1024, Math.max(1024, most)),
    params: { [constants.ZSTD_c_compressionLevel]: level },
  });
}

function contextFor(level: number): ZstdContext {
  const known = compressing.get(level);
  if (known) return known;
  const context = ZstdContext.forCompressing(level);
  compressing.set(level, context);
  return context;
}

/** With a context of its own; says what is wrong. */
function inflatedPatiently(bytes: Uint8Array, rawLength: number): Buffer {
  inflating.reset();
  const plain = zstdDecompressSync(bytes, {
    chunkSize: Math.max(64, rawLength + 1),
    maxOutputLength: Math.max(64, rawLength + 1),
  });
  if (plain.length !== rawLength) throw new RangeError(`inflated to ${plain.length} bytes, not ${rawLength}`);
  return plain;
}
