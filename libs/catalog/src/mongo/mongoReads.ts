import type { Filter, WithId } from 'mongodb';
import { decodePosition, encodePosition } from '../cursors.ts';
import { type Detail, unpackDetail } from '../detail.ts';
import { fieldWordsOf, matchesTerms } from '../searchTerms.ts';
import type { CandidateQuery, Candidates, CatalogTables, DocumentRow, SpanRow } from '../tables.ts';
import type { CatalogCollections, SpanDocument, TextDocument } from './mongoCollections.ts';
import { filterOfTerms } from './mongoWords.ts';

type ReadTables = Pick<
  CatalogTables,
  'folders' | 'candidates' | 'documents' | 'spansOfDocuments' | 'spansOfKeys' | 'spansOfFolder'
>;

export function readTables(collections: CatalogCollections): ReadTables {
  const { documents, folders, spans } = collections;
  const withoutWords = { projection: { words: 0 } };
  return {
    folders: async (shelf) =>
      (await folders.find({ shelf: shelf.number }).toArray()).map(
        ({ folder, parent, name, role, first, until }) => ({
          ...{ id: folder, parentId: parent, name, first, until },
          ...(role === null ? {} : { role }),
        }),
      ),
    candidates: (query) => candidates(collections, query),
    documents: async (ids) =>
      (await documents.find({ _id: { $in: ids.map(String) } }, withoutWords).toArray()).map(documentOf),
    spansOfDocuments: async (ids) =>
      (await spans.find({ document: { $in: ids.map(String) } }).toArray()).map(spanOf),
    spansOfKeys: async (shelf, keys) =>
      (await spans.find({ shelf: shelf.number, key: { $in: [...keys] } }).toArray()).map(spanOf),
    async spansOfFolder(shelf, folderId, position, limit) {
      const rows = await spans
        .find({ shelf: shelf.number, folder: folderId, ...behind<SpanDocument>(position) })
        .sort({ time: -1, _id: -1 })
        .limit(limit + 1)
        .toArray();
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      const more = rows.length > limit && last !== undefined;
      return { rows: page.map(spanOf), position: more ? encodePosition(last.time, last._id) : undefined };
    },
  };
}

/** Newest first by time and id: what comes behind a position. */
function behind<T extends { time: number; _id: string }>(position: string | undefined): Filter<T> {
  if (position === undefined) return {};
  const [time, id] = decodePosition(position, ['number', 'string']);
  return { $or: [{ time: { $lt: time } }, { time, _id: { $lt: id } }] } as unknown as Filter<T>;
}

async function candidates(collections: CatalogCollections, query: CandidateQuery): Promise<Candidates> {
  const words = await filterOfTerms(collections, query.terms);
  if (words === undefined) {
    return { rows: [], position: undefined, lookedAt: 0, ended: true, tooManyWords: false };
  }
  const { shelves, after, before, hasAttachments, kind, limit, position } = query;
  const time = {
    ...(after === undefined ? {} : { $gte: after }),
    ...(before === undefined ? {} : { $lt: before }),
  };
  const filters: Filter<TextDocument>[] = [words.filter, behind<TextDocument>(position)];
  if (shelves !== undefined) filters.push({ shelf: { $in: shelves.map(({ number }) => number) } });
  if (Object.keys(time).length > 0) filters.push({ time });
  if (hasAttachments !== undefined) filters.push({ hasAttachments });
  if (kind !== undefined) filters.push({ kind });
  const all = filters.filter((filter) => Object.keys(filter).length > 0);
  const found = await collections.documents
    .find(all.length === 0 ? {} : { $and: all }, { projection: { words: 0 } })
    .sort({ time: -1, _id: -1 })
    .limit(limit)
    .toArray();
  const rows = found.map(documentOf);
  const last = rows.at(-1);
  return {
    // The words are there; that they stand side by side and in the right field is seen in the texts.
    rows: query.terms.length === 0 ? rows : rows.filter((row) => passes(row, query)),
    position: last?.position,
    lookedAt: found.length,
    ended: found.length < limit,
    tooManyWords: words.tooManyWords,
  };
}

const passes = (row: DocumentRow, query: CandidateQuery): boolean =>
  matchesTerms(fieldWordsOf(row.texts()), query.terms);

function documentOf(found: WithId<Omit<TextDocument, 'words'>>): DocumentRow {
  const { _id, shelf, objectId, time, size, kind, hasAttachments, subject, from, packed } = found;
  let detail: Detail | undefined;
  return {
    id: _id,
    ...{ shelf, objectId, time, size, kind, hasAttachments, subject, from },
    texts() {
      detail ??= unpackDetail(packed.buffer);
      return { subject, from, ...detail };
    },
    position: encodePosition(time, _id),
  };
}

const spanOf = ({ shelf, folder, key, document, first, until, state }: SpanDocument): SpanRow => ({
  ...{ shelf, folderId: folder, key, document, first, until },
  state: JSON.parse(state),
});
