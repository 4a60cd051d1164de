import type { Document, Stored } from '@holdfast/store';

/** Documents that many tasks read and few people change, kept for a moment. */
export interface CachedDocuments<T> {
  get(id: string): Promise<T | undefined>;
}

interface Deps<T extends Document> {
  collection: { get(id: string): Promise<Stored<T> | undefined> };
  now: () => number;
  /** How old an answer may be, ms. */
  maxAgeMs: number;
  /** Most documents kept. */
  limit: number;
}

/** Concurrent readers of one document share one read; a failed read is not kept. */
export function cachedDocuments<T extends Document>(deps: Deps<T>): CachedDocuments<T> {
  const { collection, now, maxAgeMs, limit } = deps;
  const kept = new Map<string, { at: number; doc: Promise<T | undefined> }>();

  return {
    get(id) {
      const entry = kept.get(id);
      if (entry !== undefined && now() - entry.at < maxAgeMs) return entry.doc;
      const doc = collection.get(id).then((stored) => stored?.doc);
      kept.delete(id);
      if (kept.size >= limit) {
        const oldest = kept.keys().next();
        if (!oldest.done) kept.delete(oldest.value);
      }
      kept.set(id, { at: now(), doc });
      doc.catch(() => {
        if (kept.get(id)?.doc === doc) kept.delete(id);
      });
      return doc;
    },
  };
}
