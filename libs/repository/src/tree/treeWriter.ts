import { EngineRefusal } from '../errors.ts';
import { ObjectType } from '../format/objectTypes.ts';
import type { ObjectReader } from '../packs/objectReader.ts';
import { compareSortKeys, type FolderEntry, type ItemEntry } from './entries.ts';
import { foldersBytes, type StoredFolder } from './folders.ts';
import { KeyTimeChanges, KeyTimes } from './keyTimes.ts';
import type { KeyTimesCache } from './keyTimesCache.ts';
import { itemOf, leafEntry, type PageEntry } from './page.ts';
import { PageSource } from './pageSource.ts';
import { type Edit, rewriteTree } from './rewriteTree.ts';
import { findItem, walkItems } from './treeReader.ts';
import { GrowingScratch, type TreeScratch } from './treeScratch.ts';

export interface TreeWriterDeps {
  /** Root of the point to begin with; empty when undefined. */
  base: string | undefined;
  reader: ObjectReader;
  scratchDir: string;
  keyTimes: KeyTimesCache;
  store: (type: ObjectType, bytes: Uint8Array) => Promise<string>;
  /** Told of each new root and of the one that it takes the place of. */
  onRoot: (root: string, previous: string | undefined) => void;
}

export interface TreeCounts {
  folders: number;
  items: number;
}

let scratchFiles = 0;

/**
 * A tree that is being changed. Changes are noted, in memory or in a scratch file, and worked into the pages
 * at `commit`; after that the writer goes on from the new root. Which time an item lies at is looked up at the
 * time given, then in what is kept of the folder's keys, and where nothing is kept by reading its pages once.
 */
export class TreeWriter {
  readonly #deps: TreeWriterDeps;
  readonly #pages: PageSource;
  readonly #scratch: TreeScratch;
  readonly #folders = new Map<string, StoredFolder>();
  /** Folders that were empty when the writer was opened: all their items are noted. */
  readonly #fullyNoted = new Set<string>();
  readonly #changed = new Set<string>();
  /** Keys of stored folders, by folder; of the root that the folder had when they were needed. */
  readonly #keyTimes = new Map<string, { root: string; times: KeyTimes }>();
  #root: string | undefined;
  #tail: Promise<unknown> = Promise.resolve();

  static async open(deps: TreeWriterDeps): Promise<TreeWriter> {
    const writer = new TreeWriter(deps);
    if (deps.base !== undefined) {
      for (const folder of await writer.#pages.folders(deps.base)) writer.#folders.set(folder.id, folder);
    }
    return writer;
  }

  private constructor(deps: TreeWriterDeps) {
    this.#deps = deps;
    this.#root = deps.base;
    this.#pages = new PageSource(deps.reader);
    this.#scratch = new GrowingScratch(deps.scratchDir, `${process.pid}-${scratchFiles++}`);
  }

  /** Adds a folder or changes what is said of it; its items stay. */
  putFolder(folder: FolderEntry): Promise<void> {
    return this.#inTurn(async () => {
      const { root, count } = this.#folders.get(folder.id) ?? { root: null, count: 0 };
      const { id, parentId, name, role, class: kind, hidden, extra } = folder;
      this.#folders.set(id, { id, parentId, name, role, class: kind, hidden, extra, root, count });
    });
  }

  /** Takes the folder and its items out; folders below it are the caller's to remove. */
  removeFolder(id: string): Promise<void> {
    return this.#inTurn(async () => {
      this.#folders.delete(id);
      this.#scratch.forgetFolder(id);
      this.#fullyNoted.delete(id);
      this.#keyTimes.delete(id);
      this.#changed.delete(id);
    });
  }

  /** Adds an item or replaces the one with this key. Throws `EngineRefusal` for a folder that is not there. */
  putItem(folderId: string, item: ItemEntry): Promise<void> {
    return this.#inTurn(async () => {
      const entry = leafEntry(item);
      const folder = this.#folder(folderId);
      const oldTime = await this.#timeOf(folder, item.key, item.time);
      if (oldTime !== undefined && oldTime !== item.time)
        this.#change(folderId, { ...entry, time: oldTime }, null);
      this.#change(folderId, entry, entry.text);
      this.#scratch.noteTime(folderId, item.key, item.time);
    });
  }

  /** Takes an item out; true when it was there. `time` spares a search when it is known. */
  removeItem(folderId: string, itemKey: string, time?: number): Promise<boolean> {
    return this.#inTurn(async () => {
      const found = await this.#timeOf(this.#folder(folderId), itemKey, time);
      if (found === undefined) return false;
      this.#change(folderId, { time: found, key: itemKey }, null);
      this.#scratch.noteTime(folderId, itemKey, null);
      return true;
    });
  }

  /** An item as it stands now; `time` spares a search when it is known. */
  getItem(folderId: string, itemKey: string, time?: number): Promise<ItemEntry | undefined> {
    return this.#inTurn(async () => {
      const folder = this.#folders.get(folderId);
      const found = folder && (await this.#timeOf(folder, itemKey, time));
      if (!folder || found === undefined) return undefined;
      const at = { time: found, key: itemKey };
      const text = this.#scratch.change(folderId, at);
      if (text !== undefined && text !== null) return itemOf(entryOf(at, text));
      return folder.root === null ? undefined : findItem(this.#pages, folder.root, at);
    });
  }

  async folders(): Promise<FolderEntry[]> {
    return [...this.#folders.values()].map(({ root: _, count: __, ...folder }) => folder);
  }

  /** Items of a folder as they stand now, by time. Changes made while reading may or may not be seen. */
  async *items(folderId: string): AsyncIterable<ItemEntry> {
    const root = this.#folders.get(folderId)?.root ?? null;
    const changes = [...this.#scratch.changes(folderId)];
    let at = 0;
    if (root !== null) {
      for await (const item of walkItems(this.#pages, root)) {
        for (let next = changes[at]; next && compareSortKeys(next, item) < 0; next = changes[++at]) {
          if (next.text !== null) yield itemOf(entryOf(next, next.text));
        }
        const change = changes[at];
        if (!change || compareSortKeys(change, item) !== 0) yield item;
      }
    }
    for (let next = changes[at]; next; next = changes[++at]) {
      if (next.text !== null) yield itemOf(entryOf(next, next.text));
    }
  }

  /** Works all changes into pages. The root is durable after the next `flush`. */
  commit(): Promise<{ root: string; counts: TreeCounts }> {
    return this.#inTurn(async () => {
      for (const id of [...this.#changed]) {
        const folder = this.#folders.get(id);
        if (folder) Object.assign(folder, await this.#rewrite(folder));
      }
      this.#scratch.clearChanges();
      this.#changed.clear();
      const root = await this.#deps.store(ObjectType.folders, foldersBytes(this.#folders.values()));
      this.#deps.onRoot(root, this.#root === root ? undefined : this.#root);
      this.#root = root;
      let items = 0;
      for (const { count } of this.#folders.values()) items += count;
      return { root, counts: { folders: this.#folders.size, items } };
    });
  }

  /** Gives back the scratch file; the writer must not be used after it. */
  async close(): Promise<void> {
    await this.#tail;
    this.#scratch.close();
  }

  async #rewrite(folder: StoredFolder): Promise<{ root: string | null; count: number }> {
    const known = await this.#knownKeyTimes(folder);
    const changes = new KeyTimeChanges();
    const edits = editsOf(this.#scratch.changes(folder.id), changes);
    const result = await rewriteTree(this.#pages, folder.root, edits, (bytes) =>
      this.#deps.store(ObjectType.page, bytes),
    );
    this.#keyTimes.delete(folder.id);
    if (known && result.root !== null) {
      const times = known.with(changes);
      this.#keyTimes.set(folder.id, { root: result.root, times });
      await this.#deps.keyTimes.save(result.root, times, folder.root);
    }
    return result;
  }

  #change(folderId: string, at: { time: number; key: string }, text: string | null): void {
    this.#scratch.setChange(folderId, { time: at.time, key: at.key, text });
    this.#changed.add(folderId);
  }

  /** The time at which an item lies now, or undefined when it is not in the folder. */
  async #timeOf(folder: StoredFolder, key: string, hint: number | undefined): Promise<number | undefined> {
    const noted = this.#scratch.timeOf(folder.id, key);
    if (noted !== undefined) return noted ?? undefined;
    // An empty folder's items all come through here, so they are all noted.
    if (folder.root === null) this.#fullyNoted.add(folder.id);
    if (folder.root === null || this.#fullyNoted.has(folder.id)) return undefined;
    if (hint !== undefined && (await findItem(this.#pages, folder.root, { time: hint, key }))) return hint;
    const times = (await this.#knownKeyTimes(folder)) ?? (await this.#readKeyTimes(folder.id, folder.root));
    for (const time of times.find(key)) {
      if (await findItem(this.#pages, folder.root, { time, key })) return time;
    }
    return undefined;
  }

  /** Those of the folder's present root, as far as they are known without reading its pages. */
  async #knownKeyTimes({ id, root }: StoredFolder): Promise<KeyTimes | undefined> {
    if (root === null) return KeyTimes.none;
    const known = this.#keyTimes.get(id);
    if (known?.root === root) return known.times;
    const times = await this.#deps.keyTimes.load(root);
    if (times) this.#keyTimes.set(id, { root, times });
    return times;
  }

  async #readKeyTimes(id: string, root: string): Promise<KeyTimes> {
    const items = new KeyTimeChanges();
    for await (const item of walkItems(this.#pages, root)) items.add(item, true);
    const times = KeyTimes.none.with(items);
    this.#keyTimes.set(id, { root, times });
    await this.#deps.keyTimes.save(root, times, null);
    return times;
  }

  #folder(id: string): StoredFolder {
    const folder = this.#folders.get(id);
    if (folder) return folder;
    throw new EngineRefusal('unknown-folder', `The tree has no folder ${id}.`, '', {
      errorClass: 'ours',
      details: { folderId: id },
    });
  }

  /** One call at a time: looking up and noting must not be interleaved. */
  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const run = this.#tail.then(action);
    this.#tail = run.catch(() => undefined);
    return run;
  }
}

function* editsOf(
  changes: Iterable<{ time: number; key: string; text: string | null }>,
  keyTimes: KeyTimeChanges,
): Iterable<Edit> {
  for (const { time, key, text } of changes) {
    keyTimes.add({ time, key }, text !== null);
    yield { time, key, entry: text === null ? undefined : entryOf({ time, key }, text) };
  }
}

function entryOf({ time, key }: { time: number; key: string }, text: string): PageEntry {
  return { time, key, text, count: 1, child: undefined };
}
