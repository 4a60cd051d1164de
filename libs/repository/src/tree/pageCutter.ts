import type { SortKey } from './entries.ts';
import type { PageEntry } from './page.ts';

/** Where pages end. Part of the format: other values would give other pages for the same items. */
interface Cut {
  least: number;
  most: number;
  /** A page ends after an entry whose hash has these bits zero. */
  mask: number;
}
const LEAF_CUT: Cut = { least: 8, most: 128, mask: 31 };
const INNER_CUT: Cut = { least: 8, most: 256, mask: 63 };
/** Characters of entries; long summaries make short pages. */
const MOST_CHARACTERS = 48 * 1024;

/**
 * Cuts a sequence of entries into pages. Where a page ends depends on the entries since its beginning alone,
 * so equal sequences give equal pages, and after a change the cuts soon fall where they fell before.
 */
export class PageCutter {
  readonly #level: number;
  readonly #cut: Cut;
  #entries: PageEntry[] = [];
  #characters = 0;

  constructor(level: number) {
    this.#level = level;
    this.#cut = level === 0 ? LEAF_CUT : INNER_CUT;
  }

  /** Adds an entry; answers the page that it ends, if it ends one. */
  add(entry: PageEntry): PageEntry[] | undefined {
    this.#entries.push(entry);
    this.#characters += entry.text.length;
    const { least, most, mask } = this.#cut;
    const count = this.#entries.length;
    const full = count >= most || this.#characters >= MOST_CHARACTERS;
    if (full || (count >= least && (boundaryHash(this.#level, entry) & mask) === 0)) return this.rest();
    return undefined;
  }

  /** No page is begun: what follows is cut as if it were the beginning. */
  get isAtBoundary(): boolean {
    return this.#entries.length === 0;
  }

  /** The entries of the page that is begun, perhaps none. */
  rest(): PageEntry[] {
    const entries = this.#entries;
    this.#entries = [];
    this.#characters = 0;
    return entries;
  }
}

/** FNV-1a over level, time (8 bytes, big-endian) and key (UTF-8), finished as MurmurHash3 does. 32 bits. */
export function boundaryHash(level: number, { time, key }: SortKey): number {
  const head = Buffer.allocUnsafe(9);
  head[0] = level;
  head.writeBigInt64BE(BigInt(time), 1);
  let hash = 0x811c9dc5;
  for (const byte of head) hash = Math.imul(hash ^ byte, 0x01000193);
  for (const byte of Buffer.from(key, 'utf8')) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
