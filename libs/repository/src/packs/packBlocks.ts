import type { BlobStore } from '../ports.ts';

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

  /** May answer with fewer bytes when the pack ends earlier. The bytes are shared: nobody may change them. */
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
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= MOST_BLOCKS) break;
      this.#blocks.delete(oldest);
    }
    try {
      return await block;
    } catch (error) {
      this.#blocks.delete(name);
      throw error;
    }
  }
}

function part(block: Uint8Array, offset: number, length: number): Uint8Array {
  return block.subarray(offset, offset + length);
}
