import type { Bucket, BucketEntry, BucketListener } from '../bucket.ts';

interface Kept extends BucketEntry {
  endsAt: number;
}

/** A bucket as the broker keeps it; entries end without a word, as with servers that do not tell. */
export function createMemoryBucket() {
  const entries = new Map<string, Kept>();
  const listeners = new Set<BucketListener>();
  let ttlMs = 0;
  let revision = 0;

  function living(key: string): Kept | undefined {
    const entry = entries.get(key);
    if (entry !== undefined && entry.endsAt <= performance.now()) entries.delete(key);
    return entries.get(key);
  }

  function write(key: string, value: string): number {
    revision += 1;
    const endsAt = ttlMs === 0 ? Number.POSITIVE_INFINITY : performance.now() + ttlMs;
    const entry = { value, revision, endsAt };
    entries.set(key, entry);
    tell(key, entry);
    return revision;
  }

  function tell(key: string, entry: BucketEntry | undefined): void {
    for (const listener of listeners) queueMicrotask(() => listener.onEntry(key, entry));
  }

  function list(): Map<string, BucketEntry> {
    const keys = [...entries.keys()].filter((key) => living(key) !== undefined);
    return new Map(keys.map((key) => [key, living(key) as BucketEntry]));
  }

  function show(listener: BucketListener): void {
    listener.onRestart();
    for (const [key, entry] of list()) listener.onEntry(key, entry);
    listener.onListed();
  }

  const bucket: Bucket = {
    get: async (key) => living(key),
    put: async (key, value) => write(key, value),
    create: async (key, value) => (living(key) === undefined ? write(key, value) : undefined),
    update: async (key, value, expected) =>
      living(key)?.revision === expected ? write(key, value) : undefined,
    async delete(key, expected) {
      if (expected !== undefined && living(key)?.revision !== expected) return false;
      entries.delete(key);
      tell(key, undefined);
      return true;
    },
    list: async () => list(),
    async watch(listener) {
      listeners.add(listener);
      show(listener);
      return { stop: async () => void listeners.delete(listener) };
    },
  };
  return {
    bucket,
    setTtl(ms: number) {
      ttlMs = ms;
    },
    wipe() {
      entries.clear();
      revision = 0;
      for (const listener of listeners) show(listener);
    },
  };
}
export type MemoryBucket = ReturnType<typeof createMemoryBucket>;
