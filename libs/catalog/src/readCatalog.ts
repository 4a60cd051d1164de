import { isRecoverableRole } from '@holdfast/contracts';
import { pointOfTime } from './pointOfTime.ts';
import type {
  AsOf,
  CatalogFolder,
  CatalogItem,
  CatalogReader,
  ItemStatus,
  Shelf,
  ShelfPoint,
} from './ports.ts';
import type { CatalogTables, DocumentRow, FolderRow, SpanRow } from './tables.ts';

/** What is known of a shelf while one question is answered. */
export interface ShelfView {
  shelf: Shelf;
  /** Points that can be opened, by time. */
  points: (ShelfPoint & { seq: number })[];
  folders: FolderRow[];
  pathOf(folderId: string): string;
  /** In Recoverable Items, by the newest parent of each folder. */
  isRecoverable(folderId: string): boolean;
}

export interface Reading extends Pick<CatalogReader, 'foldersEver' | 'itemsEver' | 'history'> {
  view(shelf: Shelf): Promise<ShelfView>;
  /** The spans as lists show them; one that is in no point that can be opened is left out (undefined). */
  listed(
    pairs: readonly { view: ShelfView; span: SpanRow; row: DocumentRow }[],
  ): Promise<(CatalogItem | undefined)[]>;
}

export function createReading(tables: CatalogTables): Reading {
  async function view(shelf: Shelf): Promise<ShelfView> {
    const [points, folders] = await Promise.all([tables.points(shelf.id), tables.folders(shelf)]);
    const kept = points.flatMap((point) =>
      point.state === 'indexed' && point.seq !== undefined && point.seq <= shelf.indexedSeq
        ? [{ ...point, seq: point.seq }]
        : [],
    );
    kept.sort((a, b) => a.seq - b.seq);
    const newest = newestFolders(folders, shelf.indexedSeq);
    return {
      ...{ shelf, points: kept, folders, pathOf: pathsOf(newest) },
      isRecoverable: (id) => isRecoverable(newest, id),
    };
  }

  async function shelfView(shelfId: string): Promise<ShelfView | undefined> {
    const shelf = await tables.shelf(shelfId);
    return shelf === undefined ? undefined : view(shelf);
  }

  async function withRows(view: ShelfView, spans: readonly SpanRow[]): Promise<CatalogItem[]> {
    const rows = new Map(
      (await tables.documents(spans.map(({ document }) => document))).map((row) => [row.id, row]),
    );
    const pairs = spans.flatMap((span) => {
      const row = rows.get(span.document);
      return row === undefined ? [] : [{ view, span, row }];
    });
    return (await listed(tables, pairs)).filter((item) => item !== undefined);
  }

  return {
    view,
    listed: (pairs) => listed(tables, pairs),
    async foldersEver(shelfId) {
      const known = await shelfView(shelfId);
      return known === undefined ? [] : foldersOf(known);
    },
    async itemsEver(shelfId, folderId, { limit, cursor }) {
      const known = await shelfView(shelfId);
      if (known === undefined) return { items: [] };
      const { rows, position } = await tables.spansOfFolder(known.shelf, folderId, cursor, limit);
      const items = await withRows(
        known,
        rows.filter(({ first }) => first <= known.shelf.indexedSeq),
      );
      return position === undefined ? { items } : { items, next: position };
    },
    async history(shelfId, itemKey) {
      const known = await shelfView(shelfId);
      if (known === undefined) return [];
      const spans = await tables.spansOfKeys(known.shelf, [itemKey]);
      const items = await withRows(
        known,
        spans.filter(({ first }) => first <= known.shelf.indexedSeq).toSorted((a, b) => b.first - a.first),
      );
      return items;
    },
  };
}

/** The sequence number of the point that is meant, or undefined when the shelf has none. */
export function seqOf(view: ShelfView, asOf: AsOf): number | undefined {
  switch (asOf.kind) {
    case 'ever':
    case 'latest':
      return view.points.at(-1)?.seq;
    case 'time':
      return view.points.findLast(({ time }) => time <= asOf.time)?.seq;
    case 'point':
      return view.points.find(({ pointId }) => pointId === asOf.pointId)?.seq;
  }
}

async function listed(
  tables: CatalogTables,
  pairs: readonly { view: ShelfView; span: SpanRow; row: DocumentRow }[],
): Promise<(CatalogItem | undefined)[]> {
  const ended = new Map<Shelf, Set<string>>();
  for (const { view, span } of pairs) {
    if (span.until > view.shelf.indexedSeq) continue;
    const keys = ended.get(view.shelf) ?? new Set();
    ended.set(view.shelf, keys.add(span.key));
  }
  const open = new Map<string, SpanRow[]>();
  for (const [shelf, keys] of ended) {
    for (const span of await tables.spansOfKeys(shelf, [...keys])) {
      if (span.first > shelf.indexedSeq || span.until <= shelf.indexedSeq) continue;
      const name = `${shelf.number}/${span.key}`;
      open.set(name, [...(open.get(name) ?? []), span]);
    }
  }
  return pairs.map(({ view, span, row }) => {
    const now = open.get(`${view.shelf.number}/${span.key}`) ?? [];
    return itemOf(view, span, row, statusOf(view, span, now));
  });
}

function statusOf(view: ShelfView, span: SpanRow, now: readonly SpanRow[]): ItemStatus {
  if (span.until > view.shelf.indexedSeq) return 'present';
  if (now.some(({ folderId }) => folderId === span.folderId)) return 'changed';
  return now.length > 0 ? 'moved' : 'deleted';
}

function itemOf(
  view: ShelfView,
  span: SpanRow,
  row: DocumentRow,
  status: ItemStatus,
): CatalogItem | undefined {
  const within = view.points.filter(({ seq }) => seq >= span.first && seq < span.until);
  const [from, to] = [within[0], within.at(-1)];
  if (from === undefined || to === undefined) return undefined;
  const { organizationId, repositoryId, mailboxId, mailboxKey, address } = view.shelf;
  return {
    ...{ organizationId, repositoryId, mailboxId, mailboxKey, address },
    itemKey: span.key,
    folderId: span.folderId,
    folderPath: view.pathOf(span.folderId),
    objectId: row.objectId,
    time: new Date(row.time).toISOString(),
    size: row.size,
    kind: row.kind,
    subject: row.subject,
    from: row.from,
    hasAttachments: row.hasAttachments,
    attachments: row.hasAttachments ? [...row.texts().attachments] : [],
    state: span.state,
    validFrom: pointOfTime(from),
    validTo: pointOfTime(to),
    status,
  };
}

/** The newest form of each folder that can be seen. */
function newestFolders(folders: readonly FolderRow[], indexedSeq: number): Map<string, FolderRow> {
  const newest = new Map<string, FolderRow>();
  for (const folder of folders) {
    if (folder.first > indexedSeq) continue;
    const known = newest.get(folder.id);
    if (known === undefined || folder.first > known.first) newest.set(folder.id, folder);
  }
  return newest;
}

/** A circle of parents ends it. */
function isRecoverable(newest: ReadonlyMap<string, FolderRow>, id: string): boolean {
  const seen = new Set<string>();
  for (let at = newest.get(id); at !== undefined && !seen.has(at.id); ) {
    if (isRecoverableRole(at.role)) return true;
    seen.add(at.id);
    at = at.parentId === null ? undefined : newest.get(at.parentId);
  }
  return false;
}

/** Paths by the newest name of each folder; a folder whose parent is not known hangs at the top. */
function pathsOf(newest: ReadonlyMap<string, FolderRow>): (id: string) => string {
  const paths = new Map<string, string>();
  const pathOf = (id: string, below: ReadonlySet<string>): string => {
    const known = paths.get(id);
    if (known !== undefined) return known;
    const folder = newest.get(id);
    if (folder === undefined || below.has(id)) return '';
    const parent = folder.parentId === null ? '' : pathOf(folder.parentId, new Set([...below, id]));
    const path = `${parent}/${folder.name.replaceAll('/', '\u2215')}`;
    paths.set(id, path);
    return path;
  };
  return (id) => pathOf(id, new Set()) || '/';
}

function foldersOf(view: ShelfView): CatalogFolder[] {
  const { indexedSeq } = view.shelf;
  return [...newestFolders(view.folders, indexedSeq).values()]
    .map(({ id, parentId, name, role, until }): CatalogFolder => {
      const status = until > indexedSeq ? 'present' : 'deleted';
      return { id, parentId, name, ...(role === undefined ? {} : { role }), path: view.pathOf(id), status };
    })
    .sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.id < b.id ? -1 : 1));
}
