import type { Cipheriv, Decipheriv } from 'node:crypto';
import { copyBytes } from './copyBytes.ts';
import { releaseMemory } from './releaseMemory.ts';

/** `update` makes its answer in fresh memory and copies it once more: in steps both stay in the cache. */
const STEP_BYTES = 64 * 1024;

/** Encrypts or decrypts into `target`, which has room from `start` on. */
export function cryptInto(
  cipher: Cipheriv | Decipheriv,
  content: Uint8Array,
  target: Buffer,
  start: number,
): void {
  for (let at = 0; at < content.length; at += STEP_BYTES) {
    const piece = cipher.update(content.subarray(at, at + STEP_BYTES));
    copyBytes(piece, target, start + at);
    releaseMemory(piece);
  }
}
