import type { ExistingItem } from '@holdfast/exchange';
import { createDigestList } from './digestList.ts';

/** An item that this session made and that has no ledger line yet: an earlier attempt was cut short. */
export interface MadeBefore {
  id: string;
  unfinished: boolean;
}

/**
 * What is in a target folder before this attempt: 9 bytes an item for the identities (a folder of a million: 9 to
 * 18 MB), and the few items that this session made without a ledger line.
 */
export interface ExistingItems {
  /**
   * True when an item of this identity is there that no other item of the backup stands for yet; it is taken by this
   * call, so that of two equal items in the backup both come back when one is there.
   */
  take(identityKey: string): boolean;
  /** True when an item of this identity is there, taken or not. */
  has(identityKey: string): boolean;
  madeBefore(marker: string): MadeBefore | undefined;
}

/**
 * Reads the folder once. `isOurs` tells the markers of this session; `isLedgered` those that have their line, which are
 * neither identities (they are results, not what was there) nor unfinished.
 */
export async function readExisting(
  pages: AsyncIterable<ExistingItem[]>,
  isOurs: (marker: string) => boolean,
  isLedgered: (marker: string) => boolean,
): Promise<ExistingItems> {
  const identities = createDigestList();
  const made = new Map<string, MadeBefore>();
  for await (const page of pages) {
    for (const { id, identityKey, marker, unfinished } of page) {
      if (marker !== undefined && isOurs(marker)) {
        if (!isLedgered(marker)) made.set(marker, { id, unfinished: unfinished === true });
      } else if (unfinished !== true) {
        // What another session left half done is nobody's item.
        identities.add(identityKey);
      }
    }
  }
  const taken = new Uint8Array(identities.size);
  return {
    take(identityKey) {
      const first = identities.firstOf(identityKey);
      if (first < 0) return false;
      for (let at = first; identities.isAt(at, identityKey); at++) {
        if (taken[at] === 1) continue;
        taken[at] = 1;
        return true;
      }
      return false;
    },
    has: (identityKey) => identities.firstOf(identityKey) >= 0,
    madeBefore: (marker) => made.get(marker),
  };
}
