import { createHash } from 'node:crypto';
import { copyBytes } from '../format/copyBytes.ts';
import { FRAME_HEADER_BYTES } from '../format/frame.ts';
import { packName } from '../format/names.ts';
import type { PackKind } from '../format/objectTypes.ts';
import { type PackEntry, packEnd, packHeader } from '../format/pack.ts';
import type { NonceSource } from '../keys/nonceSource.ts';
import { CHUNK_BYTES, type ChunkPool } from './chunkPool.ts';

/** A pack in the making, in chunks of pooled memory. */
export class OpenPack {
  readonly kind: PackKind;
  readonly entries: PackEntry[] = [];
  /** Set when the pack is durable; until then its frames are read from memory. */
  storedAs: string | undefined;
  readonly #pool: ChunkPool;
  readonly #hash = createHash('sha256');
  #chunks: Buffer[] = [];
  #size = 0;
  #hashed = 0;

  constructor(kind: PackKind, repositoryId: string, pool: ChunkPool) {
    this.kind = kind;
    this.#pool = pool;
    this.#append(packHeader(kind, repositoryId));
  }

  get size(): number {
    return this.#size;
  }

  /** Copies the frame in; the caller may use its memory again. */
  add(frame: Uint8Array, entry: Omit<PackEntry, 'offset'>): PackEntry {
    const placed = { ...entry, offset: this.#size };
    this.entries.push(placed);
    this.#append(frame);
    return placed;
  }

  /** A copy of a frame that is not stored yet. */
  frame(entry: PackEntry): Uint8Array {
    const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + entry.bodyLength);
    for (let done = 0; done < frame.length; ) {
      const at = entry.offset + done;
      const chunk = this.#chunks[Math.floor(at / CHUNK_BYTES)];
      if (!chunk) throw new RangeError('a frame outside of its pack');
      done += chunk.copy(frame, done, at % CHUNK_BYTES);
    }
    return frame;
  }

  /** Ends the pack: its name and all its bytes. */
  finish(
    nonces: NonceSource,
    repositoryId: string,
    session8: string,
  ): { name: string; sha256: string; pieces: Uint8Array[] } {
    this.#append(packEnd(this.entries, this.#size, nonces, repositoryId));
    this.#hashUpTo(this.#size);
    const sha256 = this.#hash.digest('hex');
    const pieces = this.#chunks.map((chunk, at) =>
      chunk.subarray(0, Math.min(CHUNK_BYTES, this.#size - at * CHUNK_BYTES)),
    );
    return { name: packName({ sha256, session8, kind: this.kind }), sha256, pieces };
  }

  /** The pack is durable under this name; its memory is given back. */
  stored(name: string): void {
    this.storedAs = name;
    this.#pool.giveBack(this.#chunks);
    this.#chunks = [];
  }

  #append(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const at = this.#size % CHUNK_BYTES;
      if (at === 0) this.#chunks.push(this.#pool.take());
      const chunk = this.#chunks.at(-1);
      if (!chunk) return;
      const piece = bytes.subarray(done, done + CHUNK_BYTES - at);
      copyBytes(piece, chunk, at);
      done += piece.length;
      this.#size += piece.length;
      // Whole chunks are hashed as they fill, so that closing a pack is short.
      if (this.#size % CHUNK_BYTES === 0) this.#hashUpTo(this.#size);
    }
  }

  #hashUpTo(end: number): void {
    for (; this.#hashed < end; ) {
      const chunk = this.#chunks[Math.floor(this.#hashed / CHUNK_BYTES)];
      const from = this.#hashed % CHUNK_BYTES;
      const to = Math.min(CHUNK_BYTES, from + end - this.#hashed);
      if (!chunk) throw new RangeError('a pack without the memory of its bytes');
      this.#hash.update(chunk.subarray(from, to));
      this.#hashed += to - from;
    }
  }
}
