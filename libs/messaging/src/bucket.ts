import type { Running } from './ports.ts';

export interface BucketEntry {
  value: string;
  /** Grows with each write of the bucket; starts again when the broker has lost its storage. */
  revision: number;
}

/**
 * Text values by key with compare-and-set: what leases, shares and typed key-values are made of. Every call throws
 * BrokerUnavailable when the broker is away for longer than its patience. A write may be repeated inside, so a
 * refused `create` or `update` can be one's own earlier success: look at the value.
 */
export interface Bucket {
  get(key: string): Promise<BucketEntry | undefined>;
  put(key: string, value: string): Promise<number>;
  /** The revision, or undefined when the key is taken. */
  create(key: string, value: string): Promise<number | undefined>;
  /** The new revision, or undefined when the given one is not the newest. */
  update(key: string, value: string, revision: number): Promise<number | undefined>;
  /** False when a revision was given and is not the newest. */
  delete(key: string, revision?: number): Promise<boolean>;
  list(): Promise<Map<string, BucketEntry>>;
  /**
   * Calls `onEntry` for what is there, then `onListed`, then `onEntry` for each change (undefined = deleted; an entry
   * that expires is not told by older servers). Starts over, with `onRestart` first, whenever changes may have been
   * missed.
   */
  watch(listener: BucketListener): Promise<Running>;
}

export interface BucketListener {
  onRestart: () => void;
  onEntry: (key: string, entry: BucketEntry | undefined) => void;
  onListed: () => void;
}
