import { createHash } from 'node:crypto';
import { Binary, type Collection, type Document, type Filter } from 'mongodb';
import { canonical } from '../canonical.ts';
import { packDetail } from '../detail.ts';
import type { FolderFacts, ItemDocument, Shelf, ShelfBatch } from '../ports.ts';
import { fieldWordsOf } from '../searchTerms.ts';
import { type CatalogTables, open } from '../tables.ts';
import type { CatalogCollections, FolderDocument, SpanDocument } from './mongoCollections.ts';
import { fieldWords, wordDocument } from './mongoWords.ts';

export const documentIdOf = (shelf: Pick<Shelf, 'number'>, objectId: string): string =>
  `${shelf.number}/${objectId}`;

/** Keys of items are long: their hash with the folder's names the span. */
const spanIdOf = (shelf: Shelf, folderId: string, key: string, first: number): string =>
  `${shelf.number}/${createHash('sha256')
    .update(JSON.stringify([folderId, key]))
    .digest('base64url')
    .slice(0, 24)}/${first}`;

/** Inserts what is not there; somebody else's insert of the same counts. */
async function insertMissing<T extends Document & { _id: string }>(
  collection: Collection<T>,
  documents: readonly T[],
): Promise<void> {
  if (documents.length === 0) return;
  const ids = documents.map(({ _id }) => _id);
  const find = () =>
    collection
      .find({ _id: { $in: ids } } as Filter<T>, { projection: { _id: 1 } })
      .map(({ _id }) => String(_id))
      .toArray();
  const there = new Set<string>(await find());
  const missing = documents.filter(({ _id }) => !there.has(_id));
  if (missing.length === 0) return;
  try {
    await collection.insertMany(missing as unknown as Parameters<typeof collection.insertMany>[0], {
      ordered: false,
    });
  } catch (error) {
    const now = new Set<string>(await find());
    if (missing.some(({ _id }) => !now.has(_id))) throw error;
  }
}

export function writeTables(
  collections: CatalogCollections,
): Pick<CatalogTables, 'knownObjects' | 'write' | 'takeBack' | 'collapse'> {
  const { documents, spans, folders } = collections;
  return {
    async knownObjects(shelf, objectIds) {
      const ids = objectIds.map((id) => documentIdOf(shelf, id));
      const found = documents.find({ _id: { $in: ids } }, { projection: { objectId: 1 } });
      return new Set((await found.toArray()).map(({ objectId }) => objectId));
    },
    async write(shelf, seq, batch) {
      await writeDocuments(collections, shelf, batch.documents);
      for (const id of batch.foldersRemoved) await end(folders, { shelf: shelf.number, folder: id }, seq);
      for (const folder of batch.foldersPlaced) await placeFolder(collections, shelf, seq, folder);
      for (const { folderId, key } of batch.removed) {
        await end(spans, { shelf: shelf.number, folder: folderId, key }, seq);
      }
      await placeItems(collections, shelf, seq, batch);
    },
    async takeBack(shelf, seq) {
      await removeSpans(collections, { shelf: shelf.number, first: seq });
      const reopened = { $set: { until: open } };
      await spans.updateMany({ shelf: shelf.number, until: seq }, reopened);
      await folders.deleteMany({ shelf: shelf.number, first: seq });
      await folders.updateMany({ shelf: shelf.number, until: seq }, reopened);
    },
    async collapse(shelf, previous, next) {
      const between = { $gt: previous, $lte: next };
      const gone = { shelf: shelf.number, first: { $gt: previous }, until: { $lte: next } };
      await removeSpans(collections, gone);
      await folders.deleteMany(gone);
      const mine = { shelf: shelf.number };
      await join<SpanDocument>(spans, mine, between, previous, (span) => [
        ...[span.folder, span.key, span.document, span.state],
      ]);
      await join<FolderDocument>(folders, mine, between, previous, (row) => [
        ...[row.folder, row.parent, row.name, row.role],
      ]);
    },
  };
}

async function writeDocuments(
  collections: CatalogCollections,
  shelf: Shelf,
  items: readonly ItemDocument[],
): Promise<void> {
  const words = new Set<string>();
  const rows = items.map((item) => {
    const { objectId, time, size, kind, hasAttachments, subject, from } = item;
    const byField = fieldWordsOf(item);
    for (const list of Object.values(byField)) for (const word of list) words.add(word);
    return {
      _id: documentIdOf(shelf, objectId),
      shelf: shelf.number,
      ...{ objectId, time, size, kind, hasAttachments, subject, from },
      packed: new Binary(packDetail(item)),
      words: fieldWords(byField),
    };
  });
  // The words first: an item is found by parts as soon as it is there.
  await insertMissing(collections.words, [...words].map(wordDocument));
  await insertMissing(collections.documents, [...new Map(rows.map((row) => [row._id, row])).values()]);
}

/** Ends what was open at this place before. */
async function end<T extends SpanDocument | FolderDocument>(
  rows: Collection<T>,
  place: object,
  seq: number,
): Promise<void> {
  await rows.updateMany(
    { ...place, until: open, first: { $lt: seq } } as unknown as Filter<T>,
    { $set: { until: seq } } as unknown as Parameters<typeof rows.updateMany>[1],
  );
}

async function placeFolder(
  { folders }: CatalogCollections,
  shelf: Shelf,
  seq: number,
  { id, parentId, name, role }: FolderFacts,
): Promise<void> {
  await end(folders, { shelf: shelf.number, folder: id }, seq);
  const row = { folder: id, parent: parentId, name, role: role ?? null, first: seq, until: open };
  await insertMissing(folders, [{ _id: `${shelf.number}/${id}/${seq}`, shelf: shelf.number, ...row }]);
}

async function placeItems(
  { spans, documents }: CatalogCollections,
  shelf: Shelf,
  seq: number,
  { placed }: ShelfBatch,
): Promise<void> {
  if (shelf.indexedSeq > 0) {
    for (const { folderId, key } of placed)
      await end(spans, { shelf: shelf.number, folder: folderId, key }, seq);
  }
  const ids = placed.map(({ objectId }) => documentIdOf(shelf, objectId));
  const times = new Map<string, number>();
  for await (const { _id, time } of documents.find({ _id: { $in: ids } }, { projection: { time: 1 } })) {
    times.set(_id, time);
  }
  const rows = placed.map(({ folderId, key, objectId, state }): SpanDocument => {
    const document = documentIdOf(shelf, objectId);
    const time = times.get(document);
    if (time === undefined) throw new Error(`the document of item ${key} was not written`);
    return {
      _id: spanIdOf(shelf, folderId, key, seq),
      shelf: shelf.number,
      folder: folderId,
      ...{ key, document, time, first: seq, until: open, state: canonical(state) },
    };
  });
  await insertMissing(spans, rows);
}

/** Takes spans away, then the documents that have no other; a repeat finds the documents by what is left. */
async function removeSpans(
  { spans, documents }: CatalogCollections,
  filter: Filter<SpanDocument>,
): Promise<void> {
  const going = await spans.find(filter, { projection: { document: 1 } }).toArray();
  const ids = new Set(going.map(({ document }) => document));
  const kept = new Set<string>();
  const goingIds = new Set(going.map(({ _id }) => _id));
  const all = spans.find({ document: { $in: [...ids] } }, { projection: { document: 1 } });
  for await (const { _id, document } of all) if (!goingIds.has(_id)) kept.add(document);
  await documents.deleteMany({ _id: { $in: [...ids].filter((id) => !kept.has(id)) } });
  await spans.deleteMany(filter);
}

/**
 * Of equal rows one of which ends where the other begins one is left. First the earlier one is made longer, then the
 * later one goes, so that a repeat after a crash finds it covered.
 */
async function join<T extends SpanDocument | FolderDocument>(
  rows: Collection<T>,
  mine: { shelf: number },
  between: { $gt: number; $lte: number },
  previous: number,
  identity: (row: T) => unknown[],
): Promise<void> {
  const find = (filter: object) => rows.find(filter as Filter<T>).toArray() as unknown as Promise<T[]>;
  const beginning = (await find({ ...mine, first: between })).filter(({ first }) => first !== open);
  if (beginning.length === 0) return;
  const byIdentity = new Map(beginning.map((row) => [JSON.stringify(identity(row)), row]));
  const ending = await find({ ...mine, first: { $lte: previous }, until: { $gt: previous } });
  for (const row of ending) {
    const successor = byIdentity.get(JSON.stringify(identity(row)));
    // Ended between the two points, or made longer already.
    if (successor === undefined || (row.until > between.$lte && row.until !== successor.until)) continue;
    const byId = (id: string) => ({ _id: id }) as unknown as Filter<T>;
    const longer = { $set: { until: successor.until } } as unknown as Parameters<typeof rows.updateOne>[1];
    await rows.updateOne(byId(row._id), longer);
    await rows.deleteOne(byId(successor._id));
  }
}
