import { sharedBuffer } from '../sealing/sealThread.ts';

/** Most requests to a thread and their answers fit into one piece. */
const SLAB_BYTES = 2 * 1024 * 1024;
const MOST_SLABS = 12;

/** Shared memory for what goes to reading threads and comes back, used again and again. */
export class Slabs {
  readonly #free: Buffer[] = [];

  take(size: number): Buffer {
    if (size > SLAB_BYTES) return sharedBuffer(size);
    return this.#free.pop() ?? sharedBuffer(SLAB_BYTES);
  }

  /** Nobody may hold a view of it any more, a thread that may still write least of all. */
  giveBack(memory: Buffer): void {
    if (memory.length === SLAB_BYTES && this.#free.length < MOST_SLABS) this.#free.push(memory);
  }
}
