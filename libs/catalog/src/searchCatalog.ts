import { foldWord } from './foldText.ts';
import type { CatalogHit, CatalogItem, CatalogQuery, SearchPage, Shelf } from './ports.ts';
import { type Reading, type ShelfView, seqOf } from './readCatalog.ts';
import { snippetsOf } from './snippets.ts';
import type { CatalogTables, DocumentRow, SpanRow } from './tables.ts';

/** Documents looked at for one page at most; a search that needs more goes on with the next page. */
const mostLookedAt = 20_000;
/** Shelves that a scope may name one by one; a larger one is checked hit by hit. */
const mostNamedShelves = 200;

/** Carries out a search: documents of the tables in order, those that were at the right place at the right time. */
export async function searchCatalog(
  tables: CatalogTables,
  reading: Reading,
  query: CatalogQuery,
): Promise<SearchPage> {
  const scope = await scopeOf(tables, query);
  const backlog = await tables.backlog(query.scope);
  const behind = {
    points: backlog.points,
    ...(backlog.since === undefined ? {} : { since: new Date(backlog.since).toISOString() }),
  };
  if (scope.shelves?.length === 0) return { hits: [], behind };
  const found = await collect(tables, reading, query, scope);
  const items = await reading.listed(found.pairs);
  const hits = found.pairs.flatMap(({ row, places }, at): CatalogHit[] => {
    const item = items[at];
    return item === undefined ? [] : [{ ...withSnippets(item, row, query), places }];
  });
  return {
    hits,
    ...(found.next === undefined ? {} : { next: found.next }),
    behind,
    ...(found.tooManyWords ? { tooManyWords: true } : {}),
  };
}

interface Pair {
  view: ShelfView;
  span: SpanRow;
  row: DocumentRow;
  /** Items with the very same content there. */
  places: number;
}

interface Scope {
  /** Named one by one in the query of documents; undefined when hits are checked instead. */
  shelves: Shelf[] | undefined;
  admits(shelf: Shelf): boolean;
}

async function scopeOf(tables: CatalogTables, { scope }: CatalogQuery): Promise<Scope> {
  const sets = [scope.organizationIds, scope.mailboxIds, scope.repositoryIds].map(
    (list) => list && new Set(list),
  );
  const [organizations, mailboxes, repositories] = sets;
  const admits = (shelf: Shelf): boolean =>
    (organizations?.has(shelf.organizationId) ?? true) &&
    (mailboxes?.has(shelf.mailboxId) ?? true) &&
    (repositories?.has(shelf.repositoryId) ?? true);
  const shelves = await tables.shelves(scope, undefined, mostNamedShelves + 1);
  if (shelves.length > mostNamedShelves) return { shelves: undefined, admits };
  // When they are all there are, naming them would only cost time.
  const all = await tables.shelves({}, undefined, shelves.length + 1);
  return { shelves: shelves.length > 0 && all.length === shelves.length ? undefined : shelves, admits };
}

async function collect(
  tables: CatalogTables,
  reading: Reading,
  query: CatalogQuery,
  scope: Scope,
): Promise<{ pairs: Pair[]; next: string | undefined; tooManyWords: boolean }> {
  const views = new Map<number, ShelfView>();
  const pairs: Pair[] = [];
  let position = query.cursor;
  let tooManyWords = false;
  for (
    let lookedAt = 0, limit = query.limit + 1;
    lookedAt < mostLookedAt;
    limit = Math.min(limit * 4, 2000)
  ) {
    const { shelves } = scope;
    const { after, before, hasAttachments, kind, order, terms } = query;
    const found = await tables.candidates({
      ...{ shelves, terms, after, before, hasAttachments, kind, order, position, limit },
    });
    tooManyWords ||= found.tooManyWords;
    lookedAt += found.lookedAt;
    await loadViews(tables, reading, views, found.rows);
    const spans = await spansByDocument(tables, found.rows);
    for (const row of found.rows) {
      if (pairs.length === query.limit) return { pairs, next: position, tooManyWords };
      position = row.position;
      const pair = pairOf(views.get(row.shelf), spans.get(row.id) ?? [], row, query, scope);
      if (pair !== undefined) pairs.push(pair);
    }
    if (found.ended) return { pairs, next: undefined, tooManyWords };
    position = found.position;
  }
  return { pairs, next: position, tooManyWords };
}

async function loadViews(
  tables: CatalogTables,
  reading: Reading,
  views: Map<number, ShelfView>,
  rows: readonly DocumentRow[],
): Promise<void> {
  const missing = new Set(rows.map(({ shelf }) => shelf).filter((number) => !views.has(number)));
  for (const shelf of await tables.shelvesByNumber([...missing]))
    views.set(shelf.number, await reading.view(shelf));
}

async function spansByDocument(
  tables: CatalogTables,
  rows: readonly DocumentRow[],
): Promise<Map<DocumentRow['id'], SpanRow[]>> {
  const byDocument = new Map<DocumentRow['id'], SpanRow[]>();
  for (const span of await tables.spansOfDocuments(rows.map(({ id }) => id))) {
    const list = byDocument.get(span.document);
    if (list === undefined) byDocument.set(span.document, [span]);
    else list.push(span);
  }
  return byDocument;
}

/** The place at which a document is shown: where it was at the time that is asked for, else where it was last. */
function pairOf(
  view: ShelfView | undefined,
  spans: readonly SpanRow[],
  row: DocumentRow,
  query: CatalogQuery,
  scope: Scope,
): Pair | undefined {
  if (view === undefined || !scope.admits(view.shelf) || !passes(row, query)) return undefined;
  const seq = seqOf(view, query.asOf);
  if (seq === undefined) return undefined;
  const inFolder = folderTest(view, query);
  const ever = query.asOf.kind === 'ever';
  const keys = new Set<string>();
  let best: { span: SpanRow; last: number } | undefined;
  for (const span of spans) {
    const valid = span.first <= seq && (ever || span.until > seq);
    const last = view.points.findLast((p) => p.seq >= span.first && p.seq < span.until)?.seq;
    if (!valid || last === undefined || !inFolder(span)) continue;
    keys.add(span.key);
    if (best === undefined || comesBefore(span, last, best)) best = { span, last };
  }
  return best === undefined ? undefined : { view, span: best.span, row, places: keys.size };
}

/** The place that was there last; among equal ones always the same. */
function comesBefore(span: SpanRow, last: number, best: { span: SpanRow; last: number }): boolean {
  if (last !== best.last) return last > best.last;
  const [name, other] = [span, best.span].map(({ folderId, key }) => `${folderId}/${key}`) as [
    string,
    string,
  ];
  return name === other ? span.first > best.span.first : name < other;
}

const passes = (row: DocumentRow, query: CatalogQuery): boolean =>
  row.time >= (query.after ?? Number.NEGATIVE_INFINITY) &&
  row.time < (query.before ?? Number.POSITIVE_INFINITY) &&
  row.size >= (query.larger ?? 0) &&
  row.size <= (query.smaller ?? Number.POSITIVE_INFINITY) &&
  (query.hasAttachments === undefined || row.hasAttachments === query.hasAttachments) &&
  (query.kind === undefined || row.kind === query.kind);

/** `/Inbox` is that folder and all below it, `invoices` any folder with this in its path. */
function folderTest(view: ShelfView, query: CatalogQuery): (span: SpanRow) => boolean {
  const { folder, recoverable } = query;
  const isWanted = ({ folderId }: SpanRow) => recoverable !== false || !view.isRecoverable(folderId);
  if (folder === undefined) return isWanted;
  const wanted = fold(folder).replace(/\/+$/, '');
  return (span) => {
    if (!isWanted(span)) return false;
    const path = fold(view.pathOf(span.folderId));
    return wanted.startsWith('/') ? path === wanted || path.startsWith(`${wanted}/`) : path.includes(wanted);
  };
}

const fold = (path: string): string => path.split('/').map(foldWord).join('/');

function withSnippets(item: CatalogItem, row: DocumentRow, query: CatalogQuery): Omit<CatalogHit, 'places'> {
  return { ...item, snippets: query.terms.length === 0 ? [] : snippetsOf(row.texts(), query.terms) };
}
