import { ChangeLog } from './changeLog.ts';
import type { BaseFolder, Content, Item, ItemState, MailboxBase } from './content.ts';
import { FolderContents } from './folderContents.ts';
import { MailboxIds } from './ids.ts';

/** A folder with its present name and place. */
export interface Folder {
  readonly number: number;
  displayName: string;
  parent: number | null;
  readonly wellKnownName: string | null;
  isHidden: boolean;
  /** Search folders only list what lies elsewhere. */
  readonly isSearchFolder: boolean;
  /** Container class: `IPF.Note` holds mail; others are no mail folders, but their names are taken. */
  readonly folderClass: string;
  deleted: boolean;
}

/** `/mailFolders` shows these; calendars, contacts and tasks have folders of their own kinds. */
export const isMailFolder = ({ folderClass }: Pick<Folder, 'folderClass'>): boolean =>
  /^IPF\.Note($|\.)/.test(folderClass);

/** Numbers of the folders that every mailbox has. */
export const ROOT = 0;
export const RECOVERABLE_DELETIONS = 9;
export const RECOVERABLE_PURGES = 10;
export const RECOVERABLE_ROOT = 11;
/** Recoverable Items: Exchange fills them, and nobody else creates anything in them. */
export const isRecoverable = ({ number, parent }: Pick<Folder, 'number' | 'parent'>): boolean =>
  number === RECOVERABLE_ROOT || parent === RECOVERABLE_ROOT;

/**
 * A mailbox: an unchanging base and, over it, only what changed. Every change gets the next sequence number and is
 * noted in the logs of the folders concerned, from which delta queries are answered.
 */
export class Mailbox {
  readonly ids: MailboxIds;
  readonly base: MailboxBase;
  readonly folderLog = new ChangeLog();
  /** Number of the last change. */
  sequence = 0;
  readonly #folders = new Map<number, Folder>();
  readonly #contents = new Map<number, FolderContents>();
  readonly #logs = new Map<number, ChangeLog>();
  readonly #unreadChange = new Map<number, number>();
  readonly #overlay = new Map<number, Item | null>();
  readonly #createdByMessageId = new Map<string, number[]>();
  #nextFolder = 1000;
  #nextItem: number;

  constructor(guid: string, base: MailboxBase) {
    this.ids = new MailboxIds(guid);
    this.base = base;
    this.#nextItem = base.count;
    for (const folder of base.folders) this.#folders.set(folder.number, bornFolder(folder));
  }

  /** The folder, unless it is deleted or lies in a deleted one. */
  folder(number: number): Folder | undefined {
    const folder = this.#folders.get(number);
    if (!folder || folder.deleted) return undefined;
    if (folder.parent !== null && !this.folder(folder.parent)) return undefined;
    return folder;
  }

  folderByWellKnownName(name: string): Folder | undefined {
    for (const folder of this.#folders.values()) if (folder.wellKnownName === name) return folder;
    return undefined;
  }

  childFolders(parent: number): Folder[] {
    return [...this.#folders.values()].filter((folder) => folder.parent === parent && !folder.deleted);
  }

  /** Every folder below the root, parents first. */
  allFolders(): Folder[] {
    const found: Folder[] = [];
    const visit = (parent: number) => {
      for (const folder of this.childFolders(parent)) {
        found.push(folder);
        visit(folder.number);
      }
    };
    visit(ROOT);
    return found;
  }

  contents(folder: number): FolderContents {
    let contents = this.#contents.get(folder);
    if (!contents) {
      contents = new FolderContents(this.base, folder);
      this.#contents.set(folder, contents);
    }
    return contents;
  }

  log(folder: number): ChangeLog {
    let log = this.#logs.get(folder);
    if (!log) {
      log = new ChangeLog();
      this.#logs.set(folder, log);
    }
    return log;
  }

  totalCount(folder: number): number {
    return this.#contents.get(folder)?.count ?? this.base.folderCount(folder);
  }

  unreadCount(folder: number): number {
    return this.base.unreadCount(folder) + (this.#unreadChange.get(folder) ?? 0);
  }

  /** The message, as it is now, or undefined when there is none (any more). The result is a copy. */
  item(n: number): Item | undefined {
    const changed = this.#overlay.get(n);
    if (changed === null) return undefined;
    const item = changed ?? this.#baseItem(n);
    return item && this.folder(item.folder) ? item : undefined;
  }

  /** Messages with an internet message id, anywhere in the mailbox. */
  findByMessageId(internetMessageId: string): Item[] {
    const numbers = [
      ...this.base.findByMessageId(internetMessageId),
      ...(this.#createdByMessageId.get(internetMessageId) ?? []),
    ];
    return numbers.map((n) => this.item(n)).filter((item) => item !== undefined);
  }

  /** Messages that were created, changed or moved since the base. */
  *changedItems(): Generator<Item> {
    for (const [n, item] of this.#overlay) if (item !== null && this.item(n)) yield item;
  }

  create(folder: number, content: Content, state: ItemState, internetMessageId: string): Item {
    const item: Item = { n: this.#nextItem++, folder, moves: 0, state, content };
    this.#overlay.set(item.n, item);
    const same = this.#createdByMessageId.get(internetMessageId);
    if (same) same.push(item.n);
    else this.#createdByMessageId.set(internetMessageId, [item.n]);
    this.#enter(item);
    return item;
  }

  /** Changes state or content of a message in place. The change key changes, the ids do not. */
  change(n: number, at: number, change: { state?: Partial<ItemState>; content?: Content }): Item | undefined {
    const item = this.item(n);
    if (!item) return undefined;
    const wasRead = item.state.isRead;
    item.state = { ...item.state, ...change.state, modifiedAt: at, version: item.state.version + 1 };
    if (change.content) item.content = change.content;
    this.#overlay.set(n, item);
    if (wasRead !== item.state.isRead) this.#countUnread(item.folder, wasRead ? 1 : -1);
    this.log(item.folder).append(++this.sequence, n, false);
    return item;
  }

  /** Moves a message: a new regular id, the same immutable one. */
  move(n: number, to: number, at: number): Item | undefined {
    const item = this.item(n);
    if (!item || item.folder === to) return item;
    this.#leave(item);
    item.folder = to;
    item.moves++;
    item.state = { ...item.state, modifiedAt: at, version: item.state.version + 1 };
    this.#overlay.set(n, item);
    this.#enter(item);
    return item;
  }

  /** Removes a message for good. */
  remove(n: number): boolean {
    const item = this.item(n);
    if (!item) return false;
    this.#leave(item);
    this.#overlay.set(n, null);
    return true;
  }

  createFolder(
    displayName: string,
    parent: number,
    isHidden: boolean,
    isSearchFolder = false,
    folderClass = 'IPF.Note',
  ): Folder {
    const number = this.#nextFolder++;
    const folder = {
      number,
      displayName,
      parent,
      wellKnownName: null,
      isHidden,
      isSearchFolder,
      folderClass,
      deleted: false,
    };
    this.#folders.set(number, folder);
    this.folderLog.append(++this.sequence, number, true);
    return folder;
  }

  changeFolder(number: number, change: Partial<Pick<Folder, 'displayName' | 'parent' | 'isHidden'>>): void {
    const folder = this.#folders.get(number);
    if (!folder) return;
    Object.assign(folder, change);
    this.folderLog.append(++this.sequence, number, false);
  }

  /** Deletes a folder with all that lies in it. */
  deleteFolder(number: number): void {
    const folder = this.#folders.get(number);
    if (!folder) return;
    for (const child of this.childFolders(number)) this.deleteFolder(child.number);
    folder.deleted = true;
    this.folderLog.append(++this.sequence, number, false);
  }

  #baseItem(n: number): Item | undefined {
    if (n < 0 || n >= this.base.count) return undefined;
    return {
      n,
      folder: this.base.folderOf(n),
      moves: 0,
      state: this.base.state(n),
      content: this.base.content(n),
    };
  }

  #enter(item: Item): void {
    this.contents(item.folder).add(item.n, item.state.receivedAt);
    if (!item.state.isRead) this.#countUnread(item.folder, 1);
    this.log(item.folder).append(++this.sequence, item.n, true);
  }

  #leave(item: Item): void {
    this.contents(item.folder).remove(item.n, item.state.receivedAt);
    if (!item.state.isRead) this.#countUnread(item.folder, -1);
    this.log(item.folder).append(++this.sequence, item.n, false);
    this.log(item.folder).noteLeft(item.n, item.moves);
  }

  #countUnread(folder: number, by: number): void {
    this.#unreadChange.set(folder, (this.#unreadChange.get(folder) ?? 0) + by);
  }
}

function bornFolder(folder: BaseFolder): Folder {
  return { ...folder, isSearchFolder: false, folderClass: 'IPF.Note', deleted: false };
}
