import { classOf } from '@holdfast/contracts/errors';
import { BlobAlreadyExists } from '../errors.ts';
import type { BlobStore, ByteRange, PutOptions, StoredName } from '../ports.ts';
import { piecesOf } from './blobNames.ts';
import { StoreWrapper } from './wrapper.ts';

export interface RetryOptions {
  /** Tries in all. */
  tries?: number;
  /** The pause before the second try; doubles each time. */
  firstPauseMs?: number;
  pause?: (ms: number) => Promise<void>;
}

/** Tries calls that failed with a transient error again, with doubling pauses (default 5 tries, 0.1 to 0.8 s). */
export function retrying(inner: BlobStore, options: RetryOptions = {}): BlobStore {
  return new RetryingStore(inner, options);
}

class RetryingStore extends StoreWrapper {
  readonly #tries: number;
  readonly #firstPauseMs: number;
  readonly #pause: (ms: number) => Promise<void>;

  constructor(inner: BlobStore, options: RetryOptions) {
    super(inner);
    this.#tries = options.tries ?? 5;
    this.#firstPauseMs = options.firstPauseMs ?? 100;
    this.#pause = options.pause ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms)));
  }

  override putIfAbsent(
    name: string,
    bytes: Uint8Array | readonly Uint8Array[],
    options?: PutOptions,
  ): Promise<void> {
    return this.#retry(async (attempt) => {
      try {
        await this.inner.putIfAbsent(name, bytes, options);
      } catch (error) {
        // The try before may have been applied though its answer was lost: the same bytes mean it was ours.
        const mine = error instanceof BlobAlreadyExists && attempt > 1 && (await this.#holds(name, bytes));
        if (!mine) throw error;
      }
    });
  }

  override get(name: string, range?: ByteRange): Promise<Uint8Array> {
    return this.#retry(() => this.inner.get(name, range));
  }

  override stat(name: string): Promise<StoredName> {
    return this.#retry(() => this.inner.stat(name));
  }

  override remove(name: string): Promise<void> {
    return this.#retry(() => this.inner.remove(name));
  }

  /** A listing that breaks goes on after the last name it gave. */
  override async *list(prefix: string): AsyncIterable<StoredName> {
    let last = '';
    for (let attempt = 1; ; attempt++) {
      try {
        for await (const found of this.inner.list(prefix)) {
          if (last !== '' && found.name <= last) continue;
          last = found.name;
          attempt = 1;
          yield found;
        }
        return;
      } catch (error) {
        await this.#pauseOrThrow(error, attempt);
      }
    }
  }

  async #retry<T>(call: (attempt: number) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await call(attempt);
      } catch (error) {
        await this.#pauseOrThrow(error, attempt);
      }
    }
  }

  async #pauseOrThrow(error: unknown, attempt: number): Promise<void> {
    if (classOf(error) !== 'transient' || attempt >= this.#tries) throw error;
    await this.#pause(this.#firstPauseMs * 2 ** (attempt - 1));
  }

  async #holds(name: string, bytes: Uint8Array | readonly Uint8Array[]): Promise<boolean> {
    const stored = await this.inner.get(name);
    let at = 0;
    for (const piece of piecesOf(bytes)) {
      if (Buffer.compare(stored.subarray(at, at + piece.length), piece) !== 0) return false;
      at += piece.length;
    }
    return at === stored.length;
  }
}
