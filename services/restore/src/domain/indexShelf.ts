import {
  type Catalog,
  type FolderFacts,
  type ItemPlacement,
  type Shelf,
  type ShelfBatch,
  type ShelfPoint,
  shelfIdOf,
} from '@holdfast/catalog';
import type { PointItem, StoredItem } from '../ports.ts';
import { bareDocument, itemDocument } from './itemDocument.ts';

/** A complete restore point as the repository lists it. */
export interface NamedPoint {
  pointId: string;
  pointName: string;
  time: number;
}

/** One difference between two trees. */
export type ShelfChange =
  | { kind: 'folder-placed'; folder: FolderFacts }
  | { kind: 'folder-removed'; folderId: string }
  | { kind: 'item-placed'; folderId: string; item: PointItem }
  | { kind: 'item-removed'; folderId: string; key: string };

/** What of a mailbox in its repository the catalog is made from. */
export interface ShelfSource {
  /** Complete points, by time. */
  points(): Promise<NamedPoint[]>;
  /** The tree of a point and whose it is. */
  describe(
    pointName: string,
  ): Promise<{ root: string; organizationId: string; mailboxId: string; address: string }>;
  /** From one tree to another; from nothing when there is no first one. @throws when a tree is not there any more */
  changes(from: string | undefined, to: string): AsyncIterable<ShelfChange>;
  read(objectId: string): Promise<StoredItem>;
}

export interface IndexOptions {
  /** Ends after the batch in hand; the next call goes on there. */
  signal: AbortSignal;
  now: () => number;
  /** Called between items; may wait, to let others go first. */
  pace?: () => Promise<void>;
  onProgress?: (progress: { items: number; points: number; unreadable: number }) => void;
}

export interface Indexed {
  /** False when it was told to stop. */
  done: boolean;
  points: number;
  items: number;
  unreadable: number;
}

type ShelfCatalog = Pick<
  Catalog,
  | 'shelf'
  | 'openShelf'
  | 'points'
  | 'expectPoint'
  | 'beginPoint'
  | 'knownObjects'
  | 'write'
  | 'commitPoint'
  | 'dropPoint'
  | 'clearShelf'
  | 'removeShelf'
  | 'clearCheck'
>;

/**
 * Brings a shelf of the catalog to what its repository has: points that are gone go, new ones are read, each by its
 * difference from the one before. Where that cannot be (a point came in between, the base is gone) the shelf is made
 * anew. Stopped or killed at any place, the next call goes on.
 */
export async function indexShelf(
  source: ShelfSource,
  catalog: ShelfCatalog,
  place: { repositoryId: string; mailboxKey: string },
  options: IndexOptions,
): Promise<Indexed> {
  const shelfId = shelfIdOf(place.repositoryId, place.mailboxKey);
  const named = await source.points();
  const check = (await catalog.shelf(shelfId))?.check;
  const newest = named.at(-1);
  if (newest === undefined) {
    await catalog.removeShelf(shelfId);
    return { done: true, points: 0, items: 0, unreadable: 0 };
  }
  const { root: _, ...owner } = await source.describe(newest.pointName);
  const shelf = await catalog.openShelf({ ...place, ...owner });
  if (check?.rebuild === true || mustBeginAnew(shelf, await catalog.points(shelfId), named)) {
    await catalog.clearShelf(shelfId);
  }
  const facts = { ...place, ...owner };
  const since = options.now();
  for (const point of named) await catalog.expectPoint(facts, { ...point, since });
  const work: Work = {
    source,
    catalog,
    shelfId,
    options,
    done: { done: true, points: 0, items: 0, unreadable: 0 },
  };
  await dropGone(work, named);
  for (const point of await missing(work, named)) {
    if (!(await indexPoint(work, point))) return { ...work.done, done: false };
    await dropGone(work, named);
  }
  if (check !== undefined) await catalog.clearCheck(shelfId, check.since);
  return work.done;
}

interface Work {
  source: ShelfSource;
  catalog: ShelfCatalog;
  shelfId: string;
  options: IndexOptions;
  done: Indexed;
}

/** What is written can go on only with newer points, and from a base that somebody still has. */
export function mustBeginAnew(
  shelf: Shelf,
  points: readonly ShelfPoint[],
  named: readonly NamedPoint[],
): boolean {
  if (shelf.indexedSeq === 0) return false;
  const base = points.find(({ seq }) => seq === shelf.indexedSeq);
  if (base === undefined) return true;
  const indexed = new Set(points.filter(({ seq }) => seq !== undefined).map(({ pointId }) => pointId));
  const news = named.filter(({ pointId }) => !indexed.has(pointId));
  const isThere = named.some(({ pointId }) => pointId === base.pointId);
  return news.some(({ time }) => time <= base.time) || (!isThere && news.length === 0);
}

async function missing({ catalog, shelfId }: Work, named: readonly NamedPoint[]): Promise<NamedPoint[]> {
  const points = await catalog.points(shelfId);
  const indexed = new Set(points.filter(({ seq }) => seq !== undefined).map(({ pointId }) => pointId));
  return named.filter(({ pointId }) => !indexed.has(pointId));
}

/** Points that the repository has no more; the newest one is the base of the next and stays until that is there. */
async function dropGone({ catalog, shelfId }: Work, named: readonly NamedPoint[]): Promise<void> {
  const there = new Set(named.map(({ pointId }) => pointId));
  const indexedSeq = (await catalog.shelf(shelfId))?.indexedSeq;
  for (const { pointId, seq } of await catalog.points(shelfId)) {
    if (!there.has(pointId) && (seq === undefined || seq !== indexedSeq))
      await catalog.dropPoint(shelfId, pointId);
  }
}

/** False when it was told to stop in between. */
async function indexPoint(work: Work, point: NamedPoint): Promise<boolean> {
  const { source, catalog, shelfId, options } = work;
  const { root } = await source.describe(point.pointName);
  const base = (await catalog.shelf(shelfId))?.indexedRoot;
  try {
    await catalog.beginPoint(shelfId, { ...point, root });
    if (!(await writeChanges(work, base, root))) return false;
  } catch (error) {
    // The base was collected after its point had expired: the shelf is made from what is left.
    if (base === undefined || !isMissingTree(error)) throw error;
    await catalog.clearShelf(shelfId);
    const first = (await missing(work, await source.points()))[0];
    if (first === undefined) return true;
    const whole = await source.describe(first.pointName);
    await catalog.beginPoint(shelfId, { ...first, root: whole.root });
    if (!(await writeChanges(work, undefined, whole.root))) return false;
    await catalog.commitPoint(shelfId);
    work.done.points++;
    return first.pointId === point.pointId || indexPoint(work, point);
  }
  await catalog.commitPoint(shelfId);
  work.done.points++;
  options.onProgress?.(work.done);
  return true;
}

const isMissingTree = (error: unknown): boolean => {
  const code = (error as { code?: unknown } | null)?.code;
  return (
    code === 'blob-not-found' ||
    (typeof code === 'string' && code.startsWith('damaged-')) ||
    code === 'object-missing'
  );
};

/** Items of a batch: their contents are some MB at most, and the database holds its lock for some 100 ms. */
const batchItems = 200;
const batchText = 4 * 1024 * 1024;

async function writeChanges(work: Work, from: string | undefined, to: string): Promise<boolean> {
  const { source, catalog, shelfId, options } = work;
  let batch = emptyBatch();
  let waiting: { folderId: string; item: PointItem }[] = [];

  async function flush(): Promise<void> {
    const placed = waiting;
    waiting = [];
    const known = await catalog.knownObjects(
      shelfId,
      placed.map(({ item }) => item.objectId),
    );
    const unknown = new Map(placed.map(({ item }) => [item.objectId, item]));
    let text = 0;
    for (const item of unknown.values()) {
      if (known.has(item.objectId)) continue;
      await options.pace?.();
      const document = await readDocument(work, item);
      batch.documents.push(document);
      text += document.body.length;
      if (text < batchText) continue;
      // Documents alone are nothing yet: the items are placed when all of them are there.
      await catalog.write(shelfId, { ...emptyBatch(), documents: batch.documents });
      batch.documents = [];
      text = 0;
    }
    batch.placed = placed.map(({ folderId, item }): ItemPlacement => {
      const { key, objectId, state } = item;
      return { folderId, key, objectId, state };
    });
    await catalog.write(shelfId, batch);
    work.done.items += placed.length;
    options.onProgress?.(work.done);
    batch = emptyBatch();
  }

  for await (const change of source.changes(from, to)) {
    if (change.kind === 'folder-placed') batch.foldersPlaced.push(change.folder);
    else if (change.kind === 'folder-removed') batch.foldersRemoved.push(change.folderId);
    else if (change.kind === 'item-removed')
      batch.removed.push({ folderId: change.folderId, key: change.key });
    else waiting.push(change);
    if (waiting.length + batch.removed.length < batchItems) continue;
    await flush();
    if (options.signal.aborted) return false;
  }
  await flush();
  return true;
}

const emptyBatch = (): ShelfBatch => ({
  documents: [],
  placed: [],
  removed: [],
  foldersPlaced: [],
  foldersRemoved: [],
});

/** An item that cannot be read is found by what the tree says of it. */
async function readDocument(work: Work, item: PointItem): Promise<ReturnType<typeof bareDocument>> {
  try {
    return await itemDocument(item, await work.source.read(item.objectId));
  } catch (error) {
    const code = (error as { code?: unknown } | null)?.code;
    if (
      typeof code !== 'string' ||
      !(code.startsWith('damaged-') || code === 'blob-not-found' || code === 'object-missing')
    )
      throw error;
    work.done.unreadable++;
    return bareDocument(item);
  }
}
