import type { ItemEntry } from '../ports.ts';

/**
 * Items that changed folders in this run, so that the same item with the same content is not fetched again.
 * Bounded: what was forgotten is fetched once more or counted as removed and new, nothing else happens.
 */
export interface MovedItems {
  /** The item left its folder. False when it was taken over by another folder before (then it is no removal). */
  left(entry: ItemEntry): boolean;
  /** The entry that left, when its content is the one wanted. */
  arrived(itemKey: string, contentKey: string): ItemEntry | undefined;
  /** The item was taken over while its old folder still has it. */
  takenOver(itemKey: string): void;
}

export function createMovedItems(limit: number): MovedItems {
  const entries = new Map<string, ItemEntry>();
  const ahead = new Set<string>();
  return {
    left(entry) {
      if (ahead.delete(entry.key)) return false;
      forgetOldest(entries, limit);
      entries.set(entry.key, entry);
      return true;
    },
    arrived(itemKey, contentKey) {
      const entry = entries.get(itemKey);
      if (entry === undefined || entry.changeKey !== contentKey) return undefined;
      entries.delete(itemKey);
      return entry;
    },
    takenOver(itemKey) {
      forgetOldest(ahead, limit);
      ahead.add(itemKey);
    },
  };
}

function forgetOldest(
  kept: { size: number; keys(): IterableIterator<string>; delete(key: string): boolean },
  limit: number,
): void {
  if (kept.size < limit) return;
  const oldest = kept.keys().next();
  if (!oldest.done) kept.delete(oldest.value);
}
