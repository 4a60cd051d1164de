import { StoreWrapper } from '../backends/wrapper.ts';
import { StorePermanent, StoreTransient } from '../errors.ts';
import type { BlobStore, ByteRange, PutOptions, StoredName } from '../ports.ts';

/** One call of the storage, as a plan of faults sees it. */
export interface StoreCall {
  /** From 0, in order of the calls. */
  number: number;
  verb: 'put' | 'get' | 'stat' | 'list' | 'remove';
  name: string;
}

/**
 * What happens to a call: nothing, a transient error without or with effect, a permanent error, or the death of
 * the process before or after the effect (every later call fails).
 */
export type Fault = 'none' | 'lost' | 'applied-but-lost' | 'full' | 'die-before' | 'die-after';

/** A store whose calls fail by plan. */
export function faulty(
  inner: BlobStore,
  plan: (call: StoreCall) => Fault,
): BlobStore & { readonly calls: number } {
  return new FaultyStore(inner, plan);
}

class FaultyStore extends StoreWrapper {
  calls = 0;
  readonly #plan: (call: StoreCall) => Fault;
  #dead = false;

  constructor(inner: BlobStore, plan: (call: StoreCall) => Fault) {
    super(inner);
    this.#plan = plan;
  }

  override putIfAbsent(
    name: string,
    bytes: Uint8Array | readonly Uint8Array[],
    options?: PutOptions,
  ): Promise<void> {
    return this.#call('put', name, () => this.inner.putIfAbsent(name, bytes, options));
  }

  override get(name: string, range?: ByteRange): Promise<Uint8Array> {
    return this.#call('get', name, () => this.inner.get(name, range));
  }

  override stat(name: string): Promise<StoredName> {
    return this.#call('stat', name, () => this.inner.stat(name));
  }

  override remove(name: string): Promise<void> {
    return this.#call('remove', name, () => this.inner.remove(name));
  }

  override async *list(prefix: string): AsyncIterable<StoredName> {
    await this.#call('list', prefix, async () => undefined);
    yield* this.inner.list(prefix);
  }

  async #call<T>(verb: StoreCall['verb'], name: string, effect: () => Promise<T>): Promise<T> {
    if (this.#dead) throw death(name);
    const fault = this.#plan({ number: this.calls++, verb, name });
    if (fault === 'none') return effect();
    if (fault === 'lost') throw new StoreTransient(`The call for ${name} was lost.`);
    if (fault === 'full') {
      throw new StorePermanent('store-full', `No room for ${name}.`, 'Free space on the disk.');
    }
    if (fault === 'die-before') {
      this.#dead = true;
      throw death(name);
    }
    await effect();
    if (fault === 'die-after') {
      this.#dead = true;
      throw death(name);
    }
    throw new StoreTransient(`The answer for ${name} was lost.`);
  }
}

/** Permanent, so that no retry goes on in a process that is meant to be dead. */
function death(name: string): StorePermanent {
  return new StorePermanent('process-died', `The process died at ${name}.`, 'This happens in tests only.');
}
