import type { PackEntry } from '../format/pack.ts';
import type { OpenPack } from '../packs/openPack.ts';

/** Work that others may have to wait for: resolves when its frames are in packs. */
export interface SealingWork {
  sealed: Promise<void>;
}

/** An object that this session stores and that the index does not list yet. */
export interface Claim {
  /** Set until the frame is in a pack. */
  work: SealingWork | undefined;
  placed: { pack: OpenPack; entry: PackEntry } | undefined;
}

/**
 * The objects between "somebody seals it" and "the index lists it". Bounded by the flushes: each one lists
 * what was stored and takes it out of here.
 */
export class Claims {
  readonly #claims = new Map<string, Claim>();

  get size(): number {
    return this.#claims.size;
  }

  find(id: Uint8Array): Claim | undefined {
    return this.#claims.get(keyOf(id));
  }

  claim(id: Uint8Array, work: SealingWork): void {
    this.#claims.set(keyOf(id), { work, placed: undefined });
  }

  place(id: Uint8Array, pack: OpenPack, entry: PackEntry): void {
    this.#claims.set(keyOf(id), { work: undefined, placed: { pack, entry } });
  }

  /** The index lists these now, or their work failed. */
  release(ids: Iterable<Uint8Array>): void {
    for (const id of ids) this.#claims.delete(keyOf(id));
  }
}

/** 32 one-byte characters: half the memory of hex. */
function keyOf(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.length).toString('latin1');
}
