import type { BlobStore, ByteRange, PutOptions, StoredName } from '../ports.ts';
import { piecesOf } from './blobNames.ts';
import { StoreWrapper } from './wrapper.ts';

/** What was asked of the storage since it was opened. */
export interface StoreCounters {
  puts: number;
  gets: number;
  stats: number;
  lists: number;
  removes: number;
  failures: number;
  bytesWritten: number;
  bytesRead: number;
}

/** Counts calls and bytes into `counters`. */
export function counting(
  inner: BlobStore,
  counters: StoreCounters = emptyCounters(),
): BlobStore & { counters: StoreCounters } {
  return new CountingStore(inner, counters);
}

export function emptyCounters(): StoreCounters {
  return { puts: 0, gets: 0, stats: 0, lists: 0, removes: 0, failures: 0, bytesWritten: 0, bytesRead: 0 };
}

class CountingStore extends StoreWrapper {
  readonly counters: StoreCounters;

  constructor(inner: BlobStore, counters: StoreCounters) {
    super(inner);
    this.counters = counters;
  }

  override async putIfAbsent(
    name: string,
    bytes: Uint8Array | readonly Uint8Array[],
    options?: PutOptions,
  ): Promise<void> {
    this.counters.puts++;
    await this.#count(this.inner.putIfAbsent(name, bytes, options));
    for (const piece of piecesOf(bytes)) this.counters.bytesWritten += piece.length;
  }

  override async get(name: string, range?: ByteRange): Promise<Uint8Array> {
    this.counters.gets++;
    const bytes = await this.#count(this.inner.get(name, range));
    this.counters.bytesRead += bytes.length;
    return bytes;
  }

  override stat(name: string): Promise<StoredName> {
    this.counters.stats++;
    return this.#count(this.inner.stat(name));
  }

  override async *list(prefix: string): AsyncIterable<StoredName> {
    this.counters.lists++;
    try {
      yield* this.inner.list(prefix);
    } catch (error) {
      this.counters.failures++;
      throw error;
    }
  }

  override remove(name: string): Promise<void> {
    this.counters.removes++;
    return this.#count(this.inner.remove(name));
  }

  async #count<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      this.counters.failures++;
      throw error;
    }
  }
}
