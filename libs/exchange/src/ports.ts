import type { Check, JsonObject } from '@holdfast/contracts';

/** A mailbox in its directory. */
export interface MailboxRef {
  userId: string;
  address: string;
}

/** What a directory lists. */
export interface DirectoryMailbox extends MailboxRef {
  displayName: string;
  kind: 'user' | 'shared' | 'room' | 'equipment' | 'unknown';
  department?: string;
}

/** A group as a search shows it. */
export interface DirectoryGroup {
  groupId: string;
  displayName: string;
  address?: string;
}

/** How a connection is looked at. */
export interface VerifyOptions {
  signal?: AbortSignal;
  /** What the application is for; both when absent. */
  role?: 'both' | 'backup' | 'restore';
  /** Mailboxes tried at most, spread over the directory. */
  mailboxes?: number | undefined;
  /** End of the client secret as a user entered it. */
  secretExpiresAt?: string | undefined;
}

export interface Directory {
  /** Users that can have a mailbox; whether one is there shows when it is read. */
  mailboxes(signal?: AbortSignal): AsyncIterable<DirectoryMailbox[]>;
  /** Users in the group, `direct` only or in the groups within it too. @throws HoldfastError `group-not-found` */
  groupMembers(
    groupId: string,
    members?: 'direct' | 'transitive',
    signal?: AbortSignal,
  ): AsyncIterable<string[]>;
  groupName(groupId: string): Promise<string>;
  /**
   * Kinds of the given mailboxes, asked one by one of the mailboxes themselves (so: not while listing thousands).
   * `unknown` where the permission for it is missing, `none` where there is no mailbox in the cloud.
   */
  mailboxKinds(
    userIds: readonly string[],
    signal?: AbortSignal,
  ): Promise<Map<string, DirectoryMailbox['kind'] | 'none'>>;
  /** Groups whose name begins with the text, a bounded number. */
  findGroups(search: string, limit: number): Promise<DirectoryGroup[]>;
  /** Named checks of the connection, each with its meaning and remedy; never throws for what a check can say. */
  verify(options?: VerifyOptions): Promise<Check[]>;
}

export interface Folder {
  id: string;
  parentId: string | null;
  name: string;
  /** Well-known name such as `inbox`; locale independent. */
  role?: string;
  hidden: boolean;
  /** Container class such as `IPF.Note`; absent when this answer does not say it. */
  folderClass?: string;
  /** Number of items that the source reports; for completeness. */
  itemCount?: number;
}

export type FolderChange = { kind: 'upsert'; folder: Folder } | { kind: 'removed'; id: string };

/** The state of an item that may change without its content: kept in the tree, not in the object. */
export interface ItemState extends JsonObject {}

/** A body whose content stays what it was in the answer: bytes of JSON text, as `JSON.stringify` writes a string. */
export interface ListedBody {
  contentType: string;
  content: Uint8Array;
  /** What `bodyJson` gives, where it lies in memory already. */
  json?: Uint8Array;
}

/** A new or changed item as a listing shows it. */
export interface ItemUpsert {
  kind: 'upsert';
  /** Immutable id. */
  id: string;
  changeKey: string;
  /** Received time (sent or created time where there is none), ms since epoch: the order of the tree. */
  time: number;
  /** Changes only when the content must be fetched again: a digest over everything but the state. */
  contentKey: string;
  state: ItemState;
  /** Small facts for lists: subject, from, hasAttachments. */
  summary: JsonObject;
  /** Everything the listing said, without the state; becomes the properties rendition. */
  properties: JsonObject;
  /** Instead of `properties.body`, where the listing left it unread. */
  body?: ListedBody;
}

export type ItemChange = ItemUpsert | { kind: 'removed'; id: string };

/** A batch of changes with the cursor that goes on after it; `done` when the round is complete. */
export interface Batch<T> {
  changes: T[];
  cursor: string;
  done: boolean;
}

/** A part whose bytes the MIME does not carry in a way we could match. */
export interface ExtraPart {
  name: string;
  data: AsyncIterable<Uint8Array>;
}

/** The content of one item. The streams must be read before the next call for the same item. */
export interface ItemContent {
  properties: JsonObject;
  /** One more of the properties, `body`; `bodyJson` makes its JSON text. */
  body?: ListedBody;
  /** A whole buffer when small, a stream when large. */
  mime: Uint8Array | AsyncIterable<Uint8Array>;
  extraParts: ExtraPart[];
  /** Says that the content was stored: nothing of it is read any more, its memory is used for others. */
  release?: () => void;
}

export interface ReaderStatistics {
  /** Requests as the service counts them: repeats and each part of a batch included. */
  requests: number;
  /** Time in which the mailbox stood still because of the service's limits, ms; parallel waits count once. */
  throttledMs: number;
  /** Body bytes as they came over the line. */
  bytesRead: number;
  /** Body bytes sent. */
  bytesSent: number;
  /** Requests sent again after a transient answer. */
  repeats: number;
}

/** Changes that will be asked for, with the cursors that are stored. */
export interface AnnouncedReads {
  /** Cursor of `folderChanges`. */
  folders?: string;
  /** Cursors of `itemChanges` by folder id, in the order in which they will be read. */
  items: ReadonlyMap<string, string>;
}

/** Reads one mailbox. Throws HoldfastErrors; `CursorExpired` and `FolderGone` are the two a caller decides on. */
export interface MailboxReader {
  /**
   * Tells what will be asked with which cursors, so that it can be asked for together when the first of it is wanted.
   * A hint: every answer is the one that there would be without it, and a reader may ignore it. An answer that was
   * fetched for it is given once, to exactly the announced cursor.
   */
  announce(reads: AnnouncedReads): void;
  /** Folder tree changes; all folders when there is no cursor. @throws CursorExpired */
  folderChanges(cursor: string | undefined): AsyncIterable<Batch<FolderChange>>;
  /** The full folder list, for reconciliation. */
  folders(): Promise<Folder[]>;
  /** Classes of folders by id, for those of which a change did not say it; one that is gone or has none is left out. */
  folderClasses(ids: readonly string[]): Promise<Map<string, string>>;
  /**
   * The memory of the bodies in a batch is used again when the next one is asked for, or no more are wanted.
   * @throws CursorExpired, FolderGone, DeltaUnavailable (full mailbox: use `inventory`)
   */
  itemChanges(folderId: string, cursor: string | undefined): AsyncIterable<Batch<ItemChange>>;
  /** The full listing of a folder without a cursor; bodies as in `itemChanges`. @throws FolderGone */
  inventory(folderId: string): AsyncIterable<ItemUpsert[]>;
  /** Fresh listing facts of one item. @throws vanished */
  item(id: string): Promise<ItemUpsert>;
  /** @throws vanished (gone since listed), permanent-item (a gap) */
  content(item: ItemUpsert): Promise<ItemContent>;
  readonly statistics: ReaderStatistics;
  close(): Promise<void>;
}

/** Identity of an item that does not depend on ids: how "the same message" is recognised. */
export interface ExistingItem {
  id: string;
  identityKey: string;
  /** Set when a restore session created it: `<sessionId>/<item key>`. */
  marker?: string;
  /** True when that creation was cut short: attachments are missing, so it is to be removed and made again. */
  unfinished?: boolean;
  /** The item that it was created to replace. */
  replaces?: string;
  /** Only when contents are asked for: what `contentSign` gives for an item that looks the same. */
  contentSign?: string;
}

export interface RestorableAttachment {
  kind: 'file' | 'item' | 'reference';
  name: string;
  contentType?: string;
  isInline: boolean;
  contentId?: string;
  size: number;
  sha256?: string;
  open(): AsyncIterable<Uint8Array>;
  /** Properties of the nested message for `item`. */
  itemProperties?: JsonObject;
}

/** An item as the backup has it, ready to be put back. */
export interface RestorableItem {
  properties: JsonObject;
  state: ItemState;
  attachments: RestorableAttachment[];
  /** Overrides the subject (conflict policy rename). */
  subject?: string;
}

export interface CreatedItem {
  id: string;
  /** What could not be restored, by name and reason. */
  notRestored: { what: string; why: string }[];
  bytesSent: number;
}

export interface Difference {
  property: string;
  expected: string;
  actual: string;
}

/** What counts when contents are compared. */
export interface ContentComparison {
  /** Names of properties that do not count. */
  ignoring: readonly string[];
}

/** How a folder is made when it is not there. */
export interface NewFolder {
  hidden?: boolean | undefined;
  /** Container class such as `IPF.Note`. */
  folderClass?: string | undefined;
}

/** Writes one mailbox. It never sends anything and leaves no draft (P6). */
export interface MailboxWriter {
  folders(): Promise<Folder[]>;
  /**
   * Finds or makes a folder by name under a parent (`null` = top).
   * @throws HoldfastError `folder-of-another-class` when the name belongs to a folder that holds no mail
   */
  ensureFolder(
    parentId: string | null,
    name: string,
    make?: NewFolder,
  ): Promise<{ id: string; created: boolean }>;
  /** What is in a folder already, by identity; with contents it costs the service ten times the bytes. */
  existing(
    folderId: string,
    options?: { content?: ContentComparison | undefined },
  ): AsyncIterable<ExistingItem[]>;
  /** Items of a folder that have the identity of an item of the backup. */
  sameAs(folderId: string, item: RestorableItem): Promise<ExistingItem[]>;
  /** The identity of an item of the backup, comparable with `existing`. */
  identityKey(item: RestorableItem): string;
  /** A digest of all that can be set of an item, and of whether it has attachments; comparable with `existing`. */
  contentSign(item: RestorableItem, comparison: ContentComparison): string;
  /**
   * Creates the item with all attachments; `marker` lets a later attempt find a half-done one, `replaces` tells it which
   * item was to go.
   */
  create(
    folderId: string,
    item: RestorableItem,
    marker: string,
    options?: { replaces?: string | undefined },
  ): Promise<CreatedItem>;
  /**
   * Removes what a finished item was created to replace; it goes to Recoverable Items. It asks the mailbox whether the
   * new item is there and names the old one, whatever the caller believes; an old one that is gone is no error.
   */
  removeReplaced(newId: string): Promise<void>;
  /**
   * Removes an item that a session left half done; it refuses one that is not marked as unfinished, and one that
   * is gone already is no error.
   */
  removeUnfinished(id: string): Promise<void>;
  /** Reads the item back and compares all that can be set: properties, folder, not a draft, attachment hashes. */
  readBack(id: string, folderId: string, item: RestorableItem): Promise<Difference[]>;
  readonly statistics: ReaderStatistics;
  close(): Promise<void>;
}

/** Shares of the source's budget for one mailbox, shared by all workers; a service fills this port. */
export interface BudgetGrant {
  /** Requests at a time. */
  readonly concurrency: number;
  readonly lost: AbortSignal;
  /** Shared pause of the mailbox, ms since epoch; 0 for none. */
  readonly fencedUntil: number;
  fenceUntil(timeMs: number): Promise<void>;
  release(): Promise<void>;
}

export interface BudgetPort {
  /** Waits until shares are free. Restores use the reserved lane. */
  acquire(
    applicationAndMailbox: string,
    lane: 'backup' | 'restore',
    signal: AbortSignal,
  ): Promise<BudgetGrant>;
}

export interface ReaderOptions {
  signal: AbortSignal;
  /** Recoverable Items as well, below a root with the role `recoverableitemsroot`; left out when absent. */
  recoverable?: boolean | undefined;
}

/** An organization's mailboxes: what services take as their port. */
export interface MailboxConnector {
  readonly directory: Directory;
  /** Waits for a share of the mailbox's budget; `close` gives it back. */
  reader(mailbox: MailboxRef, options: ReaderOptions): Promise<MailboxReader>;
  /** As `reader`, on the lane that is reserved for restores. */
  writer(mailbox: MailboxRef, options: { signal: AbortSignal }): Promise<MailboxWriter>;
  close(): Promise<void>;
}

/** Time; `sleep` resolves early when the signal is aborted and never rejects. */
export interface ExchangeClock {
  /** Milliseconds since the epoch. */
  now(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Chance, for jitter. */
export interface ExchangeRandom {
  /** A number from 0 (included) to 1 (excluded). */
  next(): number;
}

export interface ExchangeLogger {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}
