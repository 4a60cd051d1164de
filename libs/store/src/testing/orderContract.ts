import { AlreadyExists, InvalidDocument, StoreUnavailable, VersionConflict } from '../errors.ts';
import type { Collection, OrderedWrite } from '../ports.ts';
import { jestGlobals } from './jestGlobals.ts';
import { type StoreFixture, type Thing, thing, things } from './things.ts';
import { withThings } from './withStore.ts';

const insert = (into: Collection<Thing>, id: string, more: Partial<Thing> = {}): OrderedWrite<Thing> => ({
  into,
  insert: thing(id, more),
});

/** Several writes in one call: in their order, up to the first that is refused. */
export function orderContract(open: () => Promise<StoreFixture>): void {
  const { describe, test, expect } = jestGlobals();
  const holds = (title: string, body: Parameters<typeof withThings>[1]) =>
    test(title, withThings(open, body));

  describe('writes in order', () => {
    holds('are all done, over several collections, and told in order', async (collection, { store }) => {
      const others = store.collection<Thing>({ ...things, name: 'other-things' });
      await collection.insert(thing('a'));
      const written = await store.writeInOrder([
        { into: collection, replace: thing('a', { size: 1 }), expectedVersion: 1 },
        insert(others, 'a'),
        { into: collection, replace: thing('a', { size: 2 }), expectedVersion: 2 },
      ]);
      expect(written.map((one) => one?.version)).toEqual([2, 1, 3]);
      expect(written[1]?.doc).toEqual({ ...thing('a'), kind: 'plain' });
      expect(await collection.get('a')).toEqual(written[2]);
      expect(await others.count()).toBe(1);
      expect(await store.writeInOrder([])).toEqual([]);
    });

    holds('stop at a version that is not current: those before stay', async (collection, { store }) => {
      await collection.insert(thing('a'));
      const stale = { into: collection, replace: thing('a', { size: 9 }), expectedVersion: 7 };
      const writing = store.writeInOrder([insert(collection, 'b'), stale, insert(collection, 'c')]);
      await expect(writing).rejects.toBeInstanceOf(VersionConflict);
      await expect(writing).rejects.toMatchObject({ details: { collection: 'things', id: 'a' } });
      expect((await collection.find({})).items.map(({ doc }) => doc.id)).toEqual(['a', 'b']);
      expect(await collection.get('a')).toMatchObject({ version: 1 });
    });

    holds('stop at a taken id or a taken unique value', async (collection, { store }) => {
      await collection.insert(thing('a'));
      for (const refused of [insert(collection, 'a'), insert(collection, 'z', { name: 'a' })]) {
        const id = `before-${'insert' in refused ? refused.insert.id : ''}`;
        const writing = store.writeInOrder([insert(collection, id), refused, insert(collection, 'after')]);
        await expect(writing).rejects.toBeInstanceOf(AlreadyExists);
        await expect(writing).rejects.toMatchObject({ details: { collection: 'things' } });
        expect(await collection.get(id)).toMatchObject({ version: 1 });
        expect(await collection.get('after')).toBeUndefined();
      }
    });

    holds('go on past one that is there already where that is allowed', async (collection, { store }) => {
      await collection.insert(thing('a', { size: 1 }));
      const again: OrderedWrite<Thing> = {
        into: collection,
        insert: thing('a', { size: 2 }),
        ifAbsent: true,
      };
      const fresh: OrderedWrite<Thing> = { into: collection, insert: thing('b'), ifAbsent: true };
      const written = await store.writeInOrder([again, fresh, insert(collection, 'c')]);
      expect(written.map((one) => one?.doc.id)).toEqual([undefined, 'b', 'c']);
      expect(await collection.get('a')).toMatchObject({ version: 1, doc: { size: 1 } });
      const taken: OrderedWrite<Thing> = {
        into: collection,
        insert: thing('d', { name: 'a' }),
        ifAbsent: true,
      };
      await expect(store.writeInOrder([taken])).rejects.toBeInstanceOf(AlreadyExists);
    });

    holds('leave their neighbours alone when they are refused', async (collection, { store }) => {
      await collection.insert(thing('t3'));
      const settled = await Promise.allSettled(
        Array.from({ length: 8 }, (_, i) =>
          store.writeInOrder([insert(collection, `t${i}`), insert(collection, `u${i}`)]),
        ),
      );
      expect(settled.flatMap(({ status }, i) => (status === 'rejected' ? [i] : []))).toEqual([3]);
      expect(await collection.count()).toBe(15);
    });

    holds('never come out of order, whoever else writes', async (collection, fixture) => {
      const other = await fixture.again();
      const stores = [fixture.store, other];
      await collection.insert(thing('head', { size: 0 }));
      // Of all that expect version 1, one passes, and only its second write may follow.
      const settled = await Promise.allSettled(
        Array.from({ length: 10 }, (_, i) => {
          const store = stores[i % 2] as typeof other;
          const into = store.collection(things);
          const head = { into, replace: thing('head', { size: i }), expectedVersion: 1 };
          return store.writeInOrder([head, insert(into, `result-${i}`)]);
        }),
      );
      const winners = settled.flatMap(({ status }, i) => (status === 'fulfilled' ? [i] : []));
      expect(winners).toHaveLength(1);
      expect(await collection.get('head')).toMatchObject({ version: 2, doc: { size: winners[0] } });
      const results = await collection.find({ where: { id: { prefix: 'result-' } } });
      expect(results.items.map(({ doc }) => doc.id)).toEqual([`result-${winners[0]}`]);
    });

    holds('are refused when a document is none, and by a closed store', async (collection, { store }) => {
      const wrong = { into: collection, insert: { id: 'x' } as Thing };
      await expect(store.writeInOrder([wrong])).rejects.toBeInstanceOf(InvalidDocument);
      await store.close();
      await expect(store.writeInOrder([insert(collection, 'a')])).rejects.toBeInstanceOf(StoreUnavailable);
    });
  });
}
