import type { JsonObject } from '@holdfast/contracts';
import type { FolderFacts, Shelf, ShelfBatch, ShelfFacts, ShelfFilter, ShelfPoint } from './ports.ts';
import type { SearchTerm, Texts } from './searchTerms.ts';

/** Still valid: greater than every sequence number. */
export const open = 2 ** 40;

/** In which points a row is valid: from `first` on, no more from `until` on. */
export interface Range {
  first: number;
  until: number;
}

export interface FolderRow extends FolderFacts, Range {}

/** Names a document in its tables. */
export type DocumentId = number | string;

/** An item's texts and what lists show of it. */
export interface DocumentRow {
  id: DocumentId;
  shelf: number;
  objectId: string;
  time: number;
  size: number;
  kind: string;
  hasAttachments: boolean;
  subject: string;
  from: string;
  /** Unpacked when asked for. */
  texts(): Texts;
  /** Where it stands in the order of time; a list goes on behind it. */
  position: string;
}

/** A document at a place, in a range of points. */
export interface SpanRow extends Range {
  shelf: number;
  document: DocumentId;
  folderId: string;
  key: string;
  state: JsonObject;
}

/** What documents are looked for; all must hold. */
export interface CandidateQuery {
  /** Absent when every shelf counts. */
  shelves: readonly Shelf[] | undefined;
  terms: readonly SearchTerm[];
  after: number | undefined;
  before: number | undefined;
  hasAttachments: boolean | undefined;
  kind: string | undefined;
  order: 'date' | 'rank';
  /** Position of the last one before. */
  position: string | undefined;
  limit: number;
}

export interface Candidates {
  /** In the order asked for. */
  rows: DocumentRow[];
  /** Position of the last one looked at, and how many were; goes on behind them. */
  position: string | undefined;
  lookedAt: number;
  /** No more behind these. */
  ended: boolean;
  tooManyWords: boolean;
}

/**
 * What a database must do for the catalog; the meaning is in `createCatalog`. Each call is atomic or may be repeated
 * until it has succeeded.
 */
export interface CatalogTables {
  readonly kind: 'sqlite' | 'mongo' | 'memory';
  /** Inserts with a number of its own when missing. */
  openShelf(facts: ShelfFacts): Promise<Shelf>;
  shelf(id: string): Promise<Shelf | undefined>;
  shelvesByNumber(numbers: readonly number[]): Promise<Shelf[]>;
  /** By id. */
  shelves(filter: ShelfFilter, after: string | undefined, limit: number): Promise<Shelf[]>;
  /** Changes these fields only; null removes one. */
  changeShelf(id: string, change: ShelfChange): Promise<void>;
  /** Removes `check` if it is still of this time. */
  clearCheck(id: string, since: number): Promise<void>;
  /** Ids of shelves with expected or leaving points or a check, the longest waiting first. */
  waiting(limit: number): Promise<string[]>;
  /** Documents, spans, folders, and points that are not expected. */
  clearShelf(shelf: Shelf): Promise<void>;
  /** The shelf and everything of it. */
  removeShelf(shelf: Shelf): Promise<void>;

  points(shelfId: string): Promise<ShelfPoint[]>;
  /** False when a point of this id is there; it stays as it is. */
  insertPoint(point: ShelfPoint): Promise<boolean>;
  /** Changes the state of a point that is there. */
  changePoint(shelfId: string, pointId: string, change: Partial<ShelfPoint>): Promise<void>;
  deletePoint(shelfId: string, pointId: string): Promise<void>;
  /** Points expected or leaving on shelves that meet the filter, and since when. */
  backlog(filter: ShelfFilter): Promise<{ points: number; since: number | undefined }>;

  knownObjects(shelf: Shelf, objectIds: readonly string[]): Promise<Set<string>>;
  /** Rows of the batch begin or end at `seq`; a row that ended there already is left. */
  write(shelf: Shelf, seq: number, batch: ShelfBatch): Promise<void>;
  /** Takes back what `write` did for `seq`. */
  takeBack(shelf: Shelf, seq: number): Promise<void>;
  /**
   * No point is left between these two: rows that were valid only between them go; of equal rows one of which ends
   * where the other begins one is left. Documents without a place go.
   */
  collapse(shelf: Shelf, previous: number, next: number): Promise<void>;

  folders(shelf: Shelf): Promise<FolderRow[]>;
  candidates(query: CandidateQuery): Promise<Candidates>;
  documents(ids: readonly DocumentId[]): Promise<DocumentRow[]>;
  spansOfDocuments(ids: readonly DocumentId[]): Promise<SpanRow[]>;
  spansOfKeys(shelf: Shelf, keys: readonly string[]): Promise<SpanRow[]>;
  /** By time of their documents, newest first; `position` goes on. */
  spansOfFolder(
    shelf: Shelf,
    folderId: string,
    position: string | undefined,
    limit: number,
  ): Promise<{ rows: SpanRow[]; position: string | undefined }>;

  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface ShelfChange {
  organizationId?: string;
  mailboxId?: string;
  address?: string;
  indexedSeq?: number;
  indexedRoot?: string | null;
  building?: Shelf['building'] | null;
  trouble?: Shelf['trouble'] | null;
  check?: Shelf['check'] | null;
}
