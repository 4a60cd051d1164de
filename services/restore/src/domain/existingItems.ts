import type { ExistingItem } from '@holdfast/exchange';
import { createDigestList, createTakeList, type DigestList, digestOf } from './digestList.ts';

/** An item that this session made and that has no ledger line yet: an earlier attempt was cut short. */
export interface MadeBefore {
  id: string;
  unfinished: boolean;
  /** What it was made to replace. */
  replaces: string | undefined;
}

/**
 * How an item of the backup is found in a folder. `there`: contents were not compared; `several`: more than one has its
 * identity, and none looks the same.
 */
export type Likeness = 'none' | 'there' | 'equal' | 'different' | 'several';

/**
 * What is in a target folder before this attempt: 9 bytes an item for the identities, as much again when contents are
 * compared (a folder of a million: 18 to 36 MB), and the few items that this session made without a ledger line.
 */
export interface ExistingItems {
  /**
   * Whether an item of this identity is there that no other item of the backup stands for yet. It is taken by this call,
   * so that of two equal items in the backup both come back when one is there; one that looks the same is taken first.
   */
  take(identityKey: string, contentSign?: string): Likeness;
  madeBefore(marker: string): MadeBefore | undefined;
}

export interface ReadExistingOptions {
  /** Markers of this session. */
  isOurs(marker: string): boolean;
  /** Those of them that have their line: results, neither what was there nor unfinished. */
  isLedgered(marker: string): boolean;
  /** Identities that items with a line took in earlier attempts. */
  takenBefore?: DigestList | undefined;
}

const pairOf = (identityKey: string, contentSign: string): string => `${identityKey}\n${contentSign}`;

/** Reads a folder once. */
export async function readExisting(
  pages: AsyncIterable<ExistingItem[]>,
  { isOurs, isLedgered, takenBefore }: ReadExistingOptions,
): Promise<ExistingItems> {
  const identities = createDigestList();
  const contents = createDigestList();
  const made = new Map<string, MadeBefore>();
  for await (const page of pages) {
    for (const { id, identityKey, marker, unfinished, replaces, contentSign } of page) {
      if (marker !== undefined && isOurs(marker)) {
        if (!isLedgered(marker)) made.set(marker, { id, unfinished: unfinished === true, replaces });
      } else if (unfinished !== true) {
        // What another session left half done is nobody's item.
        identities.add(identityKey);
        if (contentSign !== undefined) contents.add(pairOf(identityKey, contentSign));
      }
    }
  }
  const places = createTakeList(identities);
  const looks = createTakeList(contents);
  for (const digest of takenBefore?.digests() ?? []) places.take(digest);
  return {
    take(identityKey, contentSign) {
      if (!places.take(digestOf(identityKey))) return 'none';
      if (contentSign === undefined) return 'there';
      if (looks.take(digestOf(pairOf(identityKey, contentSign)))) return 'equal';
      return places.count(digestOf(identityKey)) > 1 ? 'several' : 'different';
    },
    madeBefore: (marker) => made.get(marker),
  };
}

/** What a whole mailbox holds: whether an item is anywhere. 8 bytes an item, 16 with contents. */
export interface MailboxItems {
  find(identityKey: string, contentSign?: string): Likeness;
}

/** Reads folders of a mailbox; what the session itself made does not count. */
export async function readMailboxItems(
  pages: AsyncIterable<ExistingItem[]>,
  isOurs: (marker: string) => boolean,
): Promise<MailboxItems> {
  const identities = createDigestList();
  const contents = createDigestList();
  for await (const page of pages) {
    for (const { identityKey, marker, unfinished, contentSign } of page) {
      if (unfinished === true || (marker !== undefined && isOurs(marker))) continue;
      identities.add(identityKey);
      if (contentSign !== undefined) contents.add(pairOf(identityKey, contentSign));
    }
  }
  return {
    find(identityKey, contentSign) {
      if (identities.firstOf(identityKey) < 0) return 'none';
      if (contentSign === undefined) return 'there';
      return contents.firstOf(pairOf(identityKey, contentSign)) < 0 ? 'different' : 'equal';
    },
  };
}
