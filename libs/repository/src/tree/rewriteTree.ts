import { compareSortKeys, type SortKey } from './entries.ts';
import { countOf, LevelCursor, type LevelNode } from './levelCursor.ts';
import { childEntry, type Page, type PageEntry, pageBytes } from './page.ts';
import { PageCutter } from './pageCutter.ts';
import type { PageSource } from './pageSource.ts';

/** A change of one level: the entry at this key is to be this one, or not to be. */
export interface Edit extends SortKey {
  entry: PageEntry | undefined;
}

export type StorePage = (bytes: Buffer) => Promise<string>;

interface NewPage {
  id: Promise<string>;
  last: SortKey;
  count: number;
}

/** Pages being stored at the same time; more would only wait in memory. */
const PAGES_IN_FLIGHT = 64;

/**
 * Applies edits (ascending, one a key) to the tree below `root` and answers the new root, null when nothing
 * is left. Touches only pages around the edits; the result is what cutting all items anew would give.
 */
export async function rewriteTree(
  pages: PageSource,
  root: string | null,
  edits: AsyncIterable<Edit> | Iterable<Edit>,
  store: StorePage,
): Promise<{ root: string | null; count: number }> {
  const base = root === null ? undefined : { id: root, page: await pages.page(root) };
  let level = 0;
  let above = await new LevelRewrite(pages, base, level, store).apply(edits);
  while (base && above.edits.length > 0 && level < base.page.level) {
    level++;
    above = await new LevelRewrite(pages, base, level, store).apply(above.edits);
  }
  // All changes cancelled out: the pages above are as they were.
  if (above.edits.length === 0) return { root, count: base ? countOf(base.page.entries) : 0 };
  // The stored tree has one page here, the root, and it was cut anew: what was made is the whole level.
  let nodes = above.nodes;
  while (nodes.length > 1) {
    level++;
    const entries = nodes.map((entry) => ({ time: entry.time, key: entry.key, entry }));
    nodes = (await new LevelRewrite(pages, undefined, level, store).apply(entries)).nodes;
  }
  const top = nodes[0];
  if (top?.child === undefined) return { root: null, count: 0 };
  return { root: await lowestSingle(pages, top.child), count: top.count };
}

/** A root with one child is not canonical: the child is the root. */
async function lowestSingle(pages: PageSource, root: string): Promise<string> {
  const page = await pages.page(root);
  const [only, second] = page.entries;
  return page.level > 0 && only?.child !== undefined && !second ? lowestSingle(pages, only.child) : root;
}

class LevelRewrite {
  readonly #level: number;
  readonly #store: StorePage;
  readonly #cutter: PageCutter;
  readonly #cursor: LevelCursor | undefined;
  readonly #removed: Edit[] = [];
  readonly #made: NewPage[] = [];

  constructor(
    pages: PageSource,
    base: { id: string; page: Page } | undefined,
    level: number,
    store: StorePage,
  ) {
    this.#level = level;
    this.#store = store;
    this.#cutter = new PageCutter(level);
    this.#cursor = base && base.page.level >= level ? new LevelCursor(pages, base, level) : undefined;
  }

  /** Answers the edits of the level above, and all pages that were made as a parent names them. */
  async apply(edits: AsyncIterable<Edit> | Iterable<Edit>): Promise<{ edits: Edit[]; nodes: PageEntry[] }> {
    const source = lookAhead(edits);
    await source.advance();
    while (source.current) {
      const node = await this.#cursor?.seek(source.current);
      if (!node) {
        await this.#appendAll(source);
        break;
      }
      await this.#rewriteFrom(node, source);
    }
    await this.#finishPage();
    return this.#above();
  }

  async #appendAll(source: EditSource): Promise<void> {
    for (; source.current; await source.advance()) {
      if (source.current.entry) await this.#add(source.current.entry);
    }
  }

  /** Goes on from this node until the cuts fall together with those of the stored pages again. */
  async #rewriteFrom(first: LevelNode, source: EditSource): Promise<void> {
    for (let node: LevelNode | undefined = first; node; node = await this.#cursor?.next()) {
      const isLast = this.#cursor?.isLast === true;
      this.#removed.push({ time: node.reference.time, key: node.reference.key, entry: node.reference });
      await this.#mergeNode(node.page, source, isLast);
      if (!isLast && this.#cutter.isAtBoundary) {
        // What follows is cut as before; seeking goes on from the next edit.
        await this.#cursor?.next();
        return;
      }
    }
  }

  async #mergeNode(page: Page, source: EditSource, isLast: boolean): Promise<void> {
    const last = page.entries.at(-1);
    for (const entry of page.entries) {
      while (source.current && compareSortKeys(source.current, entry) < 0) await this.#takeEdit(source);
      if (source.current && compareSortKeys(source.current, entry) === 0) await this.#takeEdit(source);
      else await this.#add(entry);
    }
    while (source.current && (isLast || (last && compareSortKeys(source.current, last) <= 0))) {
      await this.#takeEdit(source);
    }
  }

  async #takeEdit(source: EditSource): Promise<void> {
    if (source.current?.entry) await this.#add(source.current.entry);
    await source.advance();
  }

  async #add(entry: PageEntry): Promise<void> {
    const full = this.#cutter.add(entry);
    if (full) await this.#give(full);
  }

  async #finishPage(): Promise<void> {
    const rest = this.#cutter.rest();
    if (rest.length > 0) await this.#give(rest);
  }

  async #give(entries: PageEntry[]): Promise<void> {
    const last = entries.at(-1);
    if (!last) return;
    const id = this.#store(pageBytes(this.#level, entries));
    // Awaited below; until then a failure is not unhandled.
    id.catch(() => undefined);
    this.#made.push({ id, last: { time: last.time, key: last.key }, count: countOf(entries) });
    await this.#made[this.#made.length - PAGES_IN_FLIGHT]?.id;
  }

  async #above(): Promise<{ edits: Edit[]; nodes: PageEntry[] }> {
    const edits = new Map<string, Edit>();
    const stored = new Map<string, string>();
    for (const { time, key, entry } of this.#removed) {
      edits.set(`${time} ${key}`, { time, key, entry: undefined });
      if (entry) stored.set(`${time} ${key}`, entry.text);
    }
    const nodes: PageEntry[] = [];
    for (const { id, last, count } of this.#made) {
      const entry = childEntry(last, await id, count);
      nodes.push(entry);
      const name = `${last.time} ${last.key}`;
      if (stored.get(name) === entry.text) edits.delete(name);
      else edits.set(name, { ...last, entry });
    }
    return { edits: [...edits.values()].sort(compareSortKeys), nodes };
  }
}

interface EditSource {
  current: Edit | undefined;
  advance(): Promise<void>;
}

function lookAhead(edits: AsyncIterable<Edit> | Iterable<Edit>): EditSource {
  const iterator = Symbol.asyncIterator in edits ? edits[Symbol.asyncIterator]() : edits[Symbol.iterator]();
  const source: EditSource = {
    current: undefined,
    advance: async () => {
      const next = await iterator.next();
      source.current = next.done ? undefined : next.value;
    },
  };
  return source;
}
