import type { JsonObject } from '../format/canonicalJson.ts';

/** A folder of a mailbox at one time. */
export interface FolderEntry {
  id: string;
  parentId: string | null;
  name: string;
  /** Well-known name, such as `inbox`. */
  role?: string | undefined;
  class?: string | undefined;
  hidden?: boolean | undefined;
  extra?: JsonObject | undefined;
}

/** State of an item that changes without a new version of its contents. */
export interface ItemState {
  isRead?: boolean | undefined;
  flag?: JsonObject | undefined;
  categories?: string[] | undefined;
  importance?: string | undefined;
  [more: string]: unknown;
}

/** An item in a folder at one time. The tree alone is enough to list it. */
export interface ItemEntry {
  /** Immutable id at the source; opaque. */
  key: string;
  /** Milliseconds since 1970; for mail the time of receipt. Items lie in this order. */
  time: number;
  /** Hex, as `storeItem` answered. */
  objectId: string;
  changeKey: string;
  /** Bytes. */
  size: number;
  state: ItemState;
  /** Small: subject, from, whether there are attachments. */
  summary: JsonObject;
}

/** The order of items in a folder. */
export interface SortKey {
  time: number;
  key: string;
}

/** Time, then key in order of UTF-16 code units. */
export function compareSortKeys(a: SortKey, b: SortKey): number {
  return a.time - b.time || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
}
