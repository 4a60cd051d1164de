import type { MasterKeyBytes } from '../keys/masterKeys.ts';
import type { CutSizes } from './prepareItem.ts';
import type { BatchEntry, PreparedBatch, SealedBatch, StoredBatch } from './sealCore.ts';

/** What a sealing thread is given when it starts. */
export interface SealSettings {
  keys: MasterKeyBytes;
  sizes: CutSizes;
  zstdLevel: number;
  /** Where compiled code is kept, so that a thread starts in a third of the time. */
  codeCacheDir?: string;
}

/** Which content of a large item a piece belongs to: the message, or an extra part by name. */
export type StreamTarget = { kind: 'mime' } | { kind: 'part'; name: string };

/**
 * A place where sealing is done: inline or in a worker thread. Bytes and targets lie in shared memory; until the
 * last answer about a batch (for a stream: of each call) has come, the caller must not touch them.
 */
export interface SealThread {
  /** A filter of all ids that are stored; without one nothing counts as certainly new. */
  useFilter(memory: SharedArrayBuffer): void;
  /**
   * Splits, hashes, and seals what is certainly new into `target`; answers with a buffer of its own as `bytes` when
   * that was too small. Unless the answer is whole, `seal` or `forget` must follow.
   */
  store(job: number, bytes: Buffer, entries: readonly BatchEntry[], target: Buffer): Promise<StoredBatch>;
  /** Seals those objects of a batch whose byte in `needed` is 1, as `store` does. */
  seal(job: number, needed: Uint8Array, target: Buffer): Promise<SealedBatch>;
  /** The rest of a batch is stored already. */
  forget(job: number): void;
  /** Gives the next piece of a large item; answers with the objects that are complete. */
  pushStream(job: number, target: StreamTarget, chunk: Uint8Array): Promise<PreparedBatch>;
  /** The content `target` is complete. */
  endStream(job: number, target: StreamTarget): Promise<PreparedBatch>;
  /** All contents were given: answers with the item itself. */
  finishStream(job: number, properties: Uint8Array): Promise<PreparedBatch>;
  /** Seals what the last stream call of this job prepared. */
  sealStream(job: number, needed: Uint8Array): Promise<SealedBatch>;
  /** Forgets a large item that will not be finished. */
  dropStream(job: number): Promise<void>;
  close(): Promise<void>;
}

/** Memory that both sides see: nothing is copied or handed over, and no garbage collector counts it. */
export function sharedBuffer(size: number): Buffer {
  return Buffer.from(new SharedArrayBuffer(size));
}
