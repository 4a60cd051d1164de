import type { HoldfastEvent } from '@holdfast/contracts';
import { currentTrace } from '../trace.ts';
import { eachBroker, eventually, type OpenBroker, proxyOnline } from './contractFixture.ts';
import { jestGlobals } from './jestGlobals.ts';

const keyOf = (event: HoldfastEvent) => (event as HoldfastEvent<'proxy.online'>).data.version;

/** What every broker must do with events. */
export function eventContract(open: OpenBroker): void {
  const { describe, expect, test } = jestGlobals();

  describe('events', () => {
    const { connect } = eachBroker(open);

    test('arrive in order, also those published before the consumer was there, and a repeat only once', async () => {
      const messaging = await connect();
      const seen: string[] = [];
      await messaging.publishEvent(proxyOnline('a'));
      await messaging.publishEvent(proxyOnline('a'));
      await messaging.consumeEvents({
        durable: 'notify',
        filters: ['events.>'],
        handle: async (event) => void seen.push(keyOf(event)),
      });
      await messaging.publishEvent(proxyOnline('b'));
      await messaging.publishEvent(proxyOnline('c'));
      await eventually('three events', () => seen.length === 3);
      expect(seen).toEqual(['a', 'b', 'c']);
    });

    test('processes with one durable name share the events, another name gets all of them', async () => {
      const [one, two] = [await connect('one'), await connect('two')];
      const shared: string[] = [];
      const all: string[] = [];
      const filters = ['events.proxy.>'];
      for (const messaging of [one, two]) {
        const handle = async (event: HoldfastEvent) => void shared.push(keyOf(event));
        await messaging.consumeEvents({ durable: 'shared', filters, handle });
      }
      await two.consumeEvents({
        durable: 'all',
        filters,
        handle: async (event) => void all.push(keyOf(event)),
      });
      for (let n = 0; n < 20; n += 1) await one.publishEvent(proxyOnline(`e${n}`));
      await eventually('all have arrived', () => shared.length >= 20 && all.length >= 20);
      expect(new Set(shared).size).toBe(20);
      expect(shared).toHaveLength(20);
      expect(all).toHaveLength(20);
    });

    test('a consumer that comes back goes on where it was', async () => {
      const messaging = await connect();
      const seen: string[] = [];
      const options = {
        durable: 'd',
        filters: ['events.>'],
        handle: async (event: HoldfastEvent) => void seen.push(keyOf(event)),
      };
      const first = await messaging.consumeEvents(options);
      await messaging.publishEvent(proxyOnline('a'));
      await eventually('the first', () => seen.length === 1);
      await first.stop();
      await messaging.publishEvent(proxyOnline('b'));
      await messaging.consumeEvents(options);
      await eventually('the second', () => seen.length === 2);
      expect(seen).toEqual(['a', 'b']);
    });

    test('filters choose, and `from: new` starts with the next event', async () => {
      const messaging = await connect();
      const seen: string[] = [];
      await messaging.publishEvent(proxyOnline('old'));
      await messaging.consumeEvents({
        durable: 'd',
        filters: ['events.run.>', 'events.proxy.online.>'],
        from: 'new',
        handle: async (event) => void seen.push(keyOf(event)),
      });
      await messaging.consumeEvents({
        durable: 'none',
        filters: ['events.mailbox.>'],
        handle: async (event) => void seen.push(`wrong ${keyOf(event)}`),
      });
      await messaging.publishEvent(proxyOnline('new'));
      await eventually('the new one', () => seen.length > 0);
      expect(seen).toEqual(['new']);
    });

    test('a failing handler gets the event again, and after the last delivery it is given up and reported', async () => {
      const messaging = await connect();
      const attempts: number[] = [];
      const dead: unknown[] = [];
      const others: string[] = [];
      await messaging.consumeEvents({
        durable: 'd',
        filters: ['events.>'],
        maxDeliver: 3,
        retryAfterMs: [20],
        handle: async (event, { attempt }) => {
          if (keyOf(event) !== 'bad') return void others.push(keyOf(event));
          attempts.push(attempt);
          throw new Error('cannot');
        },
        onDead: async (event, error) => void dead.push([keyOf(event as HoldfastEvent), error.message]),
      });
      await messaging.publishEvent(proxyOnline('bad'));
      await messaging.publishEvent(proxyOnline('good'));
      await eventually('given up', () => dead.length === 1);
      expect(attempts).toEqual([1, 2, 3]);
      expect(dead).toEqual([['bad', 'cannot']]);
      expect(others).toEqual(['good']);
      const kept = await messaging.keyValue('parked', { parse: (json) => json as { text: string } });
      expect([...(await kept.all()).values()]).toMatchObject([{ id: proxyOnline('bad').id }]);
    });

    test('an event of no known kind is reported and does not stop the others', async () => {
      const messaging = await connect();
      const dead: unknown[] = [];
      const seen: string[] = [];
      const strange = { ...proxyOnline('x'), id: 'evt-strange', name: 'proxy.exploded' };
      await messaging.publishEvent(strange as unknown as HoldfastEvent);
      await messaging.publishEvent(proxyOnline('after'));
      await messaging.consumeEvents({
        durable: 'd',
        filters: ['events.>'],
        handle: async (event) => void seen.push(keyOf(event)),
        onDead: async (event, error) => void dead.push([(event as HoldfastEvent).id, error.code]),
      });
      await eventually('both are settled', () => seen.length === 1 && dead.length === 1);
      expect(dead).toEqual([['evt-strange', 'unreadable-message']]);
    });

    test('a tail shows what comes from now on, each event once', async () => {
      const messaging = await connect();
      const seen: string[] = [];
      await messaging.publishEvent(proxyOnline('before'));
      const tail = await messaging.tailEvents('events.>', (event) => seen.push(keyOf(event)));
      await messaging.publishEvent(proxyOnline('a'));
      await messaging.publishEvent(proxyOnline('a'));
      await messaging.publishEvent(proxyOnline('b'));
      await eventually('two', () => seen.length >= 2);
      await tail.stop();
      await messaging.publishEvent(proxyOnline('c'));
      expect(seen).toEqual(['a', 'b']);
    });

    test('a tail lets pass what is not wanted when it comes', async () => {
      const messaging = await connect();
      const seen: string[] = [];
      let isWanted = false;
      const wanted = () => isWanted;
      await messaging.tailEvents('events.>', (event) => seen.push(keyOf(event)), { wanted });
      const witness: string[] = [];
      await messaging.tailEvents('events.>', (event) => witness.push(keyOf(event)));
      await messaging.publishEvent(proxyOnline('a'));
      await eventually('it has passed', () => witness.length === 1);
      isWanted = true;
      await messaging.publishEvent(proxyOnline('b'));
      await eventually('one', () => seen.length > 0);
      expect(seen).toEqual(['b']);
    });

    test('what a handler publishes belongs to the trace of what it handles', async () => {
      const messaging = await connect();
      const traces: (string | undefined)[] = [];
      await messaging.consumeEvents({
        durable: 'd',
        filters: ['events.>'],
        handle: async (event) => {
          traces.push(currentTrace());
          if (keyOf(event) === 'first') await messaging.publishEvent(proxyOnline('second'));
        },
      });
      await messaging.publishEvent(proxyOnline('first'));
      await eventually('both', () => traces.length === 2);
      const [first = '', second = ''] = traces.map((trace) => trace?.split('-')[1]);
      expect(first).toMatch(/^[0-9a-f]{32}$/);
      expect(second).toBe(first);
      expect(traces[1]).not.toBe(traces[0]);
      expect(currentTrace()).toBeUndefined();
    });
  });
}
