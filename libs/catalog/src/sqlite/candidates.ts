import { decodePosition, encodePosition } from '../cursors.ts';
import { fieldWordsOf, matchesTerms } from '../searchTerms.ts';
import type { CandidateQuery, Candidates, DocumentRow } from '../tables.ts';
import type { CatalogDatabase } from './database.ts';
import { matchOf, nothing, unasked } from './match.ts';
import { type DocumentColumns, documentOf } from './sqliteRows.ts';
import { mostWordsOfPart, type Vocabulary } from './vocabulary.ts';
import { idAt, idEnd } from './writeBatch.ts';

/** Of more documents than these the newest are weighed. */
const mostRanked = 10_000;
/** A document whose texts are read counts as so many that are only looked at, so that a page takes a bounded time. */
const costOfCheck = 10;
/** How much a word weighs: scope, subject, sender, recipients, attachment, body. */
const weights = '0.0, 8.0, 4.0, 2.0, 4.0, 1.0';

/** Documents in the order of the query, straight from the full-text index. */
export function candidates(
  database: CatalogDatabase,
  vocabulary: Vocabulary,
  query: CandidateQuery,
): Candidates {
  let tooManyWords = false;
  let isChecked = false;
  const match = matchOf(query, (part, kind) => {
    const words = vocabulary.with(part, kind);
    if (words.length <= mostWordsOfPart) return words;
    // So many words are in a good part of all mails: the newest that have one are found by looking into them.
    if (query.order === 'date') {
      isChecked = true;
      return unasked;
    }
    tooManyWords = true;
    return words.slice(0, mostWordsOfPart);
  });
  if (match === nothing) return { rows: [], position: undefined, lookedAt: 0, ended: true, tooManyWords };
  const found =
    query.order === 'rank' && match !== undefined
      ? ranked(database, match, query)
      : newest(database, match, query);
  if (!isChecked && !needsCheck(query, match)) return { ...found, tooManyWords };
  const rows = found.rows.filter((row) => passes(row, query));
  return { ...found, rows, lookedAt: found.lookedAt * costOfCheck, tooManyWords };
}

/** The ids of a range of time; a document may stand a little behind its second when that is crowded. */
const lowest = (query: CandidateQuery): number => (query.after === undefined ? -1 : idAt(query.after) - 1);
const highest = (query: CandidateQuery): number =>
  query.before === undefined ? Number.MAX_SAFE_INTEGER : idEnd(query.before);

type Found = Omit<Candidates, 'tooManyWords'>;

function newest(database: CatalogDatabase, match: string | undefined, query: CandidateQuery): Found {
  const [before = Number.MAX_SAFE_INTEGER] =
    query.position === undefined ? [] : decodePosition(query.position, ['number']);
  const range = [Math.min(Number(before), highest(query)), lowest(query), query.limit];
  // The range is of the index itself (`rowid`), so it costs nothing; the rows are looked up after the limit.
  const ids =
    match === undefined
      ? database.rows<{ id: number }>(
          'SELECT id FROM documents WHERE id < ? AND id > ? ORDER BY id DESC LIMIT ?',
          ...range,
        )
      : database.rows<{ id: number }>(
          'SELECT rowid AS id FROM texts WHERE texts MATCH ? AND rowid < ? AND rowid > ? ORDER BY rowid DESC LIMIT ?',
          match,
          ...range,
        );
  const rows = load(
    database,
    ids.map(({ id }) => id),
    (id) => encodePosition(id),
  );
  const last = ids.at(-1);
  const position = last === undefined ? undefined : encodePosition(last.id);
  return { rows, position, lookedAt: ids.length, ended: ids.length < query.limit };
}

function ranked(database: CatalogDatabase, match: string, query: CandidateQuery): Found {
  const [from = 0] = query.position === undefined ? [] : decodePosition(query.position, ['number']);
  const start = Number(from);
  const weighed = database.rows<{ id: number }>(
    `SELECT id FROM (SELECT rowid AS id, bm25(texts, ${weights}) AS score FROM texts
       WHERE texts MATCH ? AND rowid < ? AND rowid > ? ORDER BY rowid DESC LIMIT ?)
     ORDER BY score, id DESC LIMIT ? OFFSET ?`,
    ...[match, highest(query), lowest(query), mostRanked, query.limit, start],
  );
  const place = new Map(weighed.map(({ id }, at) => [id, start + at + 1]));
  const rows = load(
    database,
    weighed.map(({ id }) => id),
    (id) => encodePosition(place.get(id) ?? 0),
  );
  const position = encodePosition(start + weighed.length);
  return { rows, position, lookedAt: weighed.length, ended: weighed.length < query.limit };
}

/** In the order of the ids. */
function load(
  database: CatalogDatabase,
  ids: readonly number[],
  position: (id: number) => string,
): DocumentRow[] {
  if (ids.length === 0) return [];
  const found = new Map(
    database
      .rows<DocumentColumns>(
        'SELECT * FROM documents WHERE id IN (SELECT value FROM json_each(?))',
        JSON.stringify(ids),
      )
      .map((row) => [row.id, row]),
  );
  return ids.flatMap((id) => {
    const row = found.get(id);
    return row === undefined
      ? []
      : [documentOf(row, position(id), (detail) => database.packedDetail(detail))];
  });
}

/** What the index cannot say alone: only words to leave out. */
const needsCheck = (query: CandidateQuery, match: string | undefined): boolean =>
  match === undefined && query.terms.length > 0;

const passes = (row: DocumentRow, query: CandidateQuery): boolean =>
  matchesTerms(fieldWordsOf(row.texts()), query.terms);
