import { compareSortKeys, type SortKey } from './entries.ts';
import { childEntry, type Page, type PageEntry } from './page.ts';
import type { PageSource } from './pageSource.ts';
import { firstNotBefore } from './treeReader.ts';

export interface LevelNode {
  /** The node as its parent names it. */
  reference: PageEntry;
  page: Page;
}

/** The pages of one level of a stored tree, from left to right. Moves forwards only. */
export class LevelCursor {
  readonly #pages: PageSource;
  readonly #level: number;
  /** From the root down to the parent of the node; empty when the node is the root. */
  readonly #path: { page: Page; at: number }[] = [];
  #node: LevelNode | undefined;
  #root: { id: string; page: Page };

  constructor(pages: PageSource, root: { id: string; page: Page }, level: number) {
    this.#pages = pages;
    this.#root = root;
    this.#level = level;
  }

  get node(): LevelNode | undefined {
    return this.#node;
  }

  /** Moves to the node in which the key lies or would lie; beyond all keys that is the last node. */
  async seek(key: SortKey): Promise<LevelNode | undefined> {
    if (this.#node && compareSortKeys(key, this.#node.reference) <= 0) return this.#node;
    this.#path.length = 0;
    let { id, page } = this.#root;
    let reference = rootReference(id, page);
    while (page.level > this.#level) {
      const at = Math.min(firstNotBefore(page.entries, key), page.entries.length - 1);
      const entry = page.entries[at];
      if (entry?.child === undefined) return undefined;
      this.#path.push({ page, at });
      reference = entry;
      id = entry.child;
      page = await this.#pages.page(id);
    }
    this.#node = { reference, page };
    return this.#node;
  }

  /** Moves to the next node; undefined at the end. */
  async next(): Promise<LevelNode | undefined> {
    while (this.#path.length > 0) {
      const top = this.#path.at(-1);
      if (!top) break;
      top.at++;
      if (top.at < top.page.entries.length) return this.#descend();
      this.#path.pop();
    }
    this.#node = undefined;
    return undefined;
  }

  /** True when no node follows. */
  get isLast(): boolean {
    return this.#path.every(({ page, at }) => at === page.entries.length - 1);
  }

  async #descend(): Promise<LevelNode | undefined> {
    for (;;) {
      const top = this.#path.at(-1);
      const entry = top?.page.entries[top.at];
      if (entry?.child === undefined) return undefined;
      const page = await this.#pages.page(entry.child);
      if (page.level === this.#level) {
        this.#node = { reference: entry, page };
        return this.#node;
      }
      this.#path.push({ page, at: 0 });
    }
  }
}

/** The root as a parent would name it. */
export function rootReference(id: string, page: Page): PageEntry {
  const last = page.entries.at(-1) ?? { time: 0, key: '' };
  return childEntry(last, id, countOf(page.entries));
}

export function countOf(entries: readonly PageEntry[]): number {
  return entries.reduce((sum, entry) => sum + entry.count, 0);
}
