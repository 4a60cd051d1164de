import { createHash } from 'node:crypto';
import { piecesOf } from '../backends/blobNames.ts';
import { StoreWrapper } from '../backends/wrapper.ts';
import type { BlobStore, ByteRange, PutOptions, StoredName } from '../ports.ts';

/** A call that was made, in order. */
export interface RecordedCall {
  verb: 'put' | 'get' | 'stat' | 'list' | 'remove';
  name: string;
  /** Hex SHA-256 of the bytes of a put. */
  sha256?: string;
}

/** Notes every call and passes it on. */
export function recording(inner: BlobStore): BlobStore & { readonly calls: RecordedCall[] } {
  return new RecordingStore(inner);
}

class RecordingStore extends StoreWrapper {
  readonly calls: RecordedCall[] = [];

  override putIfAbsent(
    name: string,
    bytes: Uint8Array | readonly Uint8Array[],
    options?: PutOptions,
  ): Promise<void> {
    const hash = createHash('sha256');
    for (const piece of piecesOf(bytes)) hash.update(piece);
    this.calls.push({ verb: 'put', name, sha256: hash.digest('hex') });
    return this.inner.putIfAbsent(name, bytes, options);
  }

  override get(name: string, range?: ByteRange): Promise<Uint8Array> {
    this.calls.push({ verb: 'get', name });
    return this.inner.get(name, range);
  }

  override stat(name: string): Promise<StoredName> {
    this.calls.push({ verb: 'stat', name });
    return this.inner.stat(name);
  }

  override list(prefix: string): AsyncIterable<StoredName> {
    this.calls.push({ verb: 'list', name: prefix });
    return this.inner.list(prefix);
  }

  override remove(name: string): Promise<void> {
    this.calls.push({ verb: 'remove', name });
    return this.inner.remove(name);
  }
}
