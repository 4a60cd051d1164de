import { canonical } from '../canonical.ts';
import { createCatalog } from '../catalog.ts';
import { decodePosition, encodePosition } from '../cursors.ts';
import type { Catalog, Shelf, ShelfFilter, ShelfPoint } from '../ports.ts';
import { fieldWordsOf, matchesTerms } from '../searchTerms.ts';
import {
  type CandidateQuery,
  type CatalogTables,
  type DocumentRow,
  type FolderRow,
  open,
  type SpanRow,
} from '../tables.ts';

type FolderSpan = FolderRow & { shelf: number };

/** Everything in lists, every question by looking at all of it: what the meaning of a catalog is. */
class Memory {
  readonly shelves = new Map<string, Shelf>();
  readonly points = new Map<string, ShelfPoint>();
  readonly documents = new Map<string, DocumentRow>();
  spans: SpanRow[] = [];
  folders: FolderSpan[] = [];
  lastNumber = 0;

  ended(from: readonly { first: number; until: number }[], seq: number): void {
    for (const row of from) if (row.until === open && row.first < seq) row.until = seq;
  }

  removeSpans(which: (span: SpanRow) => boolean): void {
    this.spans = this.spans.filter((span) => !which(span));
    const used = new Set(this.spans.map(({ document }) => document));
    for (const id of this.documents.keys()) if (!used.has(id)) this.documents.delete(id);
  }
}

/** The catalog in memory, for tests. */
export const memoryCatalog = (): Catalog => createCatalog(memoryTables());

export function memoryTables(): CatalogTables {
  const memory = new Memory();
  return {
    kind: 'memory',
    ...shelfTables(memory),
    ...pointTables(memory),
    ...contentTables(memory),
    ...readTables(memory),
    ping: async () => undefined,
    close: async () => undefined,
  };
}

const meets = (shelf: Shelf, filter: ShelfFilter): boolean =>
  (filter.organizationIds?.includes(shelf.organizationId) ?? true) &&
  (filter.mailboxIds?.includes(shelf.mailboxId) ?? true) &&
  (filter.repositoryIds?.includes(shelf.repositoryId) ?? true);

const sorted = <T>(list: Iterable<T>, key: (one: T) => string): T[] =>
  [...list].sort((a, b) => (key(a) < key(b) ? -1 : 1));

function shelfTables(memory: Memory): ShelfPart {
  return {
    async openShelf(facts) {
      const id = `${facts.repositoryId}.${facts.mailboxKey}`;
      const known = memory.shelves.get(id);
      const shelf = known ?? { ...facts, id, number: ++memory.lastNumber, indexedSeq: 0 };
      memory.shelves.set(id, shelf);
      return structuredClone(shelf);
    },
    shelf: async (id) => structuredClone(memory.shelves.get(id)),
    shelvesByNumber: async (numbers) =>
      structuredClone([...memory.shelves.values()].filter(({ number }) => numbers.includes(number))),
    shelves: async (filter, after, limit) =>
      structuredClone(
        sorted(memory.shelves.values(), ({ id }) => id)
          .filter((shelf) => meets(shelf, filter) && shelf.id > (after ?? ''))
          .slice(0, limit),
      ),
    async changeShelf(id, change) {
      const shelf = memory.shelves.get(id) as Record<string, unknown> | undefined;
      if (shelf === undefined) return;
      for (const [name, value] of Object.entries(change)) {
        if (value === null) delete shelf[name];
        else if (value !== undefined) shelf[name] = structuredClone(value);
      }
    },
    async clearCheck(id, since) {
      const shelf = memory.shelves.get(id);
      if (shelf?.check?.since === since) delete shelf.check;
    },
    async waiting(limit) {
      const since = new Map<string, number>();
      const note = (id: string, time: number) => since.set(id, Math.min(time, since.get(id) ?? time));
      for (const point of memory.points.values())
        if (point.state !== 'indexed') note(point.shelfId, point.since);
      for (const { id, check } of memory.shelves.values()) if (check !== undefined) note(id, check.since);
      return [...since]
        .sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
        .map(([id]) => id)
        .slice(0, limit);
    },
    async clearShelf(shelf) {
      memory.removeSpans((span) => span.shelf === shelf.number);
      memory.folders = memory.folders.filter((folder) => folder.shelf !== shelf.number);
      for (const [name, point] of memory.points)
        if (point.shelfId === shelf.id && point.state !== 'expected') memory.points.delete(name);
      const kept = memory.shelves.get(shelf.id);
      if (kept === undefined) return;
      kept.indexedSeq = 0;
      delete kept.indexedRoot;
      delete kept.building;
      delete kept.trouble;
    },
    async removeShelf(shelf) {
      memory.removeSpans((span) => span.shelf === shelf.number);
      memory.folders = memory.folders.filter((folder) => folder.shelf !== shelf.number);
      for (const [name, point] of memory.points) if (point.shelfId === shelf.id) memory.points.delete(name);
      memory.shelves.delete(shelf.id);
    },
  };
}

type ShelfPart = Pick<
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

function pointTables(
  memory: Memory,
): Pick<CatalogTables, 'points' | 'insertPoint' | 'changePoint' | 'deletePoint' | 'backlog'> {
  const nameOf = (shelfId: string, pointId: string) => `${shelfId}/${pointId}`;
  return {
    points: async (shelfId) =>
      structuredClone(
        [...memory.points.values()]
          .filter((point) => point.shelfId === shelfId)
          .sort((a, b) => a.time - b.time || (a.pointId < b.pointId ? -1 : 1)),
      ),
    async insertPoint(point) {
      const name = nameOf(point.shelfId, point.pointId);
      if (memory.points.has(name)) return false;
      memory.points.set(name, structuredClone(point));
      return true;
    },
    async changePoint(shelfId, pointId, change) {
      const point = memory.points.get(nameOf(shelfId, pointId));
      if (point !== undefined) Object.assign(point, change);
    },
    async deletePoint(shelfId, pointId) {
      memory.points.delete(nameOf(shelfId, pointId));
    },
    async backlog(filter) {
      const waiting = [...memory.points.values()].filter(({ state, shelfId }) => {
        const shelf = memory.shelves.get(shelfId);
        return state === 'expected' && shelf !== undefined && meets(shelf, filter);
      });
      const since = Math.min(...waiting.map((point) => point.since));
      return { points: waiting.length, since: waiting.length === 0 ? undefined : since };
    },
  };
}

function contentTables(
  memory: Memory,
): Pick<CatalogTables, 'knownObjects' | 'write' | 'takeBack' | 'collapse'> {
  const idOf = (shelf: Shelf, objectId: string) => `${shelf.number}/${objectId}`;
  return {
    knownObjects: async (shelf, ids) => new Set(ids.filter((id) => memory.documents.has(idOf(shelf, id)))),
    async write(shelf, seq, batch) {
      for (const document of batch.documents) {
        const id = idOf(shelf, document.objectId);
        const position = encodePosition(document.time, id);
        if (!memory.documents.has(id))
          memory.documents.set(id, { ...document, id, shelf: shelf.number, texts: () => document, position });
      }
      const inShelf = (row: { shelf: number }) => row.shelf === shelf.number;
      for (const folder of batch.foldersRemoved)
        memory.ended(
          memory.folders.filter((row) => inShelf(row) && row.id === folder),
          seq,
        );
      for (const folder of batch.foldersPlaced) {
        const same = memory.folders.filter((row) => inShelf(row) && row.id === folder.id);
        memory.ended(same, seq);
        if (same.every(({ first }) => first !== seq))
          memory.folders.push({ ...folder, shelf: shelf.number, first: seq, until: open });
      }
      const at = (folderId: string, key: string) =>
        memory.spans.filter((span) => inShelf(span) && span.folderId === folderId && span.key === key);
      for (const { folderId, key } of batch.removed) memory.ended(at(folderId, key), seq);
      for (const { folderId, key, objectId, state } of batch.placed) {
        const same = at(folderId, key);
        memory.ended(same, seq);
        const document = idOf(shelf, objectId);
        if (!memory.documents.has(document)) throw new Error(`the document of item ${key} was not written`);
        if (same.every(({ first }) => first !== seq))
          memory.spans.push({ shelf: shelf.number, folderId, key, document, state, first: seq, until: open });
      }
    },
    async takeBack(shelf, seq) {
      memory.removeSpans((span) => span.shelf === shelf.number && span.first === seq);
      memory.folders = memory.folders.filter((row) => row.shelf !== shelf.number || row.first !== seq);
      for (const row of [...memory.spans, ...memory.folders])
        if (row.shelf === shelf.number && row.until === seq) row.until = open;
    },
    async collapse(shelf, previous, next) {
      const gone = (row: { shelf: number; first: number; until: number }) =>
        row.shelf === shelf.number && row.first > previous && row.until <= next;
      memory.removeSpans(gone);
      memory.folders = memory.folders.filter((row) => !gone(row));
      const between = (at: number) => at > previous && at <= next && at !== open;
      const join = <R extends { shelf: number; first: number; until: number }>(
        rows: R[],
        name: (row: R) => string,
      ): R[] => {
        const beginning = new Map(
          rows
            .filter((row) => row.shelf === shelf.number && between(row.first))
            .map((row) => [name(row), row]),
        );
        const joined = new Set<R>();
        for (const row of rows) {
          if (row.shelf !== shelf.number || !between(row.until)) continue;
          const successor = beginning.get(name(row));
          if (successor === undefined || successor === row) continue;
          row.until = successor.until;
          joined.add(successor);
        }
        return rows.filter((row) => !joined.has(row));
      };
      memory.spans = join(memory.spans, ({ folderId, key, document, state }) =>
        canonical([folderId, key, String(document), state]),
      );
      memory.folders = join(memory.folders, ({ id, parentId, name, role }) =>
        canonical([id, parentId, name, role ?? null]),
      );
    },
  };
}

const newestFirst = (a: DocumentRow, b: DocumentRow): number =>
  b.time - a.time || (String(a.id) < String(b.id) ? 1 : -1);

function readTables(
  memory: Memory,
): Pick<
  CatalogTables,
  'folders' | 'candidates' | 'documents' | 'spansOfDocuments' | 'spansOfKeys' | 'spansOfFolder'
> {
  return {
    folders: async (shelf) => memory.folders.filter((row) => row.shelf === shelf.number),
    async candidates(query) {
      const all = [...memory.documents.values()].filter((row) => passes(row, query)).sort(newestFirst);
      const [time, id] =
        query.position === undefined ? [] : decodePosition(query.position, ['number', 'string']);
      const from = all.findIndex(
        (row) =>
          id === undefined || row.time < Number(time) || (row.time === time && String(row.id) < String(id)),
      );
      const rows = from < 0 ? [] : all.slice(from, from + query.limit);
      const ended = from < 0 || from + query.limit >= all.length;
      return { rows, position: rows.at(-1)?.position, lookedAt: rows.length, ended, tooManyWords: false };
    },
    documents: async (ids) => ids.flatMap((id) => memory.documents.get(String(id)) ?? []),
    spansOfDocuments: async (ids) => memory.spans.filter(({ document }) => ids.includes(document)),
    spansOfKeys: async (shelf, keys) =>
      memory.spans.filter((span) => span.shelf === shelf.number && keys.includes(span.key)),
    async spansOfFolder(shelf, folderId, position, limit) {
      const rowOf = (span: SpanRow) => memory.documents.get(String(span.document)) as DocumentRow;
      const all = memory.spans
        .filter((span) => span.shelf === shelf.number && span.folderId === folderId)
        .sort((a, b) => newestFirst(rowOf(a), rowOf(b)) || b.first - a.first);
      const [from = 0] = position === undefined ? [] : decodePosition(position, ['number']);
      const end = Number(from) + limit;
      return {
        rows: all.slice(Number(from), end),
        position: end < all.length ? encodePosition(end) : undefined,
      };
    },
  };
}

const passes = (row: DocumentRow, query: CandidateQuery): boolean =>
  (query.shelves?.some(({ number }) => number === row.shelf) ?? true) &&
  (query.after === undefined || row.time >= query.after) &&
  (query.before === undefined || row.time < query.before) &&
  (query.hasAttachments === undefined || row.hasAttachments === query.hasAttachments) &&
  (query.kind === undefined || row.kind === query.kind) &&
  matchesTerms(fieldWordsOf(row.texts()), query.terms);
