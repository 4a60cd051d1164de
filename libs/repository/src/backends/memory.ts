import { BlobAlreadyExists, BlobNotFound } from '../errors.ts';
import type { BlobStore, ByteRange, PutOptions, StoredName } from '../ports.ts';
import { assertBlobName, compareNames, piecesOf } from './blobNames.ts';

/** Bytes in memory: for tests and for trying things out. Copies in and out, as a real store would. */
export class MemoryBlobStore implements BlobStore {
  readonly description: string;
  readonly blobs: Map<string, Uint8Array>;

  constructor(name = 'memory', blobs = new Map<string, Uint8Array>()) {
    this.description = `memory store ${name}`;
    this.blobs = blobs;
  }

  capabilities() {
    return { put: true, remove: true, lock: false, archive: false };
  }

  async putIfAbsent(
    name: string,
    bytes: Uint8Array | readonly Uint8Array[],
    _options?: PutOptions,
  ): Promise<void> {
    assertBlobName(name);
    const copy = new Uint8Array(Buffer.concat(piecesOf(bytes)));
    if (this.blobs.has(name)) throw new BlobAlreadyExists(name);
    this.blobs.set(name, copy);
  }

  async get(name: string, range?: ByteRange): Promise<Uint8Array> {
    const bytes = this.#bytes(name);
    const { offset, length } = range ?? { offset: 0, length: bytes.length };
    // A copy even of what a test has put as a Buffer.
    return new Uint8Array(bytes.subarray(offset, offset + length));
  }

  async stat(name: string): Promise<StoredName> {
    return { name, size: this.#bytes(name).length };
  }

  async *list(prefix: string): AsyncIterable<StoredName> {
    const names = [...this.blobs.keys()].filter((name) => name.startsWith(prefix)).sort(compareNames);
    for (const name of names) {
      const bytes = this.blobs.get(name);
      if (bytes) yield { name, size: bytes.length };
    }
  }

  async remove(name: string): Promise<void> {
    this.blobs.delete(name);
  }

  async close(): Promise<void> {
    // Nothing is held open.
  }

  #bytes(name: string): Uint8Array {
    const bytes = this.blobs.get(name);
    if (!bytes) throw new BlobNotFound(name);
    return bytes;
  }
}
