import { createCatalog } from '../catalog.ts';
import { decodePosition, encodePosition } from '../cursors.ts';
import type { Catalog, Shelf, ShelfFilter } from '../ports.ts';
import { type CatalogTables, type DocumentId, type FolderRow, open, type ShelfChange } from '../tables.ts';
import { candidates } from './candidates.ts';
import { CatalogDatabase } from './database.ts';
import { prepareSchema } from './schema.ts';
import {
  type DocumentColumns,
  documentOf,
  hashOf,
  type PointColumns,
  pointOf,
  prefixOf,
  type ShelfColumns,
  type SpanColumns,
  shelfOf,
  spanOf,
} from './sqliteRows.ts';
import { Vocabulary } from './vocabulary.ts';
import { collapse, removeContents, takeBack, writeBatch } from './writeBatch.ts';

/** The catalog in one SQLite file. Its calls are synchronous inside: use it in a thread of its own. */
export function openSqliteCatalog(path: string): Catalog {
  return createCatalog(sqliteTables(new CatalogDatabase(path)));
}

const spanColumns =
  'spans.id AS id, spans.shelf AS shelf, folders.id AS folder, key, document, first, until, state';
const fromSpans = 'FROM spans JOIN folders ON folders.number = spans.folder';
const marks = (list: readonly unknown[]): string => list.map(() => '?').join(',');
/** Values of one statement; SQLite allows 32,766. */
const mostValues = 1000;

function* inChunks<T>(list: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < list.length; at += mostValues) yield list.slice(at, at + mostValues);
}

export function sqliteTables(database: CatalogDatabase): CatalogTables {
  prepareSchema(database);
  const vocabulary = new Vocabulary(database);
  const run = <T>(body: () => T): Promise<T> => new Promise((resolve) => resolve(body()));
  return {
    kind: 'sqlite',
    ...shelfTables(database),
    ...pointTables(database),
    knownObjects: (shelf, objectIds) => run(() => knownObjects(database, shelf, objectIds)),
    write: (shelf, seq, batch) => run(() => writeBatch(database, vocabulary, shelf, seq, batch)),
    takeBack: (shelf, seq) => run(() => database.transaction(() => takeBack(database, shelf, seq))),
    collapse: (shelf, previous, next) =>
      run(() => database.transaction(() => collapse(database, shelf, previous, next))),
    folders: (shelf) => run(() => foldersOf(database, shelf)),
    candidates: (query) => run(() => candidates(database, vocabulary, query)),
    documents: (ids) => run(() => documentsOf(database, ids)),
    spansOfDocuments: (ids) =>
      run(() =>
        [...inChunks(ids)].flatMap((chunk) =>
          database
            .rows<SpanColumns>(
              `SELECT ${spanColumns} ${fromSpans} WHERE document IN (${marks(chunk)})`,
              ...chunk,
            )
            .map(spanOf),
        ),
      ),
    spansOfKeys: (shelf, keys) =>
      run(() =>
        keys.flatMap((key) =>
          database
            .rows<SpanColumns>(
              `SELECT ${spanColumns} ${fromSpans} WHERE spans.shelf = ? AND hash = ? AND key = ?`,
              shelf.number,
              hashOf(key),
              key,
            )
            .map(spanOf),
        ),
      ),
    spansOfFolder: (shelf, folderId, position, limit) =>
      run(() => spansOfFolder(database, shelf, folderId, position, limit)),
    ping: () => run(() => void database.row('SELECT number FROM shelves LIMIT 1')),
    close: () => run(() => database.close()),
  };
}

type ShelfTables = Pick<
  CatalogTables,
  | 'openShelf'
  | 'shelf'
  | 'shelvesByNumber'
  | 'shelves'
  | 'changeShelf'
  | 'clearCheck'
  | 'waiting'
  | 'clearShelf'
  | 'removeShelf'
>;

function shelfTables(database: CatalogDatabase): ShelfTables {
  const byId = (id: string): Shelf | undefined => {
    const row = database.row<ShelfColumns>('SELECT * FROM shelves WHERE id = ?', id);
    return row === undefined ? undefined : shelfOf(row);
  };
  return {
    async openShelf({ repositoryId, mailboxKey, organizationId, mailboxId, address }) {
      const id = `${repositoryId}.${mailboxKey}`;
      const known = byId(id);
      if (known !== undefined) return known;
      database.run(
        'INSERT INTO shelves (id, repository, mailbox_key, organization, mailbox, address) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
        ...[id, repositoryId, mailboxKey, organizationId, mailboxId, address],
      );
      return byId(id) as Shelf;
    },
    shelf: async (id) => byId(id),
    shelvesByNumber: async (numbers) =>
      [...inChunks(numbers)].flatMap((chunk) =>
        database
          .rows<ShelfColumns>(`SELECT * FROM shelves WHERE number IN (${marks(chunk)})`, ...chunk)
          .map(shelfOf),
      ),
    async shelves(filter, after, limit) {
      const { where, values } = filterOf(filter);
      return database
        .rows<ShelfColumns>(
          `SELECT * FROM shelves WHERE ${where} AND id > ? ORDER BY id LIMIT ?`,
          ...values,
          after ?? '',
          limit,
        )
        .map(shelfOf);
    },
    changeShelf: async (id, change) => changeShelf(database, id, change),
    async clearCheck(id, since) {
      database.run(
        'UPDATE shelves SET check_since = NULL, check_rebuild = NULL WHERE id = ? AND check_since = ?',
        id,
        since,
      );
    },
    waiting: async (limit) =>
      database
        .rows<{ id: string }>(
          `SELECT id, min(since) AS since FROM (
             SELECT shelf AS id, since FROM points WHERE state <> 'indexed'
             UNION ALL SELECT id, check_since AS since FROM shelves WHERE check_since IS NOT NULL)
           GROUP BY id ORDER BY since, id LIMIT ?`,
          limit,
        )
        .map(({ id }) => id),
    async clearShelf(shelf) {
      removeContents(database, shelf);
      database.run("DELETE FROM points WHERE shelf = ? AND state <> 'expected'", shelf.id);
      changeShelf(database, shelf.id, { indexedSeq: 0, indexedRoot: null, building: null, trouble: null });
    },
    async removeShelf(shelf) {
      removeContents(database, shelf);
      database.run('DELETE FROM points WHERE shelf = ?', shelf.id);
      database.run('DELETE FROM shelves WHERE id = ?', shelf.id);
    },
  };
}

function filterOf({ organizationIds, mailboxIds, repositoryIds }: ShelfFilter): {
  where: string;
  values: string[];
} {
  const parts: [string, readonly string[] | undefined][] = [
    ['organization', organizationIds],
    ['mailbox', mailboxIds],
    ['repository', repositoryIds],
  ];
  const given = parts.flatMap(([column, list]) => (list === undefined ? [] : [{ column, list }]));
  // One value each, however many there are: SQLite allows 32,766.
  return {
    where: ['1', ...given.map(({ column }) => `${column} IN (SELECT value FROM json_each(?))`)].join(' AND '),
    values: given.map(({ list }) => JSON.stringify(list)),
  };
}

function changeShelf(database: CatalogDatabase, id: string, change: ShelfChange): void {
  const columns: [string, string | number | null][] = [];
  const json = (value: object | null): string | null => (value === null ? null : JSON.stringify(value));
  if (change.organizationId !== undefined) columns.push(['organization', change.organizationId]);
  if (change.mailboxId !== undefined) columns.push(['mailbox', change.mailboxId]);
  if (change.address !== undefined) columns.push(['address', change.address]);
  if (change.indexedSeq !== undefined) columns.push(['indexed_seq', change.indexedSeq]);
  if (change.indexedRoot !== undefined) columns.push(['indexed_root', change.indexedRoot]);
  if (change.building !== undefined) columns.push(['building', json(change.building)]);
  if (change.trouble !== undefined) columns.push(['trouble', json(change.trouble)]);
  if (change.check !== undefined) {
    columns.push(['check_since', change.check?.since ?? null]);
    columns.push(['check_rebuild', change.check?.rebuild === true ? 1 : null]);
  }
  if (columns.length === 0) return;
  const set = columns.map(([name]) => `${name} = ?`).join(', ');
  database.run(`UPDATE shelves SET ${set} WHERE id = ?`, ...columns.map(([, value]) => value), id);
}

type PointTables = Pick<CatalogTables, 'points' | 'insertPoint' | 'changePoint' | 'deletePoint' | 'backlog'>;

function pointTables(database: CatalogDatabase): PointTables {
  return {
    points: async (shelfId) =>
      database
        .rows<PointColumns>('SELECT * FROM points WHERE shelf = ? ORDER BY time, point', shelfId)
        .map(pointOf),
    insertPoint: async ({ shelfId, pointId, pointName, time, state, seq, since }) =>
      database.run(
        'INSERT INTO points (shelf, point, name, time, state, seq, since) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
        ...[shelfId, pointId, pointName, time, state, seq ?? null, since],
      ) > 0,
    async changePoint(shelfId, pointId, { state, seq }) {
      database.run(
        'UPDATE points SET state = coalesce(?, state), seq = coalesce(?, seq) WHERE shelf = ? AND point = ?',
        ...[state ?? null, seq ?? null, shelfId, pointId],
      );
    },
    async deletePoint(shelfId, pointId) {
      database.run('DELETE FROM points WHERE shelf = ? AND point = ?', shelfId, pointId);
    },
    async backlog(filter) {
      const { where, values } = filterOf(filter);
      const found = database.row<{ points: number; since: number | null }>(
        `SELECT count(*) AS points, min(since) AS since FROM points JOIN shelves ON shelves.id = points.shelf
         WHERE state = 'expected' AND ${where}`,
        ...values,
      );
      return { points: found?.points ?? 0, since: found?.since ?? undefined };
    },
  };
}

function knownObjects(database: CatalogDatabase, shelf: Shelf, objectIds: readonly string[]): Set<string> {
  const known = new Set<string>();
  for (const id of objectIds) {
    const found = database.row(
      'SELECT id FROM documents WHERE shelf = ? AND prefix = ? AND object = ?',
      shelf.number,
      prefixOf(id),
      Buffer.from(id, 'hex'),
    );
    if (found !== undefined) known.add(id);
  }
  return known;
}

function foldersOf(database: CatalogDatabase, shelf: Shelf): FolderRow[] {
  return database
    .rows<{
      id: string;
      parent: string | null;
      name: string;
      role: string | null;
      first: number;
      until: number;
    }>(
      `SELECT folders.id AS id, parent, name, role, first, until FROM folder_spans
       JOIN folders ON folders.number = folder_spans.folder WHERE folder_spans.shelf = ?`,
      shelf.number,
    )
    .map(({ id, parent, name, role, first, until }) => ({
      ...{ id, parentId: parent, name, first, until },
      ...(role === null ? {} : { role }),
    }));
}

function documentsOf(database: CatalogDatabase, ids: readonly DocumentId[]): ReturnType<typeof documentOf>[] {
  return [...inChunks(ids)].flatMap((chunk) =>
    database
      .rows<DocumentColumns>(`SELECT * FROM documents WHERE id IN (${marks(chunk)})`, ...chunk)
      .map((row) => documentOf(row, encodePosition(row.id), (id) => database.packedDetail(id))),
  );
}

function spansOfFolder(
  database: CatalogDatabase,
  shelf: Shelf,
  folderId: string,
  position: string | undefined,
  limit: number,
): Awaited<ReturnType<CatalogTables['spansOfFolder']>> {
  const [document = open * open, id = 0] =
    position === undefined ? [] : decodePosition(position, ['number', 'number']);
  const rows = database.rows<SpanColumns>(
    `SELECT ${spanColumns} ${fromSpans} WHERE spans.folder = (SELECT number FROM folders WHERE shelf = ? AND id = ?)
       AND (document, spans.id) < (?, ?) ORDER BY document DESC, spans.id DESC LIMIT ?`,
    ...[shelf.number, folderId, Math.min(Number(document), Number.MAX_SAFE_INTEGER), Number(id), limit + 1],
  );
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { rows: page.map(spanOf), position: more ? encodePosition(last.document, last.id) : undefined };
}
