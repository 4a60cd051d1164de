import type { CatalogDatabase } from './database.ts';
import { layoutVersion } from './database.ts';

/**
 * `documents.id` is the time of the item in seconds times 256 and some: the full-text index then gives the newest first
 * without sorting, and a range of time is a range of its rows. The long texts lie apart, in the order in which they came,
 * so that their pages are full.
 */
const tables = `
CREATE TABLE IF NOT EXISTS shelves (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, repository TEXT NOT NULL, mailbox_key TEXT NOT NULL,
  organization TEXT NOT NULL, mailbox TEXT NOT NULL, address TEXT NOT NULL, indexed_seq INTEGER NOT NULL DEFAULT 0,
  indexed_root TEXT, building TEXT, trouble TEXT, check_since INTEGER, check_rebuild INTEGER) STRICT;
CREATE INDEX IF NOT EXISTS shelves_organization ON shelves (organization, id);
CREATE INDEX IF NOT EXISTS shelves_mailbox ON shelves (mailbox);
CREATE INDEX IF NOT EXISTS shelves_check ON shelves (check_since) WHERE check_since IS NOT NULL;
CREATE TABLE IF NOT EXISTS points (
  shelf TEXT NOT NULL, point TEXT NOT NULL, name TEXT NOT NULL, time INTEGER NOT NULL, state TEXT NOT NULL,
  seq INTEGER, since INTEGER NOT NULL, PRIMARY KEY (shelf, point)) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS points_waiting ON points (since, shelf) WHERE state <> 'indexed';
CREATE TABLE IF NOT EXISTS folders (
  number INTEGER PRIMARY KEY, shelf INTEGER NOT NULL, id TEXT NOT NULL, UNIQUE (shelf, id)) STRICT;
CREATE TABLE IF NOT EXISTS folder_spans (
  shelf INTEGER NOT NULL, folder INTEGER NOT NULL, parent TEXT, name TEXT NOT NULL, role TEXT,
  first INTEGER NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (shelf, folder, first)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
  id INTEGER PRIMARY KEY, shelf INTEGER NOT NULL, prefix INTEGER NOT NULL, object BLOB NOT NULL, time INTEGER NOT NULL,
  size INTEGER NOT NULL, kind TEXT NOT NULL, attachments INTEGER NOT NULL, subject TEXT NOT NULL, sender TEXT NOT NULL,
  detail INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS details (id INTEGER PRIMARY KEY, packed BLOB NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS documents_object ON documents (shelf, prefix);
CREATE TABLE IF NOT EXISTS spans (
  id INTEGER PRIMARY KEY, shelf INTEGER NOT NULL, folder INTEGER NOT NULL, hash INTEGER NOT NULL, key TEXT NOT NULL,
  document INTEGER NOT NULL, first INTEGER NOT NULL, until INTEGER NOT NULL, state TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS spans_document ON spans (document);
CREATE INDEX IF NOT EXISTS spans_key ON spans (shelf, hash);
CREATE INDEX IF NOT EXISTS spans_folder ON spans (folder, document, id);
CREATE INDEX IF NOT EXISTS spans_first ON spans (shelf, first) WHERE first > 1;
CREATE INDEX IF NOT EXISTS spans_until ON spans (shelf, until) WHERE until < 1099511627776;
CREATE VIRTUAL TABLE IF NOT EXISTS texts USING fts5(
  scope, subject, sender, recipients, attachment, body, content='', contentless_delete=1,
  tokenize="ascii tokenchars '_'");
CREATE TABLE IF NOT EXISTS words (id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE) STRICT;
CREATE VIRTUAL TABLE IF NOT EXISTS word_parts USING fts5(
  word, content='', contentless_delete=1, columnsize=1, detail=none, tokenize="trigram case_sensitive 1");
`;

const names = [
  'shelves',
  'points',
  'folders',
  'folder_spans',
  'documents',
  'details',
  'spans',
  'texts',
  'words',
  'word_parts',
];

/** Makes the tables; those of another layout are thrown away first, since everything can be made anew. */
export function prepareSchema(database: CatalogDatabase): void {
  database.transaction(() => {
    const found = database.row<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0;
    if (found !== layoutVersion) for (const name of names) database.exec(`DROP TABLE IF EXISTS ${name}`);
    database.exec(tables);
    database.exec(`PRAGMA user_version = ${layoutVersion}`);
  });
}
