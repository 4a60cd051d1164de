import {
  door,
  eachBroker,
  eventually,
  type OpenBroker,
  outlastTimes,
  parseNumbered,
} from './contractFixture.ts';
import { jestGlobals } from './jestGlobals.ts';

const slotsOf = (owner: string, want: number, lane: 'normal' | 'reserved' = 'normal') => ({
  owner,
  lane,
  want,
  capacity: 4,
  reserved: 1,
});

/** What every broker must do with leases and slots. */
function leaseContract(open: OpenBroker): void {
  const { describe, expect, test } = jestGlobals();

  describe('leases', () => {
    const { connect } = eachBroker(open);

    test('of many who ask at once exactly one gets it, and after its release the next', async () => {
      const all = await Promise.all(['a', 'b', 'c'].map((name) => connect(name)));
      const asked = await Promise.all(
        all.map((messaging, n) => messaging.acquireLease('graph:tenant:box', `p${n}`)),
      );
      const held = asked.filter((lease) => lease !== undefined);
      expect(held).toHaveLength(1);
      expect(held[0]).toMatchObject({ key: 'graph:tenant:box' });
      await held[0]?.release();
      await held[0]?.release();
      const next = await all[2]?.acquireLease('graph:tenant:box', 'p2');
      expect(next?.owner).toBe('p2');
    });

    test('it is kept alive far beyond its TTL', async () => {
      const [one, two] = [await connect('one'), await connect('two')];
      const lease = await one.acquireLease('k', 'one');
      await outlastTimes();
      expect(lease?.lost.aborted).toBe(false);
      expect(await two.acquireLease('k', 'two')).toBeUndefined();
    });

    test('closing gives all leases back at once', async () => {
      const [one, two] = [await connect('one'), await connect('two')];
      await one.acquireLease('k', 'one');
      await one.close();
      expect(await two.acquireLease('k', 'two')).toBeDefined();
    });
  });

  describe('slots', () => {
    const { connect } = eachBroker(open);

    test('the normal lane leaves the reserved ones, the reserved lane may take all that is free', async () => {
      const messaging = await connect();
      const normal = await messaging.acquireSlots('app/box', slotsOf('sync', 4));
      expect(normal?.slots).toBe(3);
      expect(await messaging.acquireSlots('app/box', slotsOf('sync-2', 1))).toBeUndefined();
      const reserved = await messaging.acquireSlots('app/box', slotsOf('restore', 4, 'reserved'));
      expect(reserved?.slots).toBe(1);
      expect(await messaging.acquireSlots('app/box', slotsOf('restore-2', 1, 'reserved'))).toBeUndefined();
      expect((await messaging.acquireSlots('app/other', slotsOf('sync', 2)))?.slots).toBe(2);
      await normal?.release();
      expect((await messaging.acquireSlots('app/box', slotsOf('restore-2', 4, 'reserved')))?.slots).toBe(3);
    });

    test('eight contenders in four processes never hold more than the capacity together', async () => {
      const all = await Promise.all([1, 2, 3, 4].map((n) => connect(`p${n}`)));
      let held = 0;
      let most = 0;
      let turns = 0;
      const contend = async (n: number): Promise<void> => {
        const messaging = all[n % 4]!;
        while (turns < 40) {
          const lease = await messaging.acquireSlots('box', { ...slotsOf(`c${n}`, 2), reserved: 0 });
          if (lease === undefined) {
            await new Promise((resolve) => setTimeout(resolve, 3));
            continue;
          }
          held += lease.slots;
          most = Math.max(most, held);
          turns += 1;
          await new Promise((resolve) => setTimeout(resolve, 2));
          held -= lease.slots;
          await lease.release();
        }
      };
      await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(contend));
      expect(most).toBeLessThanOrEqual(4);
      expect(most).toBeGreaterThan(1);
    });

    test('they are kept alive beyond their TTL, and closing gives them back', async () => {
      const [one, two] = [await connect('one'), await connect('two')];
      const lease = await one.acquireSlots('box', { ...slotsOf('one', 4), reserved: 0 });
      await outlastTimes();
      expect(lease?.lost.aborted).toBe(false);
      expect(await two.acquireSlots('box', slotsOf('two', 1))).toBeUndefined();
      await one.close();
      expect((await two.acquireSlots('box', slotsOf('two', 1)))?.slots).toBe(1);
    });

    test('a pause is shared with all holders of the key, and with who comes later, but not with other keys', async () => {
      const [one, two] = [await connect('one'), await connect('two')];
      const mine = await one.acquireSlots('box', slotsOf('one', 1));
      const theirs = await two.acquireSlots('box', slotsOf('two', 1));
      const other = await two.acquireSlots('elsewhere', slotsOf('two', 1));
      expect(theirs?.fencedUntil).toBe(0);
      const until = Date.now() + 60_000;
      await mine?.fenceUntil(until);
      await mine?.fenceUntil(until - 30_000);
      expect(mine?.fencedUntil).toBe(until);
      await eventually('the other holder knows', () => theirs?.fencedUntil === until);
      expect((await two.acquireSlots('box', slotsOf('three', 1)))?.fencedUntil).toBe(until);
      expect(other?.fencedUntil).toBe(0);
    });
  });
}

/** What every broker must do with key-values. */
function keyValueContract(open: OpenBroker): void {
  const { describe, expect, test } = jestGlobals();
  const oddKeys = ['plain', 'run-1.mbx-2', 'a@b.example', 'graph:t/u', '.dots.', 'a..b', 'Größe=1 %'];

  describe('key-values', () => {
    const { connect } = eachBroker(open);
    const openNumbers = async (name?: string, ttlMs = 0) =>
      (await connect(name)).keyValue('numbers', { ttlMs, parse: parseNumbered });

    test('any key is written, read, listed and deleted', async () => {
      const numbers = await openNumbers();
      expect((await numbers.all()).size).toBe(0);
      for (const [n, key] of oddKeys.entries()) await numbers.put(key, { n });
      for (const [n, key] of oddKeys.entries()) expect(await numbers.get(key)).toEqual({ n });
      expect([...(await numbers.all()).keys()].sort()).toEqual([...oddKeys].sort());
      await numbers.delete('plain');
      await numbers.delete('never there');
      expect(await numbers.get('plain')).toBeUndefined();
      expect((await numbers.all()).size).toBe(oddKeys.length - 1);
    });

    test('a watcher sees what is there before it is returned, then each change of any process', async () => {
      const [mine, theirs] = [await openNumbers('one'), await openNumbers('two')];
      await mine.put('a', { n: 1 });
      const seen: [string, number | undefined][] = [];
      const watch = await theirs.watch((key, value) => seen.push([key, value?.n]));
      expect(seen).toEqual([['a', 1]]);
      await mine.put('b', { n: 2 });
      await mine.put('a', { n: 3 });
      await mine.delete('b');
      await eventually('three changes', () => seen.length === 4);
      await watch.stop();
      await mine.put('c', { n: 4 });
      expect(seen).toEqual([
        ['a', 1],
        ['b', 2],
        ['a', 3],
        ['b', undefined],
      ]);
    });

    test('an entry that nobody refreshes ends, and watchers are told', async () => {
      const numbers = await openNumbers('one', 700);
      const gone = door();
      await numbers.put('beat', { n: 1 });
      await numbers.watch((key, value) => {
        if (key === 'beat' && value === undefined) gone.open();
      });
      await gone.opened;
      expect(await numbers.get('beat')).toBeUndefined();
    });

    test('a value that another release wrote counts as absent', async () => {
      const messaging = await connect();
      const texts = await messaging.keyValue('numbers', { parse: (json) => json as string });
      await texts.put('a', 'not a number');
      const numbers = await openNumbers();
      expect(await numbers.get('a')).toBeUndefined();
      expect((await numbers.all()).size).toBe(0);
    });
  });
}

export function coordinationContract(open: OpenBroker): void {
  leaseContract(open);
  keyValueContract(open);
}
