import { Damaged, EngineRefusal } from '../errors.ts';
import { canonicalJson } from '../format/canonicalJson.ts';
import type { ItemEntry, SortKey } from './entries.ts';

/**
 * A page is canonical JSON: {"e":[…],"l":level,"v":1}. Entries ascend by (time, key).
 *
 *   level 0: [time, key, object id, change key, size, state, summary]
 *   above:   [time, key, page id, items below], time and key being those of the last item below
 */
export interface PageEntry extends SortKey {
  /** The entry as it stands in the page. */
  text: string;
  /** Items below; 1 in a leaf. */
  count: number;
  /** Hex id of the child page; undefined in a leaf. */
  child: string | undefined;
}

export interface Page {
  level: number;
  entries: PageEntry[];
}

/** A larger entry would make pages too large to be small; summaries are meant to be a line of a list. */
const LARGEST_ENTRY = 64 * 1024;
const HIGHEST_LEVEL = 16;

export function leafEntry(item: ItemEntry): PageEntry {
  if (!Number.isSafeInteger(item.time) || !/^[0-9a-f]{64}$/.test(item.objectId) || item.key === '') {
    throw refusal('an item needs a whole time in milliseconds, a key and an object id');
  }
  const { changeKey, key, objectId, size, state, summary, time } = item;
  const text = canonicalJson([time, key, objectId, changeKey, size, state, summary]);
  if (text.length > LARGEST_ENTRY) throw refusal(`the entry of an item has ${text.length} characters`);
  return { time, key, text, count: 1, child: undefined };
}

export function childEntry(last: SortKey, child: string, count: number): PageEntry {
  const { time, key } = last;
  return { time, key, text: canonicalJson([time, key, child, count]), count, child };
}

/** The item of a leaf's entry. */
export function itemOf(entry: PageEntry): ItemEntry {
  const [time, key, objectId, changeKey, size, state, summary] = JSON.parse(entry.text);
  return { key, time, objectId, changeKey, size, state, summary };
}

export function pageBytes(level: number, entries: readonly PageEntry[]): Buffer {
  return Buffer.from(`{"e":[${entries.map((entry) => entry.text).join(',')}],"l":${level},"v":1}`, 'utf8');
}

/** Throws `Damaged` (`damaged-page`) for what no writer makes. */
export function parsePage(bytes: Buffer): Page {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw damage('it is not JSON', cause);
  }
  const { e, l, v } = (value ?? {}) as { e?: unknown; l?: unknown; v?: unknown };
  if (v !== 1) throw damage('its version is unknown');
  if (!Array.isArray(e) || e.length === 0) throw damage('it has no entries');
  if (typeof l !== 'number' || !Number.isInteger(l) || l < 0 || l > HIGHEST_LEVEL)
    throw damage('its level is none');
  const entries = e.map((entry) => parseEntry(entry, l));
  for (let at = 1; at < entries.length; at++) {
    const [before, entry] = [entries[at - 1], entries[at]];
    if (before && entry && !ascends(before, entry)) throw damage('its entries are out of order');
  }
  return { level: l, entries };
}

function parseEntry(entry: unknown, level: number): PageEntry {
  if (!Array.isArray(entry)) throw damage('an entry is none');
  const [time, key, id, last] = entry;
  const wellFormed =
    Number.isSafeInteger(time) &&
    typeof key === 'string' &&
    typeof id === 'string' &&
    /^[0-9a-f]{64}$/.test(id);
  if (!wellFormed) throw damage('an entry is none');
  if (level === 0) {
    const [, , , changeKey, size, state, summary] = entry;
    const isItem = entry.length === 7 && typeof changeKey === 'string' && Number.isFinite(size);
    if (!isItem || !isObject(state) || !isObject(summary)) throw damage('an item is none');
    return { time, key, text: canonicalJson(entry), count: 1, child: undefined };
  }
  if (entry.length !== 4 || !Number.isSafeInteger(last) || last < 1) throw damage('a child is none');
  return { time, key, text: canonicalJson(entry), count: last, child: id };
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function ascends(a: SortKey, b: SortKey): boolean {
  return a.time < b.time || (a.time === b.time && a.key < b.key);
}

function refusal(what: string): EngineRefusal {
  return new EngineRefusal('invalid-entry', `The tree refuses it: ${what}.`, '', { errorClass: 'ours' });
}

function damage(what: string, cause?: unknown): Damaged {
  return new Damaged(
    'damaged-page',
    `A page of a folder is damaged: ${what}.`,
    cause === undefined ? {} : { cause },
  );
}
