import type { FolderEntry, ItemEntry, SortKey } from './entries.ts';
import { compareSortKeys } from './entries.ts';
import type { StoredFolder } from './folders.ts';
import { itemOf, type Page, type PageEntry } from './page.ts';
import type { PageSource } from './pageSource.ts';

export interface ItemsOptions {
  /** Newest first. */
  reverse?: boolean;
  /** Go on behind this item (exclusive), in the direction of reading. */
  after?: SortKey;
}

/** The folders and items of a restore point, read page by page. */
export class TreeReader {
  readonly #root: string;
  readonly #pages: PageSource;
  #folders: Promise<StoredFolder[]> | undefined;

  constructor(root: string, pages: PageSource) {
    this.#root = root;
    this.#pages = pages;
  }

  /** In order of their ids, with the number of items in each. */
  async folders(): Promise<(FolderEntry & { count: number })[]> {
    return (await this.storedFolders()).map(({ root: _, ...folder }) => folder);
  }

  storedFolders(): Promise<StoredFolder[]> {
    this.#folders ??= this.#pages.folders(this.#root);
    return this.#folders;
  }

  /** The items of a folder by time, oldest first unless told otherwise; an unknown folder has none. */
  async *items(folderId: string, options: ItemsOptions = {}): AsyncIterable<ItemEntry> {
    const root = (await this.storedFolders()).find((folder) => folder.id === folderId)?.root;
    if (root) yield* walkItems(this.#pages, root, options);
  }

  /** One item whose time is known; reads one page of each level. */
  async item(folderId: string, at: SortKey): Promise<ItemEntry | undefined> {
    const root = (await this.storedFolders()).find((folder) => folder.id === folderId)?.root;
    return root ? findItem(this.#pages, root, at) : undefined;
  }
}

/** Items below a page, in order. */
export async function* walkItems(
  pages: PageSource,
  root: string,
  options: ItemsOptions = {},
): AsyncIterable<ItemEntry> {
  const { after, reverse } = options;
  const stack: { page: Page; at: number }[] = [];
  const enter = async (id: string) => {
    const page = await pages.page(id);
    stack.push({ page, at: startIn(page, after, reverse === true) });
  };
  await enter(root);
  for (let top = stack.at(-1); top; top = stack.at(-1)) {
    const entry = top.page.entries[top.at];
    if (!entry) {
      stack.pop();
      continue;
    }
    top.at += reverse ? -1 : 1;
    if (entry.child !== undefined) await enter(entry.child);
    else if (!after || isBehind(entry, after, reverse === true)) yield itemOf(entry);
  }
}

export async function findItem(pages: PageSource, root: string, at: SortKey): Promise<ItemEntry | undefined> {
  let id: string | undefined = root;
  while (id !== undefined) {
    const { entries }: Page = await pages.page(id);
    const entry: PageEntry | undefined = entries[firstNotBefore(entries, at)];
    if (!entry) return undefined;
    if (entry.child === undefined) return compareSortKeys(entry, at) === 0 ? itemOf(entry) : undefined;
    id = entry.child;
  }
  return undefined;
}

/** Position of the first entry that is not before `at`: in an inner page the child in which `at` lies. */
export function firstNotBefore(entries: readonly PageEntry[], at: SortKey): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const entry = entries[middle];
    if (entry && compareSortKeys(entry, at) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function startIn(page: Page, after: SortKey | undefined, reverse: boolean): number {
  const { entries, level } = page;
  if (!after) return reverse ? entries.length - 1 : 0;
  const at = firstNotBefore(entries, after);
  if (!reverse) return at;
  // An inner entry is named by its last item: earlier items may lie in the child at `at` itself.
  return Math.min(level > 0 ? at : at - 1, entries.length - 1);
}

function isBehind(entry: PageEntry, after: SortKey, reverse: boolean): boolean {
  const order = compareSortKeys(entry, after);
  return reverse ? order < 0 : order > 0;
}
