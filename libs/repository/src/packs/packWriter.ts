import { PackKind, packKindOf } from '../format/objectTypes.ts';
import type { PackEntry } from '../format/pack.ts';
import type { NonceSource } from '../keys/nonceSource.ts';
import type { BlobStore } from '../ports.ts';
import { ChunkPool } from './chunkPool.ts';
import { OpenPack } from './openPack.ts';

export interface PackWriterDeps {
  store: BlobStore;
  nonces: NonceSource;
  repositoryId: string;
  session8: string;
  dataPackBytes: number;
  metadataPackBytes: number;
  /** Throws when the session may not put any more. */
  assertAlive: () => void;
  /** Told of a put that failed for good. */
  onFailure: (error: unknown) => void;
}

/** Bytes on their way to the storage from which on storing waits: each pack lies in memory until it is durable. */
const MOST_BYTES_IN_PUTS = 24 * 1024 * 1024;

/**
 * One open pack of each kind for the whole process: tasks share packs, which keeps packs large. Full packs are
 * put in the background; `flush` waits for all of them.
 */
export class PackWriter {
  readonly #deps: PackWriterDeps;
  readonly #open = new Map<PackKind, OpenPack>();
  readonly #puts = new Set<Promise<void>>();
  readonly #pool = new ChunkPool();
  #bytesInPuts = 0;
  #stored: OpenPack[] = [];
  #failure: { error: unknown } | undefined;

  constructor(deps: PackWriterDeps) {
    this.#deps = deps;
  }

  /** Adds a sealed frame; it is durable after the next `flush`. */
  add(frame: Uint8Array, entry: Omit<PackEntry, 'offset'>): { pack: OpenPack; entry: PackEntry } {
    const kind = packKindOf(entry.type);
    const pack = this.#open.get(kind) ?? new OpenPack(kind, this.#deps.repositoryId, this.#pool);
    this.#open.set(kind, pack);
    const placed = pack.add(frame, entry);
    if (pack.size >= this.#target(kind)) this.#close(pack);
    return { pack, entry: placed };
  }

  /** Waits until there is room for another pack in flight. */
  async room(): Promise<void> {
    while (this.#bytesInPuts >= MOST_BYTES_IN_PUTS) await Promise.race(this.#puts);
    this.#throwFailure();
  }

  /** Everything added before is durable when this returns. */
  async flush(): Promise<void> {
    for (const pack of [...this.#open.values()]) this.#close(pack);
    await Promise.all(this.#puts);
    this.#throwFailure();
  }

  /** Durable packs that no index segment lists yet. */
  stored(): OpenPack[] {
    return [...this.#stored];
  }

  /** An index segment lists these now. */
  listed(packs: readonly OpenPack[]): void {
    this.#stored = this.#stored.filter((pack) => !packs.includes(pack));
  }

  /** Every frame that was added is durable and listed. */
  get isClean(): boolean {
    return this.#open.size + this.#puts.size + this.#stored.length === 0 && !this.#failure;
  }

  /** Waits for puts at work, whatever becomes of them. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#puts);
  }

  #target(kind: PackKind): number {
    return kind === PackKind.data ? this.#deps.dataPackBytes : this.#deps.metadataPackBytes;
  }

  #close(pack: OpenPack): void {
    this.#open.delete(pack.kind);
    const { size } = pack;
    this.#bytesInPuts += size;
    const put = this.#put(pack)
      .catch((error: unknown) => {
        this.#failure ??= { error };
        this.#deps.onFailure(error);
      })
      .finally(() => {
        this.#puts.delete(put);
        this.#bytesInPuts -= size;
      });
    this.#puts.add(put);
  }

  async #put(pack: OpenPack): Promise<void> {
    const { store, nonces, repositoryId, session8, assertAlive } = this.#deps;
    const { name, sha256, pieces } = pack.finish(nonces, repositoryId, session8);
    assertAlive();
    await store.putIfAbsent(name, pieces, { sha256 });
    pack.stored(name);
    this.#stored.push(pack);
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }
}
