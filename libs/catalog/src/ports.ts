import type { JsonObject } from '@holdfast/contracts';
import type { SearchTerm } from './searchTerms.ts';

/** One mailbox in one repository: what the catalog keeps is kept by shelf. */
export interface ShelfFacts {
  repositoryId: string;
  /** The repository's own name of the mailbox. */
  mailboxKey: string;
  organizationId: string;
  mailboxId: string;
  address: string;
}

/** What is wrong with a shelf: the last try to bring it up to date. */
export interface ShelfTrouble {
  code: string;
  message: string;
  /** ISO. */
  at: string;
}

export interface Shelf extends ShelfFacts {
  /** `<repositoryId>.<mailboxKey>` */
  id: string;
  /** A number of its own, never used again. */
  number: number;
  /** Sequence number of the newest point whose items are all here; 0 for none. */
  indexedSeq: number;
  /** Tree of that point. */
  indexedRoot?: string;
  /** A point that is being written; what is written of it is not visible yet. */
  building?: { seq: number; pointId: string; root: string };
  trouble?: ShelfTrouble;
  /** Asked to be compared with its repository, or to be made anew; since when, ms since epoch. */
  check?: { since: number; rebuild: boolean };
}

/**
 * A restore point on a shelf. `expected`: announced, not yet here; `indexed`: here; `leaving`: expired in the
 * repository, still here.
 */
export interface ShelfPoint {
  shelfId: string;
  pointId: string;
  pointName: string;
  /** ms since epoch */
  time: number;
  state: 'expected' | 'indexed' | 'leaving';
  /** Grows with time; set when indexed. */
  seq?: number;
  /** When it was announced, ms since epoch: how far behind the catalog is. */
  since: number;
}

/** What can be looked for in an item. Texts are as they are shown. */
export interface ItemDocument {
  objectId: string;
  /** ms since epoch */
  time: number;
  size: number;
  kind: string;
  hasAttachments: boolean;
  subject: string;
  /** Name and address of who sent it. */
  from: string;
  /** Names and addresses of all it went to. */
  to: string;
  attachments: string[];
  body: string;
}

/** An item at a place in a mailbox, as the tree of a point has it. */
export interface ItemPlacement {
  folderId: string;
  key: string;
  objectId: string;
  state: JsonObject;
}

export interface FolderFacts {
  id: string;
  parentId: string | null;
  name: string;
  role?: string;
}

/** What is different from the point before; the order does not matter. */
export interface ShelfBatch {
  documents: ItemDocument[];
  /** Items that are new at their place, or changed there. */
  placed: ItemPlacement[];
  /** Items that are not at this place any more (or not in this form). */
  removed: { folderId: string; key: string }[];
  foldersPlaced: FolderFacts[];
  foldersRemoved: string[];
}

export interface PointToIndex {
  pointId: string;
  pointName: string;
  time: number;
  root: string;
}

/**
 * The side that writes. One writer a shelf at a time (the caller's lease); every call may be repeated. Nothing of a
 * point is visible before `commitPoint`.
 */
export interface CatalogWriter {
  /** The shelf, made when missing; facts that changed are taken over. */
  openShelf(facts: ShelfFacts): Promise<Shelf>;
  /** Begins a point, or goes on with it; what was written of another one is taken back. */
  beginPoint(shelfId: string, point: PointToIndex): Promise<void>;
  /** Which of these objects need not be read again. */
  knownObjects(shelfId: string, objectIds: readonly string[]): Promise<Set<string>>;
  /** Adds to the point that was begun; durable when it resolves. */
  write(shelfId: string, batch: ShelfBatch): Promise<void>;
  /** Makes the point visible. */
  commitPoint(shelfId: string): Promise<void>;
  /** Takes a point away with all that was valid in it alone. */
  dropPoint(shelfId: string, pointId: string): Promise<void>;
  /** Takes everything off a shelf, the shelf itself and what was asked of it stay. */
  clearShelf(shelfId: string): Promise<void>;
  /** Takes a shelf away with everything on it. */
  removeShelf(shelfId: string): Promise<void>;
  setTrouble(shelfId: string, trouble: ShelfTrouble | undefined): Promise<void>;
}

/** Which shelves: all that meet each given list. */
export interface ShelfFilter {
  organizationIds?: readonly string[];
  mailboxIds?: readonly string[];
  repositoryIds?: readonly string[];
}

/** What is to be done, kept beside the rows themselves: several processes may note and look. */
export interface CatalogBacklog {
  /** Notes a point that was announced; one that is known stays as it is. */
  expectPoint(facts: ShelfFacts, point: Omit<ShelfPoint, 'shelfId' | 'state' | 'seq'>): Promise<void>;
  /** Notes that a point expired; an unknown one is nothing. */
  expectDeparture(repositoryId: string, mailboxKey: string, pointId: string): Promise<void>;
  /** Notes that a shelf is to be compared with its repository, or to be made anew from it. */
  expectCheck(facts: ShelfFacts, check: { since: number; rebuild: boolean }): Promise<void>;
  /** The check is done; one that was asked for meanwhile stays. */
  clearCheck(shelfId: string, since: number): Promise<void>;
  /** Shelves with something to do, the longest waiting first. */
  waiting(limit: number): Promise<Shelf[]>;
  shelf(shelfId: string): Promise<Shelf | undefined>;
  /** By id; `after` is the id of the last one before. */
  shelves(filter: ShelfFilter, after: string | undefined, limit: number): Promise<Shelf[]>;
  /** By time. */
  points(shelfId: string): Promise<ShelfPoint[]>;
}

export type AsOf =
  /** The newest point of each mailbox. */
  | { kind: 'latest' }
  /** All that ever was in a point that is still kept. */
  | { kind: 'ever' }
  /** The newest point at or before this time, ms since epoch. */
  | { kind: 'time'; time: number }
  | { kind: 'point'; pointId: string };

export interface CatalogQuery {
  scope: ShelfFilter;
  terms: SearchTerm[];
  asOf: AsOf;
  /** Received at or after, before; ms since epoch. */
  after?: number;
  before?: number;
  /** Bytes, both inclusive. */
  larger?: number;
  smaller?: number;
  hasAttachments?: boolean;
  kind?: string;
  /** A path with all below it (`/Inbox`), or a part of a folder's name. */
  folder?: string;
  /** `false` leaves Recoverable Items out. */
  recoverable?: boolean;
  order: 'date' | 'rank';
  limit: number;
  /** `next` of the page before. */
  cursor?: string;
}

export interface PointOfTime {
  pointId: string;
  pointName: string;
  /** ISO. */
  time: string;
}

/**
 * `present`: at this place in this form in the newest point; `moved`: in another folder now; `changed`: here in
 * another form now; `deleted`: nowhere in the newest point.
 */
export type ItemStatus = 'present' | 'moved' | 'changed' | 'deleted';

/** An item in the range of restore points in which it lived in this form at this place. */
export interface CatalogItem {
  organizationId: string;
  repositoryId: string;
  mailboxId: string;
  mailboxKey: string;
  address: string;
  itemKey: string;
  folderId: string;
  folderPath: string;
  objectId: string;
  /** ISO. */
  time: string;
  size: number;
  kind: string;
  subject: string;
  from: string;
  hasAttachments: boolean;
  attachments: string[];
  state: JsonObject;
  validFrom: PointOfTime;
  /** The last point that has it. */
  validTo: PointOfTime;
  status: ItemStatus;
}

/** A piece of a text with what was found in it; places are offsets into `text`. */
export interface Snippet {
  field: 'subject' | 'from' | 'to' | 'attachment' | 'body';
  text: string;
  marks: [start: number, end: number][];
}

export interface CatalogHit extends CatalogItem {
  snippets: Snippet[];
  /** Items of the mailbox with the very same content; the hit is one of them. */
  places: number;
}

/** How much is announced and not yet here. */
export interface Behind {
  points: number;
  /** ISO; since when the longest waiting one waits. */
  since?: string;
}

export interface SearchPage {
  hits: CatalogHit[];
  next?: string;
  behind: Behind;
  /** Set when a part of a word stands for more words than can be looked for at once. */
  tooManyWords?: boolean;
}

export interface CatalogFolder extends FolderFacts {
  path: string;
  status: 'present' | 'deleted';
}

export interface ShelfStatus {
  shelf: Shelf;
  indexedPoints: number;
  behind: Behind;
  newest?: PointOfTime;
}

/** The side that reads; what is being written is not seen. */
export interface CatalogReader {
  /** @throws InvalidInput */
  search(query: CatalogQuery): Promise<SearchPage>;
  /** All folders that ever were in a kept point. */
  foldersEver(shelfId: string): Promise<CatalogFolder[]>;
  /** All that ever was in a folder, newest first. */
  itemsEver(
    shelfId: string,
    folderId: string,
    options: { limit: number; cursor?: string },
  ): Promise<{ items: CatalogItem[]; next?: string }>;
  /** Every form and place of one item, newest first. */
  history(shelfId: string, itemKey: string): Promise<CatalogItem[]>;
  behind(scope: ShelfFilter): Promise<Behind>;
  status(
    scope: ShelfFilter,
    after: string | undefined,
    limit: number,
  ): Promise<{ items: ShelfStatus[]; next?: string }>;
}

/** The explorer's projection of restore points: rebuildable, second class. */
export interface Catalog extends CatalogWriter, CatalogBacklog, CatalogReader {
  readonly kind: 'sqlite' | 'mongo' | 'memory';
  ping(): Promise<void>;
  close(): Promise<void>;
}
