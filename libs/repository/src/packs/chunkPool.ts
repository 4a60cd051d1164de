export const CHUNK_BYTES = 1024 * 1024;
/** Kept for the next packs: a data pack of the usual size and a bit of metadata. */
const MOST_FREE = 20;

/** Memory of packs in the making, used again and again: fresh pages cost more than the copying. */
export class ChunkPool {
  readonly #free: Buffer[] = [];

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
  }

  giveBack(chunks: readonly Buffer[]): void {
    for (const chunk of chunks) if (this.#free.length < MOST_FREE) this.#free.push(chunk);
  }
}
