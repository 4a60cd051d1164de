import { createHash } from 'node:crypto';
import { HoldfastError } from '@holdfast/contracts';
import type { RestorableAttachment } from '../ports.ts';

/** All bytes of an attachment, or undefined when they are more than `limit`; no more than that is kept. */
export async function bytesUpTo(
  attachment: RestorableAttachment,
  limit: number,
): Promise<Uint8Array | undefined> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of attachment.open()) {
    size += piece.byteLength;
    if (size > limit) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

export interface MeasuredBytes {
  size: number;
  /** Hex. */
  sha256: string;
}

/** True size and hash, by reading it once; what a listing said of the size may count overhead. */
export async function measured(attachment: RestorableAttachment): Promise<MeasuredBytes> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of attachment.open()) {
    hash.update(piece);
    size += piece.byteLength;
  }
  return { size, sha256: hash.digest('hex') };
}

/** The bytes again in pieces of exactly `chunkBytes`, the last one shorter. */
export async function* inChunks(
  source: AsyncIterable<Uint8Array>,
  chunkBytes: number,
): AsyncGenerator<Uint8Array> {
  let pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of source) {
    let rest = piece;
    while (size + rest.byteLength >= chunkBytes) {
      const fit = chunkBytes - size;
      yield Buffer.concat([...pieces, rest.subarray(0, fit)]);
      rest = rest.subarray(fit);
      pieces = [];
      size = 0;
    }
    if (rest.byteLength > 0) {
      pieces.push(rest);
      size += rest.byteLength;
    }
  }
  if (size > 0) yield Buffer.concat(pieces);
}

/** The backup gave other bytes than it announced. */
export const sourceChanged = (name: string): HoldfastError =>
  new HoldfastError(
    'attachment-source-changed',
    'permanent-item',
    `The attachment ${name} in the backup gave another number of bytes than before.`,
    { remedy: 'Verify the repository.' },
  );
