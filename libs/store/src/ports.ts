import type { CollectionDeclaration } from '@holdfast/contracts';

/** A document: its id is the key; everything else belongs to the collection's schema. */
export interface Document {
  id: string;
}

/**
 * A document as read from the store; `version` starts at 1 and grows with each write. A document that is deleted
 * and inserted again starts anew at 1.
 */
export interface Stored<T> {
  doc: T;
  version: number;
}

export type FieldValue = string | number | boolean;

/**
 * A condition on one declared-index field: equal, one of, a range, or a prefix of a string. A document without the
 * field (or with null) meets no condition. Ranges compare values of one type only. Strings compare by their UTF-8
 * bytes, upper and lower case apart.
 */
export type Condition =
  | FieldValue
  | { in: readonly FieldValue[] }
  | { gt?: FieldValue; gte?: FieldValue; lt?: FieldValue; lte?: FieldValue }
  | { prefix: string };

export interface Query {
  /** Field path (dots for nested) → condition; all must hold. `id` is always allowed. */
  where?: Readonly<Record<string, Condition>>;
  /**
   * One field of a declared index or `id` (default, ascending); ties are broken by id in the same order. Documents
   * without the field come first in ascending and last in descending order.
   */
  sort?: { field: string; order: 'asc' | 'desc' };
  /** 1 to 1000, default 100. */
  limit?: number;
  /** Cursor of the page before; the conditions and the sort must be the same as there. */
  after?: string;
}

export interface Page<T> {
  items: Stored<T>[];
  /** Absent on the last page. */
  next?: string;
}

/**
 * One collection. Every write is durable when its promise resolves, and atomic for its one document; there is no
 * transaction over several. Pages do not shift when documents are inserted or deleted between them. Each method
 * throws StoreUnavailable (transient) when the database does not answer; a write then may or may not have happened.
 */
export interface Collection<T extends Document> {
  readonly name: string;
  get(id: string): Promise<Stored<T> | undefined>;
  /** @throws AlreadyExists when the id (named first) or a unique index is taken; InvalidDocument by the schema. */
  insert(doc: T): Promise<Stored<T>>;
  /**
   * @throws VersionConflict when the version is not the current one (or the document is gone); AlreadyExists when a
   * unique index is taken; InvalidDocument when the schema refuses it.
   */
  replace(doc: T, expectedVersion: number): Promise<Stored<T>>;
  /** Deletes; false when it was not there. @throws VersionConflict when a version is given and is not current. */
  delete(id: string, expectedVersion?: number): Promise<boolean>;
  /** @throws InvalidInput when a field has no declared index, or the limit or cursor is none. */
  find(query: Query): Promise<Page<T>>;
  /** @throws InvalidInput when a field has no declared index. */
  count(where?: Query['where']): Promise<number>;
}

/** One of several writes that are applied in order; see `Store.writeInOrder`. */
export type OrderedWrite<T extends Document = Document> = { into: Collection<T> } & (
  | {
      insert: T;
      /** One that is there already stays as it is, and the next write goes on. */
      ifAbsent?: true;
    }
  | { replace: T; expectedVersion: number }
);

/** The control data. Documents are checked against the collection's schema on write. */
export interface Store {
  readonly kind: 'sqlite' | 'mongo' | 'memory';
  /** Idempotent: makes the collection and its indexes when missing, at the latest with the first call on it. */
  collection<T extends Document>(declaration: CollectionDeclaration<T>): Collection<T>;
  /**
   * Applies writes one after the other, each as the collection's own `insert` or `replace` would, and stops at the first
   * that is refused. All of them are durable when it resolves. This is no transaction: when it throws, or the process
   * ends, those before some place in the list are there and those after it are not. A store may make one commit of them.
   *
   * @returns what was written, in order; undefined where `ifAbsent` found a document
   * @throws AlreadyExists, VersionConflict that name the collection: exactly the writes before the refused one are
   * applied; InvalidDocument, StoreUnavailable: any beginning of the list may be
   */
  writeInOrder(writes: readonly OrderedWrite[]): Promise<(Stored<Document> | undefined)[]>;
  /** Resolves when the store answers. @throws StoreUnavailable */
  ping(): Promise<void>;
  /** Ends what is queued, then lets go of the database. Calls after it throw StoreUnavailable. */
  close(): Promise<void>;
}

/** What a store needs of the world; the defaults are the system's. */
export interface StoreDeps {
  clock?: { sleep(ms: number): Promise<void> } | undefined;
  /** Uniform in [0, 1): spreads the tries of processes that compete for one document or file. */
  random?: (() => number) | undefined;
}
