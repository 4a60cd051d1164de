import type { BlobStore, ByteRange, PutOptions, StoredName } from '../ports.ts';

/** Passes every call on; wrappers override what they change. */
export class StoreWrapper implements BlobStore {
  protected readonly inner: BlobStore;

  constructor(inner: BlobStore) {
    this.inner = inner;
  }

  get description(): string {
    return this.inner.description;
  }

  capabilities() {
    return this.inner.capabilities();
  }

  putIfAbsent(name: string, bytes: Uint8Array | readonly Uint8Array[], options?: PutOptions): Promise<void> {
    return this.inner.putIfAbsent(name, bytes, options);
  }

  get(name: string, range?: ByteRange): Promise<Uint8Array> {
    return this.inner.get(name, range);
  }

  stat(name: string): Promise<StoredName> {
    return this.inner.stat(name);
  }

  list(prefix: string): AsyncIterable<StoredName> {
    return this.inner.list(prefix);
  }

  remove(name: string): Promise<void> {
    return this.inner.remove(name);
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}
