import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

/** How a body is compressed. 0 is always readable. */
export const Codec = { none: 0, zstd: 1 } as const;
export type Codec = (typeof Codec)[keyof typeof Codec];

const SAMPLE_BYTES = 64 * 1024;
/** A gain below this is not worth the reader's time. */
const LEAST_GAIN = 0.05;

/** zstd in one call. The output buffer is sized at once: growing in steps costs more than compressing mail. */
export function compress(bytes: Uint8Array, level: number): Buffer {
  return zstdCompressSync(bytes, {
    pledgedSrcSize: bytes.length,
    chunkSize: outputChunk(bytes.length),
    params: { [constants.ZSTD_c_compressionLevel]: level },
  });
}

/** Text shrinks to a third: small inputs get it in one piece, large ones in pieces of 256 KiB. */
function outputChunk(size: number): number {
  return Math.min(256 * 1024, Math.max(1024, (size >> 1) + 64));
}

/** Compressed bytes, or undefined when they would not be at least 5 % smaller. */
export function compressIfWorth(bytes: Uint8Array, level: number): Buffer | undefined {
  if (bytes.length < 64) return undefined;
  if (bytes.length > 2 * SAMPLE_BYTES) {
    const start = (bytes.length - SAMPLE_BYTES) >> 1;
    // The fastest level is enough to see whether there is anything to gain.
    const sample = compress(bytes.subarray(start, start + SAMPLE_BYTES), 1);
    if (sample.length > SAMPLE_BYTES * (1 - LEAST_GAIN)) return undefined;
  }
  const packed = compress(bytes, level);
  return packed.length <= bytes.length * (1 - LEAST_GAIN) ? packed : undefined;
}

/** Inflates to exactly `rawLength` bytes; throws when the stream holds more, less, or is damaged. */
export function decompress(bytes: Uint8Array, rawLength: number): Buffer {
  const plain = zstdDecompressSync(bytes, {
    chunkSize: Math.max(64, rawLength + 1),
    maxOutputLength: Math.max(64, rawLength + 1),
  });
  if (plain.length !== rawLength) throw new RangeError(`inflated to ${plain.length} bytes, not ${rawLength}`);
  return plain;
}
