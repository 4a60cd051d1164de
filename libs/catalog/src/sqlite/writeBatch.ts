import { canonical } from '../canonical.ts';
import { packDetail } from '../detail.ts';
import type { FolderFacts, ItemDocument, ItemPlacement, Shelf, ShelfBatch } from '../ports.ts';
import { fieldWordsOf } from '../searchTerms.ts';
import { open } from '../tables.ts';
import type { CatalogDatabase } from './database.ts';
import { scopeWords } from './match.ts';
import { hashOf, prefixOf } from './sqliteRows.ts';
import type { Vocabulary } from './vocabulary.ts';

const placesASecond = 256;
/** Tries to find a free id double the seconds they are looked for in: 2^12 x 256 ids stand close enough. */
const mostTries = 40;
const latestSecond = 2 ** 33;

const secondOf = (time: number): number => Math.min(Math.max(Math.floor(time / 1000), 0), latestSecond);
/** The lowest id of an item of this time. */
export const idAt = (time: number): number => secondOf(time) * placesASecond;
/** Above the ids of all items before this time, the crowded ones included. */
export const idEnd = (time: number): number => (secondOf(time) + 1 + crowdedSeconds) * placesASecond;
const crowdedSeconds = 2 ** 14;

/** Writes a batch in one transaction; what is there already stays. */
export function writeBatch(
  database: CatalogDatabase,
  vocabulary: Vocabulary,
  shelf: Shelf,
  seq: number,
  batch: ShelfBatch,
): void {
  try {
    database.transaction(() => {
      const folders = new Map<string, number>();
      addDocuments(database, vocabulary, shelf, batch.documents);
      for (const id of batch.foldersRemoved) endFolder(database, shelf, seq, id);
      for (const folder of batch.foldersPlaced) placeFolder(database, shelf, seq, folder);
      for (const { folderId, key } of batch.removed) {
        endItem(database, shelf, seq, folderNumber(database, shelf, folders, folderId), key);
      }
      for (const item of batch.placed) {
        placeItem(database, shelf, seq, folderNumber(database, shelf, folders, item.folderId), item);
      }
    });
  } catch (error) {
    vocabulary.forget();
    throw error;
  }
}

function addDocuments(
  database: CatalogDatabase,
  vocabulary: Vocabulary,
  shelf: Shelf,
  documents: readonly ItemDocument[],
): void {
  const added: { id: number; document: ItemDocument }[] = [];
  for (const document of documents) {
    const id = addRow(database, shelf, document);
    if (id !== undefined) added.push({ id, document });
  }
  // The full-text index writes a segment whenever a row comes before the last one.
  for (const { id, document } of added.sort((a, b) => a.id - b.id)) {
    const words = fieldWordsOf(document);
    const { subject, from, to, attachment, body } = words;
    database.run(
      'INSERT INTO texts (rowid, scope, subject, sender, recipients, attachment, body) VALUES (?, ?, ?, ?, ?, ?, ?)',
      ...[id, scopeWords(shelf, document.kind, document.hasAttachments)],
      ...[subject, from, to, attachment, body].map((list) => list.join(' ')),
    );
    vocabulary.add(new Set([...subject, ...from, ...to, ...attachment, ...body]));
  }
}

/** The id of a document that was not there. */
function addRow(database: CatalogDatabase, shelf: Shelf, document: ItemDocument): number | undefined {
  const { objectId, time, size, kind, hasAttachments, subject, from } = document;
  if (documentId(database, shelf, objectId) !== undefined) return undefined;
  const id = freeId(database, time, prefixOf(objectId));
  const detail = database.insert('INSERT INTO details (packed) VALUES (?)', packDetail(document));
  database.run(
    'INSERT INTO documents (id, shelf, prefix, object, time, size, kind, attachments, subject, sender, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    ...[id, shelf.number, prefixOf(objectId), Buffer.from(objectId, 'hex'), time, size, kind],
    ...[hasAttachments ? 1 : 0, subject, from, detail as number],
  );
  return id;
}

function documentId(database: CatalogDatabase, shelf: Shelf, objectId: string): number | undefined {
  return database.row<{ id: number }>(
    'SELECT id FROM documents WHERE shelf = ? AND prefix = ? AND object = ?',
    shelf.number,
    prefixOf(objectId),
    Buffer.from(objectId, 'hex'),
  )?.id;
}

/** An id at the time of the item that nobody has. */
function freeId(database: CatalogDatabase, time: number, salt: number): number {
  const base = idAt(time);
  for (let tries = 0, room = placesASecond; tries < mostTries; tries++) {
    const id = base + ((salt + tries * 7919) % room);
    if (database.row('SELECT 1 FROM documents WHERE id = ?', id) === undefined) return id;
    if (tries % 3 === 2) room = Math.min(room * 2, placesASecond * crowdedSeconds);
  }
  // Millions in one moment: behind all of them, out of order but there.
  const last = database.row<{ id: number }>(
    'SELECT max(id) AS id FROM documents WHERE id < ?',
    idEnd(time) * 2,
  );
  for (let id = (last?.id ?? base) + 1; ; id++) {
    if (database.row('SELECT 1 FROM documents WHERE id = ?', id) === undefined) return id;
  }
}

function folderNumber(
  database: CatalogDatabase,
  shelf: Shelf,
  known: Map<string, number>,
  folderId: string,
): number {
  const number = known.get(folderId) ?? numberOf(database, shelf, folderId);
  known.set(folderId, number);
  return number;
}

function numberOf(database: CatalogDatabase, shelf: Shelf, folderId: string): number {
  const select = 'SELECT number FROM folders WHERE shelf = ? AND id = ?';
  const known = database.row<{ number: number }>(select, shelf.number, folderId);
  if (known !== undefined) return known.number;
  database.run('INSERT INTO folders (shelf, id) VALUES (?, ?)', shelf.number, folderId);
  return database.row<{ number: number }>(select, shelf.number, folderId)?.number as number;
}

function endItem(database: CatalogDatabase, shelf: Shelf, seq: number, folder: number, key: string): void {
  database.run(
    'UPDATE spans SET until = ? WHERE shelf = ? AND hash = ? AND key = ? AND folder = ? AND until = ? AND first < ?',
    ...[seq, shelf.number, hashOf(key), key, folder, open, seq],
  );
}

function placeItem(
  database: CatalogDatabase,
  shelf: Shelf,
  seq: number,
  folder: number,
  item: ItemPlacement,
): void {
  const { key, objectId, state } = item;
  // On an empty shelf there is nothing to end.
  if (shelf.indexedSeq > 0) endItem(database, shelf, seq, folder, key);
  const document = documentId(database, shelf, objectId);
  if (document === undefined) throw new Error(`the document of item ${key} was not written`);
  const there = database.row(
    'SELECT 1 FROM spans WHERE shelf = ? AND hash = ? AND key = ? AND folder = ? AND first = ?',
    ...[shelf.number, hashOf(key), key, folder, seq],
  );
  if (there !== undefined) return;
  database.run(
    'INSERT INTO spans (shelf, folder, hash, key, document, first, until, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    ...[shelf.number, folder, hashOf(key), key, document, seq, open, canonical(state)],
  );
}

function endFolder(database: CatalogDatabase, shelf: Shelf, seq: number, folderId: string): void {
  database.run(
    'UPDATE folder_spans SET until = ? WHERE shelf = ? AND folder = ? AND until = ? AND first < ?',
    ...[seq, shelf.number, numberOf(database, shelf, folderId), open, seq],
  );
}

function placeFolder(database: CatalogDatabase, shelf: Shelf, seq: number, folder: FolderFacts): void {
  endFolder(database, shelf, seq, folder.id);
  const { parentId, name, role } = folder;
  database.run(
    'INSERT INTO folder_spans (shelf, folder, parent, name, role, first, until) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
    ...[shelf.number, numberOf(database, shelf, folder.id), parentId, name, role ?? null, seq, open],
  );
}

/** Within a transaction, as all below. */
export function takeBack(database: CatalogDatabase, shelf: Shelf, seq: number): void {
  // The index of `first` has only what came after the first point.
  const firstIs = seq > 1 ? 'first > 1 AND first = ?' : 'first = ?';
  removeSpans(database, `shelf = ? AND ${firstIs}`, shelf.number, seq);
  database.run(
    `UPDATE spans SET until = ? WHERE shelf = ? AND until < ${open} AND until = ?`,
    ...[open, shelf.number, seq],
  );
  database.run('DELETE FROM folder_spans WHERE shelf = ? AND first = ?', shelf.number, seq);
  database.run(
    'UPDATE folder_spans SET until = ? WHERE shelf = ? AND until = ?',
    ...[open, shelf.number, seq],
  );
}

/** See `CatalogTables.collapse`. */
export function collapse(database: CatalogDatabase, shelf: Shelf, previous: number, next: number): void {
  const { number } = shelf;
  removeSpans(
    database,
    `shelf = ? AND until < ${open} AND until <= ? AND first > ?`,
    ...[number, next, previous],
  );
  const ending = database.rows<SpanEnd>(
    `SELECT * FROM spans WHERE shelf = ? AND until < ${open} AND until > ? AND until <= ?`,
    ...[number, previous, next],
  );
  for (const span of ending) {
    const { id, folder, hash, key, document, state } = span;
    const successor = database.row<{ id: number; until: number }>(
      `SELECT id, until FROM spans WHERE shelf = ? AND hash = ? AND key = ? AND folder = ? AND document = ? AND state = ?
         AND first > ? AND first <= ? AND id <> ?`,
      ...[number, hash, key, folder, document, state, previous, next, id],
    );
    if (successor === undefined) continue;
    database.run('DELETE FROM spans WHERE id = ?', successor.id);
    database.run('UPDATE spans SET until = ? WHERE id = ?', successor.until, id);
  }
  collapseFolders(database, shelf, previous, next);
}

interface SpanEnd {
  id: number;
  folder: number;
  hash: number;
  key: string;
  document: number;
  state: string;
}

interface FolderSpan {
  folder: number;
  parent: string | null;
  name: string;
  role: string | null;
  first: number;
  until: number;
}

function collapseFolders(database: CatalogDatabase, shelf: Shelf, previous: number, next: number): void {
  const { number } = shelf;
  database.run(
    'DELETE FROM folder_spans WHERE shelf = ? AND until <= ? AND first > ?',
    ...[number, next, previous],
  );
  const between = (at: number): boolean => at > previous && at <= next;
  const spans = database.rows<FolderSpan>('SELECT * FROM folder_spans WHERE shelf = ?', number);
  const same = (a: FolderSpan, b: FolderSpan): boolean =>
    a.folder === b.folder && a.parent === b.parent && a.name === b.name && a.role === b.role;
  for (const span of spans.filter(({ until }) => between(until))) {
    const successor = spans.find((other) => other !== span && between(other.first) && same(other, span));
    if (successor === undefined) continue;
    const where = 'WHERE shelf = ? AND folder = ? AND first = ?';
    database.run(`DELETE FROM folder_spans ${where}`, number, span.folder, successor.first);
    database.run(
      `UPDATE folder_spans SET until = ? ${where}`,
      successor.until,
      number,
      span.folder,
      span.first,
    );
  }
}

/** Takes spans away, and the documents that have no other. */
function removeSpans(database: CatalogDatabase, where: string, ...values: number[]): void {
  const documents = database.rows<{ document: number }>(
    `DELETE FROM spans WHERE ${where} RETURNING document`,
    ...values,
  );
  for (const document of new Set(documents.map((row) => row.document))) {
    if (database.row('SELECT 1 FROM spans WHERE document = ? LIMIT 1', document) !== undefined) continue;
    removeDocument(database, document);
  }
}

function removeDocument(database: CatalogDatabase, id: number): void {
  database.run('DELETE FROM details WHERE id = (SELECT detail FROM documents WHERE id = ?)', id);
  database.run('DELETE FROM documents WHERE id = ?', id);
  database.run('DELETE FROM texts WHERE rowid = ?', id);
}

const removedAtOnce = 500;

/** Everything that was written of a shelf, some at a time so that others can write meanwhile. */
export function removeContents(database: CatalogDatabase, shelf: Shelf): void {
  for (let removed = removedAtOnce; removed === removedAtOnce; ) {
    removed = database.transaction(() => {
      const rows = database.rows<{ id: number }>(
        'SELECT id FROM documents WHERE shelf = ? LIMIT ?',
        shelf.number,
        removedAtOnce,
      );
      for (const { id } of rows) {
        removeDocument(database, id);
        database.run('DELETE FROM spans WHERE document = ?', id);
      }
      return rows.length;
    });
  }
  database.transaction(() => {
    database.run('DELETE FROM folder_spans WHERE shelf = ?', shelf.number);
    database.run('DELETE FROM folders WHERE shelf = ?', shelf.number);
  });
}
