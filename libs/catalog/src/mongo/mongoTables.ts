import { MongoClient, MongoError } from 'mongodb';
import { createCatalog } from '../catalog.ts';
import { CatalogUnavailable, CatalogUnreachable } from '../errors.ts';
import type { Catalog, Shelf, ShelfFilter, ShelfPoint } from '../ports.ts';
import type { CatalogTables } from '../tables.ts';
import { type CatalogCollections, openCollections, type ShelfDocument } from './mongoCollections.ts';
import { readTables } from './mongoReads.ts';
import { writeTables } from './mongoWrites.ts';

const defaultDatabase = 'holdfast';
const serverPatienceMs = 10_000;

/** The catalog in collections `catalog-…` of a MongoDB database. @throws CatalogUnreachable, CatalogUnavailable */
export async function openMongoCatalog(url: string): Promise<Catalog> {
  let client: MongoClient;
  try {
    client = new MongoClient(url, {
      appName: 'holdfast-catalog',
      ignoreUndefined: true,
      ...(url.toLowerCase().includes('serverselectiontimeoutms=')
        ? {}
        : { serverSelectionTimeoutMS: serverPatienceMs }),
    });
  } catch (error) {
    throw new CatalogUnreachable('in MongoDB', error);
  }
  // The driver falls back to `test`, which would mix with other programs' data.
  const named = client.options.dbName !== 'test' || /\/test(\?|$)/.test(url);
  const db = client.db(named ? client.options.dbName : defaultDatabase);
  try {
    const collections = await openCollections(db);
    const tables: CatalogTables = {
      kind: 'mongo',
      ...shelfTables(collections),
      ...pointTables(collections),
      ...writeTables(collections),
      ...readTables(collections),
      ping: async () => void (await db.command({ ping: 1 })),
      close: () => client.close(),
    };
    return createCatalog(guarded(tables));
  } catch (error) {
    await client.close();
    throw ours(error);
  }
}

/** The driver's errors as ours; its texts may have the password in them. */
const ours = (error: unknown): unknown =>
  error instanceof MongoError
    ? new CatalogUnavailable(`MongoDB did not carry out a call (${error.name})`, error)
    : error;

function guarded(tables: CatalogTables): CatalogTables {
  const wrapped = Object.entries(tables).map(([name, value]) => {
    if (typeof value !== 'function') return [name, value];
    const call = value as (...args: unknown[]) => Promise<unknown>;
    return [
      name,
      (...args: unknown[]) =>
        call(...args).catch((error: unknown) => {
          throw ours(error);
        }),
    ];
  });
  return Object.fromEntries(wrapped) as CatalogTables;
}

const shelfOf = ({ _id, ...rest }: ShelfDocument): Shelf => ({ id: _id, ...rest });

/** Keys of a shelf document that meet the filter. */
const filterOf = ({ organizationIds, mailboxIds, repositoryIds }: ShelfFilter) => ({
  ...(organizationIds === undefined ? {} : { organizationId: { $in: [...organizationIds] } }),
  ...(mailboxIds === undefined ? {} : { mailboxId: { $in: [...mailboxIds] } }),
  ...(repositoryIds === undefined ? {} : { repositoryId: { $in: [...repositoryIds] } }),
});

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

function shelfTables(collections: CatalogCollections): ShelfTables {
  const { shelves, numbers, points } = collections;

  async function nextNumber(): Promise<number> {
    const counter = await numbers.findOneAndUpdate(
      { _id: 'shelf' },
      { $inc: { value: 1 } },
      { upsert: true, returnDocument: 'after' },
    );
    return counter?.value ?? 1;
  }

  async function clear(shelf: Shelf): Promise<void> {
    const mine = { shelf: shelf.number };
    await collections.spans.deleteMany(mine);
    await collections.documents.deleteMany(mine);
    await collections.folders.deleteMany(mine);
  }

  const byId = async (id: string): Promise<Shelf | undefined> => {
    const found = await shelves.findOne({ _id: id });
    return found === null ? undefined : shelfOf(found);
  };

  return {
    async openShelf(facts) {
      const id = `${facts.repositoryId}.${facts.mailboxKey}`;
      const known = await byId(id);
      if (known !== undefined) return known;
      const { repositoryId, mailboxKey, organizationId, mailboxId, address } = facts;
      const made = { repositoryId, mailboxKey, organizationId, mailboxId, address, indexedSeq: 0 };
      try {
        await shelves.insertOne({ _id: id, number: await nextNumber(), ...made });
      } catch (error) {
        // Another process made it; or it took our number, and the caller tries again.
        if ((await byId(id)) === undefined) throw error;
      }
      return (await byId(id)) as Shelf;
    },
    shelf: byId,
    shelvesByNumber: async (list) =>
      (await shelves.find({ number: { $in: [...list] } }).toArray()).map(shelfOf),
    shelves: async (filter, after, limit) =>
      (
        await shelves
          .find({ ...filterOf(filter), ...(after === undefined ? {} : { _id: { $gt: after } }) })
          .sort({ _id: 1 })
          .limit(limit)
          .toArray()
      ).map(shelfOf),
    async changeShelf(id, change) {
      const given = Object.entries(change).filter(([, value]) => value !== undefined);
      const set = given.filter(([, value]) => value !== null);
      const unset = given.filter(([, value]) => value === null).map(([name]): [string, true] => [name, true]);
      if (given.length === 0) return;
      await shelves.updateOne(
        { _id: id },
        {
          ...(set.length === 0 ? {} : { $set: Object.fromEntries(set) }),
          ...(unset.length === 0 ? {} : { $unset: Object.fromEntries(unset) }),
        },
      );
    },
    async clearCheck(id, since) {
      await shelves.updateOne({ _id: id, 'check.since': since }, { $unset: { check: true } });
    },
    async waiting(limit) {
      const oldest = new Map<string, number>();
      const note = (id: string, since: number) => {
        if (since < (oldest.get(id) ?? Number.POSITIVE_INFINITY)) oldest.set(id, since);
      };
      const state = { state: { $in: ['expected' as const, 'leaving' as const] } };
      for await (const { shelfId, since } of points.find(state).sort({ since: 1 })) {
        note(shelfId, since);
        if (oldest.size > limit) break;
      }
      for await (const { _id, check } of shelves.find({ check: { $exists: true } })) {
        if (check !== undefined) note(_id, check.since);
      }
      return [...oldest]
        .sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
        .slice(0, limit)
        .map(([id]) => id);
    },
    async clearShelf(shelf) {
      await shelves.updateOne({ _id: shelf.id }, { $set: { indexedSeq: 0 } });
      await points.deleteMany({ shelfId: shelf.id, state: { $in: ['indexed', 'leaving'] } });
      await clear(shelf);
      const gone = { indexedRoot: true, building: true, trouble: true } as const;
      await shelves.updateOne({ _id: shelf.id }, { $unset: gone });
    },
    async removeShelf(shelf) {
      await points.deleteMany({ shelfId: shelf.id });
      await clear(shelf);
      await shelves.deleteOne({ _id: shelf.id });
    },
  };
}

function pointTables({
  points,
  shelves,
}: CatalogCollections): Pick<
  CatalogTables,
  'points' | 'insertPoint' | 'changePoint' | 'deletePoint' | 'backlog'
> {
  const nameOf = (shelfId: string, pointId: string) => `${shelfId}/${pointId}`;
  return {
    points: async (shelfId) =>
      (await points.find({ shelfId }).sort({ time: 1, pointId: 1 }).toArray()).map(
        ({ _id, ...point }): ShelfPoint => point,
      ),
    async insertPoint(point) {
      const _id = nameOf(point.shelfId, point.pointId);
      if ((await points.findOne({ _id })) !== null) return false;
      try {
        await points.insertOne({ _id, ...point });
        return true;
      } catch (error) {
        if ((await points.findOne({ _id })) === null) throw error;
        return false;
      }
    },
    async changePoint(shelfId, pointId, change) {
      await points.updateOne({ _id: nameOf(shelfId, pointId) }, { $set: change });
    },
    async deletePoint(shelfId, pointId) {
      await points.deleteOne({ _id: nameOf(shelfId, pointId) });
    },
    async backlog(filter) {
      const all = Object.keys(filter).length === 0;
      let count = 0;
      let since: number | undefined;
      const known = new Map<string, boolean>();
      for await (const point of points.find({ state: 'expected' })) {
        const admitted =
          all ||
          (known.get(point.shelfId) ??
            (await shelves.findOne({ _id: point.shelfId, ...filterOf(filter) })) !== null);
        known.set(point.shelfId, admitted);
        if (!admitted) continue;
        count++;
        since = Math.min(since ?? point.since, point.since);
      }
      return { points: count, since };
    },
  };
}
