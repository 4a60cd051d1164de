import { canonicalJson } from '../format/canonicalJson.ts';
import { compareSortKeys, type FolderEntry, type ItemEntry } from './entries.ts';
import type { StoredFolder } from './folders.ts';
import { itemOf, type PageEntry } from './page.ts';
import type { PageSource } from './pageSource.ts';

/** One difference between two trees. An item that moved in time is one `removed` and one `added`. */
export type TreeChange =
  | { kind: 'folder-added' | 'folder-removed'; folder: FolderEntry }
  | { kind: 'folder-changed'; folder: FolderEntry; before: FolderEntry }
  | { kind: 'item-added' | 'item-removed'; folderId: string; item: ItemEntry }
  | { kind: 'item-changed'; folderId: string; item: ItemEntry; before: ItemEntry };

/** Folder by folder, items in order of time. Pages that both trees share are not read. */
export async function* diffTrees(pages: PageSource, rootA: string, rootB: string): AsyncIterable<TreeChange> {
  if (rootA === rootB) return;
  const before = new Map((await pages.folders(rootA)).map((folder) => [folder.id, folder]));
  const after = new Map((await pages.folders(rootB)).map((folder) => [folder.id, folder]));
  for (const id of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    const [a, b] = [before.get(id), after.get(id)];
    if (!a && b) yield { kind: 'folder-added', folder: facts(b) };
    else if (a && !b) yield { kind: 'folder-removed', folder: facts(a) };
    else if (a && b && canonicalJson(facts(a)) !== canonicalJson(facts(b))) {
      yield { kind: 'folder-changed', folder: facts(b), before: facts(a) };
    }
    yield* diffItems(pages, id, a?.root ?? null, b?.root ?? null);
  }
}

function facts({ root: _, count: __, ...folder }: StoredFolder): FolderEntry {
  return folder;
}

async function* diffItems(
  pages: PageSource,
  folderId: string,
  rootA: string | null,
  rootB: string | null,
): AsyncIterable<TreeChange> {
  if (rootA === rootB) return;
  const a = await Side.open(pages, rootA);
  const b = await Side.open(pages, rootB);
  for (;;) {
    const [x, y] = [a.next, b.next];
    if (!x && !y) return;
    if (x?.child !== undefined && x.child === y?.child) {
      a.skip();
      b.skip();
    } else if (x?.child !== undefined && (y?.child === undefined || a.level >= b.level)) await a.enter();
    else if (y?.child !== undefined) await b.enter();
    else if (x && (!y || compareSortKeys(x, y) < 0)) {
      yield { kind: 'item-removed', folderId, item: itemOf(x) };
      a.skip();
    } else if (y && (!x || compareSortKeys(y, x) < 0)) {
      yield { kind: 'item-added', folderId, item: itemOf(y) };
      b.skip();
    } else if (x && y) {
      if (x.text !== y.text) yield { kind: 'item-changed', folderId, item: itemOf(y), before: itemOf(x) };
      a.skip();
      b.skip();
    }
  }
}

/** One of the two trees: a place in it, at any level. */
class Side {
  readonly #pages: PageSource;
  readonly #stack: { entries: readonly PageEntry[]; at: number; level: number }[] = [];

  static async open(pages: PageSource, root: string | null): Promise<Side> {
    const side = new Side(pages);
    if (root !== null) {
      // As if a page above the root named it, so that equal roots are skipped like any equal children.
      const { level } = await pages.page(root);
      const reference = { time: Number.MAX_SAFE_INTEGER, key: '', text: root, count: 1, child: root };
      side.#stack.push({ entries: [reference], at: 0, level: level + 1 });
    }
    return side;
  }

  private constructor(pages: PageSource) {
    this.#pages = pages;
  }

  get next(): PageEntry | undefined {
    const top = this.#stack.at(-1);
    return top?.entries[top.at];
  }

  /** Level of the page in which `next` stands. */
  get level(): number {
    return this.#stack.at(-1)?.level ?? 0;
  }

  skip(): void {
    const top = this.#stack.at(-1);
    if (top) top.at++;
    for (let last = this.#stack.at(-1); last && last.at >= last.entries.length; last = this.#stack.at(-1)) {
      this.#stack.pop();
      const above = this.#stack.at(-1);
      if (above) above.at++;
    }
  }

  async enter(): Promise<void> {
    const child = this.next?.child;
    if (child === undefined) return;
    const { entries, level } = await this.#pages.page(child);
    this.#stack.push({ entries, at: 0, level });
  }
}
