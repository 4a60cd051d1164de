import { HoldfastError } from '@holdfast/contracts';
import { pointOfTime } from './pointOfTime.ts';
import type { Behind, Catalog, Shelf, ShelfFacts } from './ports.ts';
import { createReading } from './readCatalog.ts';
import { searchCatalog } from './searchCatalog.ts';
import { type CatalogTables, open } from './tables.ts';

/** Name of the shelf of a mailbox in a repository. */
export const shelfIdOf = (repositoryId: string, mailboxKey: string): string =>
  `${repositoryId}.${mailboxKey}`;

/** The catalog over a database: what its rows mean. */
export function createCatalog(tables: CatalogTables): Catalog {
  const reading = createReading(tables);
  return {
    kind: tables.kind,
    ...writing(tables),
    ...backlog(tables),
    search: (query) => searchCatalog(tables, reading, query),
    foldersEver: reading.foldersEver,
    itemsEver: reading.itemsEver,
    history: reading.history,
    behind: (scope) => behindOf(tables, scope),
    async status(scope, after, limit) {
      const shelves = await tables.shelves(scope, after, limit + 1);
      const items = await Promise.all(shelves.slice(0, limit).map((shelf) => statusOf(tables, shelf)));
      const last = items.at(-1);
      return shelves.length > limit && last !== undefined ? { items, next: last.shelf.id } : { items };
    },
    ping: () => tables.ping(),
    close: () => tables.close(),
  };
}

type Writing = Pick<
  Catalog,
  | 'openShelf'
  | 'beginPoint'
  | 'knownObjects'
  | 'write'
  | 'commitPoint'
  | 'dropPoint'
  | 'clearShelf'
  | 'removeShelf'
  | 'setTrouble'
>;

function writing(tables: CatalogTables): Writing {
  async function shelfOf(shelfId: string): Promise<Shelf> {
    const shelf = await tables.shelf(shelfId);
    if (shelf === undefined)
      throw new HoldfastError('no-shelf', 'ours', `the catalog has no shelf ${shelfId}`);
    return shelf;
  }

  async function begun(shelfId: string): Promise<{ shelf: Shelf; building: NonNullable<Shelf['building']> }> {
    const shelf = await shelfOf(shelfId);
    if (shelf.building === undefined) {
      throw new HoldfastError('no-point-begun', 'ours', `no restore point was begun on the shelf ${shelfId}`);
    }
    return { shelf, building: shelf.building };
  }

  return {
    async openShelf(facts) {
      const shelf = await tables.openShelf(facts);
      const { organizationId, mailboxId, address } = facts;
      const change = { organizationId, mailboxId, address };
      if (
        shelf.organizationId === organizationId &&
        shelf.mailboxId === mailboxId &&
        shelf.address === address
      )
        return shelf;
      // Documents are found by their organization: they are made anew under the other one.
      if (shelf.organizationId !== organizationId) await tables.clearShelf(shelf);
      await tables.changeShelf(shelf.id, change);
      return shelfOf(shelf.id);
    },
    async beginPoint(shelfId, { pointId, pointName, time, root }) {
      const shelf = await shelfOf(shelfId);
      const { building } = shelf;
      if (building?.pointId === pointId && building.root === root) return;
      if (building !== undefined) await tables.takeBack(shelf, building.seq);
      const points = await tables.points(shelfId);
      const seq =
        Math.max(shelf.indexedSeq, building?.seq ?? 0, ...points.map((point) => point.seq ?? 0)) + 1;
      await tables.insertPoint({ shelfId, pointId, pointName, time, state: 'expected', since: time });
      await tables.changeShelf(shelfId, { building: { seq, pointId, root } });
    },
    async knownObjects(shelfId, objectIds) {
      return tables.knownObjects(await shelfOf(shelfId), objectIds);
    },
    async write(shelfId, batch) {
      const { shelf, building } = await begun(shelfId);
      await tables.write(shelf, building.seq, batch);
    },
    async commitPoint(shelfId) {
      const { building } = await begun(shelfId);
      // The point first: a point without its rows is hidden by `indexedSeq`, and the next try comes by here again.
      await tables.changePoint(shelfId, building.pointId, { state: 'indexed', seq: building.seq });
      await tables.changeShelf(shelfId, {
        indexedSeq: building.seq,
        indexedRoot: building.root,
        building: null,
        trouble: null,
      });
    },
    dropPoint: (shelfId, pointId) => shelfOf(shelfId).then((shelf) => dropPoint(tables, shelf, pointId)),
    async clearShelf(shelfId) {
      const shelf = await tables.shelf(shelfId);
      if (shelf !== undefined) await tables.clearShelf(shelf);
    },
    async removeShelf(shelfId) {
      const shelf = await tables.shelf(shelfId);
      if (shelf !== undefined) await tables.removeShelf(shelf);
    },
    setTrouble: (shelfId, trouble) => tables.changeShelf(shelfId, { trouble: trouble ?? null }),
  };
}

async function dropPoint(tables: CatalogTables, shelf: Shelf, pointId: string): Promise<void> {
  const points = await tables.points(shelf.id);
  const point = points.find((one) => one.pointId === pointId);
  if (point === undefined) return;
  if (point.seq !== undefined) {
    const others = points.flatMap(({ seq, pointId: id }) =>
      seq === undefined || id === pointId ? [] : [seq],
    );
    const { seq } = point;
    if (seq === shelf.indexedSeq) {
      throw new HoldfastError('newest-point', 'ours', 'the newest point of a shelf is its base and stays');
    }
    const previous = Math.max(0, ...others.filter((other) => other < seq));
    const next = Math.min(open, ...others.filter((other) => other > seq));
    // Out of sight first; the rows are then taken away as often as needed.
    await tables.changePoint(shelf.id, pointId, { state: 'leaving' });
    await tables.collapse(shelf, previous, next);
  }
  await tables.deletePoint(shelf.id, pointId);
}

type Backlog = Pick<
  Catalog,
  | 'expectPoint'
  | 'expectDeparture'
  | 'expectCheck'
  | 'clearCheck'
  | 'waiting'
  | 'shelf'
  | 'shelves'
  | 'points'
>;

function backlog(tables: CatalogTables): Backlog {
  return {
    async expectPoint(facts: ShelfFacts, point) {
      const { id } = await tables.openShelf(facts);
      await tables.insertPoint({ ...point, shelfId: id, state: 'expected' });
    },
    async expectDeparture(repositoryId, mailboxKey, pointId) {
      const shelfId = shelfIdOf(repositoryId, mailboxKey);
      await tables.changePoint(shelfId, pointId, { state: 'leaving' });
    },
    async expectCheck(facts, check) {
      const { id, check: known } = await tables.openShelf(facts);
      if (known !== undefined && (known.rebuild || !check.rebuild)) return;
      await tables.changeShelf(id, { check });
    },
    clearCheck: (shelfId, since) => tables.clearCheck(shelfId, since),
    async waiting(limit) {
      const shelves = await Promise.all((await tables.waiting(limit)).map((id) => tables.shelf(id)));
      return shelves.filter((shelf) => shelf !== undefined);
    },
    shelf: (shelfId) => tables.shelf(shelfId),
    shelves: (filter, after, limit) => tables.shelves(filter, after, limit),
    points: (shelfId) => tables.points(shelfId),
  };
}

async function behindOf(tables: CatalogTables, scope: Parameters<Catalog['behind']>[0]): Promise<Behind> {
  const { points, since } = await tables.backlog(scope);
  return since === undefined ? { points } : { points, since: new Date(since).toISOString() };
}

async function statusOf(
  tables: CatalogTables,
  shelf: Shelf,
): Promise<Awaited<ReturnType<Catalog['status']>>['items'][number]> {
  const points = await tables.points(shelf.id);
  const indexed = points.filter(({ state }) => state === 'indexed');
  const expected = points.filter(({ state }) => state === 'expected');
  const since = Math.min(
    ...expected.map((point) => point.since),
    shelf.check?.since ?? Number.POSITIVE_INFINITY,
  );
  const newest = indexed.at(-1);
  return {
    shelf,
    indexedPoints: indexed.length,
    behind: {
      points: expected.length,
      ...(Number.isFinite(since) ? { since: new Date(since).toISOString() } : {}),
    },
    ...(newest === undefined ? {} : { newest: pointOfTime(newest) }),
  };
}
