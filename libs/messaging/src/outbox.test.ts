import { type EventRecord, HoldfastError, type HoldfastEvent } from '@holdfast/contracts';
import { buildEvent, waitFor } from '@holdfast/testing';
import { describe, expect, test } from '@jest/globals';
import { BrokerUnavailable } from './errors.ts';
import { createOutbox, type OutboxRows } from './outbox.ts';

const event = (key: string, subject = key): HoldfastEvent => ({
  ...buildEvent('proxy.online', { proxyId: 'p', pool: 'default', version: key }, key),
  subject,
});

/** The collection `events` in memory, with what a crash or a rival may do to it. */
function memoryRows() {
  const rows = new Map<string, { doc: EventRecord; version: number }>();
  const collection: OutboxRows = {
    async insert(doc) {
      if (rows.has(doc.id)) throw new HoldfastError('already-exists', 'configuration', 'taken');
      const row = { doc, version: 1 };
      rows.set(doc.id, row);
      return row;
    },
    async replace(doc, version) {
      const found = rows.get(doc.id);
      if (found?.version !== version) throw new HoldfastError('version-conflict', 'transient', 'outdated');
      rows.set(doc.id, { doc, version: version + 1 });
    },
    get: async (id) => rows.get(id),
    async find({ where = {}, limit = 100, after }) {
      const since = (where.time as { gte?: string } | undefined)?.gte ?? '';
      const matching = [...rows.values()]
        .filter(
          ({ doc }) => (where.pending === undefined || doc.pending === where.pending) && doc.time >= since,
        )
        .sort((a, b) => `${a.doc.time}${a.doc.id}`.localeCompare(`${b.doc.time}${b.doc.id}`))
        .filter(({ doc }) => after === undefined || `${doc.time}${doc.id}` > after);
      const items = matching.slice(0, limit);
      const last = items.at(-1)?.doc;
      return matching.length > limit && last ? { items, next: `${last.time}${last.id}` } : { items };
    },
  };
  const pending = () => [...rows.values()].filter((row) => row.doc.pending).length;
  return { rows, collection, pending };
}

function outboxOver(collection: OutboxRows, publish: (event: HoldfastEvent) => Promise<void>) {
  return createOutbox({ rows: collection, publish, source: 'test', now: () => 0, sweepEveryMs: 20 });
}

describe('outbox', () => {
  test('what was added is published and its row stays as the event log', async () => {
    const { rows, collection, pending } = memoryRows();
    const published: string[] = [];
    const outbox = outboxOver(collection, async (e) => void published.push(e.id));
    const running = outbox.start();
    await outbox.add(event('a'), event('b'));
    await outbox.add(event('a'));
    await waitFor(() => pending() === 0, { what: 'nothing is pending' });
    await running.stop();
    expect(published.sort()).toEqual([event('a').id, event('b').id].sort());
    expect(rows.size).toBe(2);
  });

  test('marks may wait for others, but publishing does not, and a stop leaves none unmarked', async () => {
    const { collection, pending } = memoryRows();
    const published: string[] = [];
    const never = 3_600_000;
    const outbox = createOutbox({
      rows: collection,
      publish: async (e) => void published.push(e.id),
      ...{ source: 'test', now: () => 0, sweepEveryMs: never, settleAfterMs: never },
    });
    const running = outbox.start();
    await outbox.flush();
    await outbox.add(event('a'));
    await outbox.add(event('b'));
    await waitFor(() => published.length === 2, { what: 'both are published' });
    expect(pending()).toBe(2);
    await running.stop();
    expect(pending()).toBe(0);
    expect(published).toHaveLength(2);
  });

  test('a process that died between the row and the publish leaves the event to whoever starts next', async () => {
    const { collection, pending } = memoryRows();
    const dead = outboxOver(collection, () => new Promise(() => undefined));
    await dead.add(event('a'));
    const published: string[] = [];
    const running = outboxOver(collection, async (e) => void published.push(e.id)).start();
    await waitFor(() => pending() === 0, { what: 'the other process relayed it' });
    await running.stop();
    expect(published).toEqual([event('a').id]);
  });

  test('a process that died between the publish and the mark publishes again, under the same id', async () => {
    const { collection, pending } = memoryRows();
    const published: string[] = [];
    const publish = async (e: HoldfastEvent) => void published.push(e.id);
    const unmarked: OutboxRows = { ...collection, replace: () => Promise.reject(new Error('killed')) };
    const dying = outboxOver(unmarked, publish);
    await dying.add(event('a'));
    await expect(dying.flush()).rejects.toThrow('killed');
    await outboxOver(collection, publish).flush();
    expect(published).toEqual([event('a').id, event('a').id]);
    expect(pending()).toBe(0);
  });

  test('two processes that relay the same row do not disturb each other', async () => {
    const { collection, pending } = memoryRows();
    const both = [1, 2].map(() =>
      outboxOver(collection, () => new Promise((resolve) => setTimeout(resolve, 5))),
    );
    await both[0]!.add(event('a'), event('b'), event('c'));
    await Promise.all(both.map((outbox) => outbox.flush()));
    expect(pending()).toBe(0);
  });

  test('while the broker is away rows wait, adding goes on, and all goes out when it is back', async () => {
    const { collection, pending } = memoryRows();
    let away = true;
    const published: string[] = [];
    const outbox = outboxOver(collection, async (e) => {
      if (away) throw new BrokerUnavailable('away');
      published.push(e.id);
    });
    const running = outbox.start();
    await outbox.add(event('a'));
    await outbox.add(event('b'));
    await expect(outbox.flush()).rejects.toMatchObject({ code: 'broker-unavailable' });
    expect(pending()).toBe(2);
    away = false;
    await waitFor(() => pending() === 0, { what: 'all is published' });
    await running.stop();
    expect(published).toHaveLength(2);
  });

  test('events of one subject keep their order when one of them fails; another subject is not held up', async () => {
    const { collection, pending } = memoryRows();
    const published: string[] = [];
    let failures = 1;
    const outbox = outboxOver(collection, async (e) => {
      if (e.id === event('b1').id && failures-- > 0) throw new HoldfastError('odd', 'ours', 'refused once');
      published.push(e.id);
    });
    const inOrder = (key: string, second: number) => ({
      ...event(key, key.slice(0, 1)),
      time: `2026-01-01T00:00:0${second}.000Z`,
    });
    await outbox.add(inOrder('b1', 1), inOrder('b2', 2), inOrder('c1', 3));
    await expect(outbox.flush()).rejects.toMatchObject({ code: 'odd' });
    expect(published).toEqual([event('c1').id]);
    await outbox.flush();
    expect(published).toEqual([event('c1').id, event('b1').id, event('b2').id]);
    expect(pending()).toBe(0);
  });

  test('what was just added is published without being read; what a repeat or trouble left is looked for', async () => {
    const { collection, pending } = memoryRows();
    let reads = 0;
    let refusals = 0;
    const counted: OutboxRows = {
      ...collection,
      find: (query) => {
        reads += 1;
        return collection.find(query);
      },
    };
    const published: string[] = [];
    const publish = async (e: HoldfastEvent) => {
      if (refusals-- > 0) throw new HoldfastError('odd', 'ours', 'refused once');
      published.push(e.id);
    };
    const outbox = createOutbox({
      ...{ rows: counted, publish, source: 'test', now: () => 0, sweepEveryMs: 3600_000 },
    });
    const running = outbox.start();
    await waitFor(() => reads === 1, { what: 'the first sweep' });
    await outbox.add(event('a'));
    await waitFor(() => pending() === 0, { what: 'a is published' });
    expect(reads).toBe(1);
    refusals = 1;
    await outbox.add(event('b'));
    await waitFor(() => pending() === 0, { what: 'b is published in the second try' });
    expect(reads).toBe(2);
    const dead = outboxOver(collection, () => new Promise(() => undefined));
    await dead.add(event('c'));
    await outbox.add(event('c'));
    await waitFor(() => pending() === 0, { what: 'c is published' });
    await running.stop();
    expect(published).toEqual(['a', 'b', 'c'].map((key) => event(key).id));
  });

  test('more rows than a page are all relayed, and kept ones can be published again from a time on', async () => {
    const { collection, pending } = memoryRows();
    let count = 0;
    const outbox = outboxOver(collection, async () => void (await Promise.resolve(count++)));
    const many = Array.from({ length: 450 }, (_, n) => event(`e${n}`));
    await outbox.add(...many);
    await outbox.flush();
    expect([count, pending()]).toEqual([450, 0]);
    expect(await outbox.republish('2026-01-01T00:00:00.000Z')).toBe(450);
    expect(await outbox.republish('2026-01-02T00:00:00.000Z')).toBe(0);
    expect(count).toBe(900);
  });
});
