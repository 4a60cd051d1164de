import type { Binary, Collection, Db } from 'mongodb';
import type { Shelf, ShelfPoint } from '../ports.ts';

export interface ShelfDocument extends Omit<Shelf, 'id'> {
  _id: string;
}

export interface PointDocument extends ShelfPoint {
  _id: string;
}

export interface FolderDocument {
  _id: string;
  shelf: number;
  folder: string;
  parent: string | null;
  name: string;
  role: string | null;
  first: number;
  until: number;
}

export interface TextDocument {
  _id: string;
  shelf: number;
  objectId: string;
  time: number;
  size: number;
  kind: string;
  hasAttachments: boolean;
  subject: string;
  from: string;
  packed: Binary;
  /** Distinct words with the letter of their field: `s:figures`. */
  words: string[];
}

export interface SpanDocument {
  _id: string;
  shelf: number;
  folder: string;
  key: string;
  document: string;
  /** Of the document, for lists. */
  time: number;
  first: number;
  until: number;
  /** Canonical JSON. */
  state: string;
}

/** A word of the language of the items, found by its groups of three letters. */
export interface WordDocument {
  _id: string;
  groups: string[];
}

export interface CatalogCollections {
  shelves: Collection<ShelfDocument>;
  numbers: Collection<{ _id: string; value: number }>;
  points: Collection<PointDocument>;
  folders: Collection<FolderDocument>;
  documents: Collection<TextDocument>;
  spans: Collection<SpanDocument>;
  words: Collection<WordDocument>;
}

/** The collections of the catalog with their indexes; made when missing. */
export async function openCollections(db: Db): Promise<CatalogCollections> {
  const collections: CatalogCollections = {
    shelves: db.collection('catalog-shelves'),
    numbers: db.collection('catalog-numbers'),
    points: db.collection('catalog-points'),
    folders: db.collection('catalog-folders'),
    documents: db.collection('catalog-documents'),
    spans: db.collection('catalog-spans'),
    words: db.collection('catalog-words'),
  };
  const { shelves, points, folders, documents, spans, words } = collections;
  await shelves.createIndex({ number: 1 }, { unique: true });
  await shelves.createIndex({ organizationId: 1, _id: 1 });
  await shelves.createIndex({ mailboxId: 1 });
  await points.createIndex({ shelfId: 1, time: 1 });
  await points.createIndex({ state: 1, since: 1 });
  await folders.createIndex({ shelf: 1 });
  // The shelf first: a search in one mailbox reads its own part of the index, one over all reads the second one.
  await documents.createIndex({ shelf: 1, words: 1, time: -1 });
  await documents.createIndex({ words: 1, time: -1 });
  await documents.createIndex({ time: -1, _id: -1 });
  await spans.createIndex({ document: 1 });
  await spans.createIndex({ shelf: 1, key: 1 });
  await spans.createIndex({ shelf: 1, folder: 1, time: -1, _id: -1 });
  await spans.createIndex({ shelf: 1, until: 1 });
  await spans.createIndex({ shelf: 1, first: 1 });
  await words.createIndex({ groups: 1 });
  return collections;
}
