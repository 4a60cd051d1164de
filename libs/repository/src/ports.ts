/**
 * What the engine needs of the world. Every verb of `BlobStore` is idempotent or says why not, so that a
 * retry after an unknown outcome is harmless.
 */

/** What a backend promises; filled by the backend, checked by the probe at creation. */
export interface StoreCapabilities {
  /** `putIfAbsent` works with this store and these credentials. */
  put: boolean;
  /** `remove` works with this store and these credentials. */
  remove: boolean;
  /** Objects can be locked against deletion for a time. */
  lock: boolean;
  /** Objects can be kept in a class that must be warmed before it is read. */
  archive: boolean;
}

export interface PutOptions {
  /** Hex SHA-256 of the bytes; a backend that can have it checked by the other side does. */
  sha256?: string;
}

export interface StoredName {
  name: string;
  /** Bytes. */
  size: number;
}

export interface ByteRange {
  offset: number;
  length: number;
}

/**
 * Named, immutable bytes. Names are relative paths of `[A-Za-z0-9._-]` parts.
 * A name is visible only when its bytes are complete and durable; nothing is ever overwritten.
 * Errors: `BlobNotFound`, `BlobAlreadyExists`, `StoreTransient`, `StorePermanent`.
 */
export interface BlobStore {
  /** For messages to people, such as `folder /srv/backup`. */
  readonly description: string;
  capabilities(): StoreCapabilities;
  /** Puts complete bytes, given whole or in pieces. Throws `BlobAlreadyExists` when the name is taken. */
  putIfAbsent(name: string, bytes: Uint8Array | readonly Uint8Array[], options?: PutOptions): Promise<void>;
  /**
   * All bytes, or exactly the range; a range that ends beyond the blob is cut at its end. The memory is the
   * caller's alone.
   */
  get(name: string, range?: ByteRange): Promise<Uint8Array>;
  stat(name: string): Promise<StoredName>;
  /** All names that begin with the prefix, in ascending order of code units. */
  list(prefix: string): AsyncIterable<StoredName>;
  /** Removing what is not there is no error. */
  remove(name: string): Promise<void>;
  close(): Promise<void>;
}

/** Wall time for records, monotonic time for leases, timers for heartbeats. */
export interface EngineClock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds that never jump back. */
  monotonic(): number;
  /** Calls `action` once after `ms`; the returned function cancels. A `background` timer lets the process end. */
  after(ms: number, action: () => void, background?: boolean): () => void;
}

/** Returns that many unpredictable bytes. */
export type RandomBytes = (size: number) => Uint8Array;

export interface EngineLogger {
  info(message: string, facts?: Record<string, unknown>): void;
  warn(message: string, facts?: Record<string, unknown>): void;
}
