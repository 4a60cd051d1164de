import { releaseMemory } from '../format/releaseMemory.ts';
import type { BlobStore } from '../ports.ts';

/** Larger blocks read more of other mailboxes than of the one that is wanted. */
const BLOCK_BYTES = 256 * 1024;
/** Blocks kept: 24 MiB. */
const MOST_BLOCKS = 96;
/** Longer ranges are read as they are: they would push everything else out. */
const LONGEST_THROUGH_BLOCKS = 2 * BLOCK_BYTES;

/**
 * Ranges of packs through a cache of aligned blocks. Tasks that stored at the same time share packs, so the
 * items of a mailbox lie near each other, but in no strict order.
 */
export class PackBlocks {
  readonly #store: BlobStore;
  readonly #blocks = new Map<string, Promise<Uint8Array>>();

  constructor(store: BlobStore) {
    this.#store = store;
  }

  /**
   * May answer with fewer bytes when the pack ends earlier. The bytes are lent: nobody may change them, or use
   * them after the present turn of the event loop; `readOwn` gives some to keep.
   */
  async read(pack: string, offset: number, length: number): Promise<Uint8Array> {
    if (length > LONGEST_THROUGH_BLOCKS) return this.#store.get(pack, { offset, length });
    const first = Math.floor(offset / BLOCK_BYTES);
    const last = Math.floor((offset + length - 1) / BLOCK_BYTES);
    if (first === last) return part(await this.#block(pack, first), offset - first * BLOCK_BYTES, length);
    const range = Buffer.allocUnsafe(length);
    let filled = 0;
    for (let number = first; number <= last; number++) {
      const from = Math.max(0, offset - number * BLOCK_BYTES);
      const piece = part(await this.#block(pack, number), from, length - filled);
      range.set(piece, filled);
      filled += piece.length;
    }
    return range.subarray(0, filled);
  }

  /** Bytes that are the caller's. */
  async readOwn(pack: string, offset: number, length: number): Promise<Uint8Array> {
    const bytes = await this.read(pack, offset, length);
    return length > LONGEST_THROUGH_BLOCKS ? bytes : new Uint8Array(bytes);
  }

  /** The next read asks the storage again. */
  forget(pack: string): void {
    for (const name of [...this.#blocks.keys()]) if (name.startsWith(`${pack} `)) this.#blocks.delete(name);
  }

  async #block(pack: string, number: number): Promise<Uint8Array> {
    const name = `${pack} ${number}`;
    const known = this.#blocks.get(name);
    const block = known ?? this.#store.get(pack, { offset: number * BLOCK_BYTES, length: BLOCK_BYTES });
    // Last used is last in order.
    this.#blocks.delete(name);
    this.#blocks.set(name, block);
    for (const [oldest, dropped] of this.#blocks) {
      if (this.#blocks.size <= MOST_BLOCKS) break;
      this.#blocks.delete(oldest);
      releaseLater(dropped);
    }
    try {
      return await block;
    } catch (error) {
      this.#blocks.delete(name);
      throw error;
    }
  }
}

/** Those who were given the block use it in the turn in which it came. */
function releaseLater(block: Promise<Uint8Array>): void {
  const release = (bytes: Uint8Array) => void setImmediate(() => releaseMemory(bytes));
  block.then(release, () => undefined);
}

function part(block: Uint8Array, offset: number, length: number): Uint8Array {
  return block.subarray(offset, offset + length);
}
