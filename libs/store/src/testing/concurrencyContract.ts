import { HoldfastError } from '@holdfast/contracts';
import { AlreadyExists, VersionConflict } from '../errors.ts';
import { insertIfAbsent } from '../insertIfAbsent.ts';
import { modify, upsert } from '../modify.ts';
import type { Collection } from '../ports.ts';
import { jestGlobals } from './jestGlobals.ts';
import { type StoreFixture, type Thing, thing, things } from './things.ts';
import { withThings } from './withStore.ts';

type Holds = (title: string, body: Parameters<typeof withThings>[1]) => void;

/** Two connections on the same data, as two services have them. */
async function both(collection: Collection<Thing>, fixture: StoreFixture): Promise<Collection<Thing>[]> {
  return [collection, (await fixture.again()).collection(things)];
}

/** Of `count` calls at once, spread over the connections, how many succeeded; the others failed as `loses` says. */
async function race(
  connections: readonly Collection<Thing>[],
  count: number,
  call: (collection: Collection<Thing>, i: number) => Promise<unknown>,
  loses: new (...args: never[]) => Error,
): Promise<number> {
  const settled = await Promise.allSettled(
    Array.from({ length: count }, (_, i) =>
      call(connections[i % connections.length] as Collection<Thing>, i),
    ),
  );
  for (const one of settled)
    if (one.status === 'rejected' && !(one.reason instanceof loses)) throw one.reason;
  return settled.filter((one) => one.status === 'fulfilled').length;
}

/** Many at once: compare-and-set has one winner, and no change is lost. */
export function concurrencyContract(open: () => Promise<StoreFixture>): void {
  const { describe, test } = jestGlobals();
  const holds: Holds = (title, body) => test(title, withThings(open, body));
  describe('many at once', () => races(holds));
  describe('modify', () => modifications(holds));
}

function races(holds: Holds): void {
  const { expect } = jestGlobals();

  holds('insert one id: one wins', async (collection, fixture) => {
    const connections = await both(collection, fixture);
    const winners = await race(
      connections,
      16,
      (c, i) => c.insert(thing('a', { name: `n${i}` })),
      AlreadyExists,
    );
    expect(winners).toBe(1);
    expect(await collection.count()).toBe(1);
  });

  holds('take one unique value: one wins', async (collection, fixture) => {
    const connections = await both(collection, fixture);
    const winners = await race(
      connections,
      16,
      (c, i) => c.insert(thing(`t${i}`, { name: 'x' })),
      AlreadyExists,
    );
    expect(winners).toBe(1);
    expect(await collection.count()).toBe(1);
  });

  holds(
    'replace one version: one wins, and its document is the one that is there',
    async (collection, fixture) => {
      await collection.insert(thing('a', { size: -1 }));
      const connections = await both(collection, fixture);
      const won: number[] = [];
      const replace = async (c: Collection<Thing>, i: number) => {
        await c.replace(thing('a', { size: i }), 1);
        won.push(i);
      };
      expect(await race(connections, 16, replace, VersionConflict)).toBe(1);
      expect(await collection.get('a')).toMatchObject({ version: 2, doc: { size: won[0] } });
    },
  );

  holds('delete one document: one of them did it', async (collection, fixture) => {
    await collection.insert(thing('a'));
    const connections = await both(collection, fixture);
    const results = await Promise.all(
      connections.flatMap((c) => [c.delete('a'), c.delete('a'), c.delete('a')]),
    );
    expect(results.filter(Boolean)).toHaveLength(1);
  });

  holds('insert if absent: exactly one did it', async (collection, fixture) => {
    const connections = await both(collection, fixture);
    const doc = thing('a');
    const results = await Promise.all(
      connections.flatMap((c) => [insertIfAbsent(c, doc), insertIfAbsent(c, doc)]),
    );
    expect(results.filter(Boolean)).toHaveLength(1);
  });

  holds('write documents of their own: a refused one leaves its neighbours alone', async (collection) => {
    await collection.insert(thing('t7'));
    const inserts = Array.from({ length: 100 }, (_, i) => collection.insert(thing(`t${i}`)));
    const settled = await Promise.allSettled(inserts);
    const refused = settled.flatMap((one, i) => (one.status === 'rejected' ? [i] : []));
    expect(refused).toEqual([7]);
    expect(await collection.count()).toBe(100);
  });
}

function modifications(holds: Holds): void {
  const { expect } = jestGlobals();

  holds('loses no update, however many compete', async (collection, fixture) => {
    await collection.insert(thing('a', { size: 0 }));
    const connections = await both(collection, fixture);
    const increments = Array.from({ length: 24 }, (_, i) =>
      modify(connections[i % 2] as Collection<Thing>, 'a', (doc) => ({ ...doc, size: (doc.size ?? 0) + 1 })),
    );
    const versions = (await Promise.all(increments)).map((stored) => stored?.version);
    expect(new Set(versions).size).toBe(24);
    expect(await collection.get('a')).toMatchObject({ version: 25, doc: { size: 24 } });
  });

  holds('says undefined when it changed nothing', async (collection) => {
    expect(await modify(collection, 'a', (doc) => doc)).toBeUndefined();
    await collection.insert(thing('a', { size: 1 }));
    expect(await modify(collection, 'a', () => undefined)).toBeUndefined();
    expect(await collection.get('a')).toMatchObject({ version: 1 });
    const changed = await modify(collection, 'a', (doc) => ({ ...doc, size: 2 }));
    expect(changed).toMatchObject({ version: 2, doc: { size: 2 } });
  });

  holds('decides anew on what the winner wrote', async (collection) => {
    await collection.insert(thing('a', { size: 0 }));
    const claim = () => modify(collection, 'a', (doc) => (doc.done ? undefined : { ...doc, done: true }));
    const claims = await Promise.all([claim(), claim(), claim(), claim()]);
    expect(claims.filter((one) => one !== undefined)).toHaveLength(1);
  });

  holds('cannot change the id, and passes an error of the change on', async (collection) => {
    await collection.insert(thing('a'));
    await expect(modify(collection, 'a', () => thing('b'))).rejects.toBeInstanceOf(HoldfastError);
    const failing = modify(collection, 'a', () => {
      throw new RangeError('the change failed');
    });
    await expect(failing).rejects.toBeInstanceOf(RangeError);
    expect(await collection.get('a')).toMatchObject({ version: 1 });
  });

  holds('as upsert inserts once and counts all', async (collection, fixture) => {
    const connections = await both(collection, fixture);
    const add = (c: Collection<Thing>) =>
      upsert(c, 'a', (doc) =>
        doc === undefined ? thing('a', { size: 1 }) : { ...doc, size: (doc.size ?? 0) + 1 },
      );
    await Promise.all(Array.from({ length: 12 }, (_, i) => add(connections[i % 2] as Collection<Thing>)));
    expect((await collection.get('a'))?.doc.size).toBe(12);
    expect(await upsert(collection, 'a', () => undefined)).toBeUndefined();
    expect(await upsert(collection, 'b', () => undefined)).toBeUndefined();
    expect(await collection.count()).toBe(1);
  });
}
