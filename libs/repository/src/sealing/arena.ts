import { releaseMemory } from '../format/releaseMemory.ts';

const CHUNK_BYTES = 1024 * 1024;

/**
 * Scratch memory that is used again: fresh pages are what large allocations cost most. What was taken is
 * valid until `reset`, which gives the memory of large pieces back at once.
 */
export class Arena {
  #chunks: Buffer[] = [];
  #used = 0;
  #at = 0;
  /** Larger pieces are not kept for the next batch. */
  #large: Buffer[] = [];

  take(size: number): Buffer {
    if (size > CHUNK_BYTES) {
      const large = Buffer.allocUnsafeSlow(size);
      this.#large.push(large);
      return large;
    }
    let chunk = this.#chunks[this.#used];
    if (chunk && this.#at + size > chunk.length) {
      this.#used++;
      this.#at = 0;
      chunk = this.#chunks[this.#used];
    }
    if (!chunk) {
      chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      this.#chunks.push(chunk);
    }
    const piece = chunk.subarray(this.#at, this.#at + size);
    this.#at += size;
    return piece;
  }

  reset(): void {
    for (const large of this.#large) releaseMemory(large);
    this.#large = [];
    this.#used = 0;
    this.#at = 0;
    // Two chunks carry a usual batch; one unusual batch must not be paid for ever after.
    for (const chunk of this.#chunks.splice(2)) releaseMemory(chunk);
  }
}
