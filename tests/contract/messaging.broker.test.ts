import type { HoldfastEvent } from '@holdfast/contracts';
import {
  connectMessaging,
  createGate,
  type Messaging,
  type MessagingOptions,
  type Verdict,
} from '@holdfast/messaging';
import { buildEvent, type NatsServer, startNatsServer, waitFor } from '@holdfast/testing';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';

jest.setTimeout(180_000);

/** Of leases and slots: longer than a busy machine takes to start a broker. */
const ttlMs = 8_000;

let server: NatsServer;
const open: Messaging[] = [];
const unhandled: unknown[] = [];
const note = (reason: unknown) => void unhandled.push(reason);

beforeEach(async () => {
  process.on('unhandledRejection', note);
  server = await startNatsServer();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((messaging) => messaging.close()));
  await server.stop();
  process.off('unhandledRejection', note);
  expect(unhandled.splice(0)).toEqual([]);
});

async function connect(given: Partial<MessagingOptions> = {}): Promise<Messaging> {
  const messaging = await connectMessaging({
    servers: [server.url],
    prefix: 'faults',
    name: 'test',
    ackWaitMs: 900,
    leaseTtlMs: ttlMs,
    slotTtlMs: ttlMs,
    ...given,
  });
  open.push(messaging);
  return messaging;
}

const consume = (messaging: Messaging, handle: (n: number) => Promise<Verdict>) =>
  messaging.consumeTasks({
    kind: 'sync',
    pool: 'default',
    owner: 'run-1',
    maxAckPending: 3,
    maxDeliver: 3,
    gate: createGate(5),
    parse: (json) => (json as { n: number }).n,
    handle,
    onParked: async () => undefined,
  });
const send = (messaging: Messaging, n: number) =>
  messaging.publishTask('sync', 'default', 'run-1', { n }, `task-${n}`);
const event = (key: string): HoldfastEvent =>
  buildEvent('proxy.online', { proxyId: 'p', pool: 'default', version: key }, key);

/** A process that uses everything, and what it has seen. */
async function busyProcess() {
  const messaging = await connect({ name: 'busy' });
  const tasks: number[] = [];
  const events: string[] = [];
  const tail: string[] = [];
  const values: [string, unknown][] = [];
  let emptied = 0;
  messaging.onBrokerEmptied(() => {
    emptied += 1;
  });
  await consume(messaging, async (n) => {
    tasks.push(n);
    return { kind: 'done' };
  });
  const filters = ['events.>'];
  await messaging.consumeEvents({ durable: 'd', filters, handle: async (e) => void events.push(e.id) });
  await messaging.tailEvents('events.>', (e) => tail.push(e.id));
  const keyValue = await messaging.keyValue('runs-active', { parse: (json) => json });
  await keyValue.watch((key, value) => values.push([key, value]));
  await messaging.serve('ask.sync.default.echo', async (request) => request);
  return { messaging, tasks, events, tail, values, keyValue, emptied: () => emptied };
}

/** Everything that the busy process does works (again). */
async function provesWell(busy: Awaited<ReturnType<typeof busyProcess>>, n: number): Promise<void> {
  await send(busy.messaging, n);
  await busy.messaging.publishEvent(event(`e${n}`));
  await busy.keyValue.put(`key-${n}`, n);
  await waitFor(() => busy.tasks.includes(n), { what: `task ${n} is done` });
  await waitFor(() => busy.events.includes(event(`e${n}`).id), { what: `event ${n} arrived` });
  await waitFor(() => busy.tail.includes(event(`e${n}`).id), { what: `the tail shows event ${n}` });
  await waitFor(() => busy.values.some(([key]) => key === `key-${n}`), { what: `value ${n} was seen` });
  expect(await busy.messaging.ask('ask.sync.default.echo', n, { timeoutMs: 30_000 })).toBe(n);
  expect(busy.messaging.connected).toBe(true);
}

describe('a broker that goes and comes back', () => {
  test('killed and started again: everything goes on by itself, and nothing is told to be lost', async () => {
    const busy = await busyProcess();
    await provesWell(busy, 1);
    await server.kill();
    await waitFor(() => !busy.messaging.connected, { what: 'the loss is noticed' });
    await server.restart();
    await provesWell(busy, 2);
    expect(busy.emptied()).toBe(0);
    expect(busy.tasks).toEqual([1, 2]);
  });

  test('P4: back with an empty storage: streams, consumers and buckets are made anew, watchers learn what is gone', async () => {
    const busy = await busyProcess();
    await provesWell(busy, 1);
    await server.restart({ wipe: true });
    await provesWell(busy, 2);
    await waitFor(() => busy.values.some(([key, value]) => key === 'key-1' && value === undefined), {
      what: 'key-1 is told as gone',
    });
    expect(busy.emptied()).toBe(1);
    expect(busy.tasks).toEqual([1, 2]);
  });

  test('an operator deletes all streams while everybody is connected: the next publish makes them anew', async () => {
    const busy = await busyProcess();
    const { connect: plain } = await import('@nats-io/transport-node');
    const { jetstreamManager } = await import('@nats-io/jetstream');
    const nc = await plain({ servers: server.url });
    const jsm = await jetstreamManager(nc);
    for (const name of await jsm.streams.names().next()) await jsm.streams.delete(name);
    await nc.close();
    await provesWell(busy, 1);
    await provesWell(busy, 2);
  });

  test('what is published while it restarts waits for it and is there once', async () => {
    const messaging = await connect();
    await server.kill();
    await waitFor(() => !messaging.connected, { what: 'the loss is noticed' });
    const sending = Promise.all([send(messaging, 1), messaging.publishEvent(event('a'))]);
    await server.restart();
    await sending;
    expect(await messaging.pendingTasks('sync', 'default', 'run-1')).toBe(1);
  });

  test('away for longer than the patience: every call fails with a transient error, and works later', async () => {
    const messaging = await connect({ patienceMs: 400 });
    const values = await messaging.keyValue('v', { parse: (json) => json });
    await server.kill();
    const calls: [string, () => Promise<unknown>][] = [
      ['publishEvent', () => messaging.publishEvent(event('a'))],
      ['publishTask', () => send(messaging, 1)],
      ['pendingTasks', () => messaging.pendingTasks('sync', 'default', 'run-1')],
      ['removeTasks', () => messaging.removeTasks('sync', 'default', 'run-1')],
      ['acquireLease', () => messaging.acquireLease('k', 'me')],
      ['put', () => values.put('a', 1)],
      ['get', () => values.get('a')],
      ['all', () => values.all()],
      ['ask', () => messaging.ask('ask.x', 1, { timeoutMs: 300 })],
    ];
    for (const [name, call] of calls) {
      const error = await call().catch((cause: unknown) => cause);
      expect([name, error]).toMatchObject([name, { errorClass: 'transient' }]);
    }
    await server.restart();
    await waitFor(() => messaging.connected, { what: 'connected again' });
    await send(messaging, 2);
    await values.put('a', 2);
    expect(await values.get('a')).toBe(2);
  });

  test('a task at work while the broker is away longer than the ack wait is not worked on twice here', async () => {
    const messaging = await connect();
    let handled = 0;
    let finish: () => void = () => undefined;
    await consume(messaging, async () => {
      handled += 1;
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return { kind: 'done' };
    });
    await send(messaging, 1);
    await waitFor(() => handled === 1, { what: 'the task is at work' });
    await server.kill();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await server.restart();
    await waitFor(() => messaging.connected, { what: 'connected again' });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(handled).toBe(1);
    finish();
    await waitFor(async () => (await messaging.pendingTasks('sync', 'default', 'run-1')) === 0, {
      what: 'it is acked, although it was delivered again meanwhile',
    });
    expect(handled).toBe(1);
  });

  test('closing does not wait for a broker that is away', async () => {
    const { messaging } = await busyProcess();
    await messaging.acquireLease('k', 'me');
    await server.kill();
    await messaging.close();
    await expect(messaging.publishEvent(event('a'))).rejects.toMatchObject({ code: 'messaging-closed' });
  });
});

describe('the first connection', () => {
  test('a service started before its broker waits for it', async () => {
    const { url } = server;
    await server.kill();
    const connecting = connect({ servers: [url] });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await server.restart();
    expect((await connecting).connected).toBe(true);
  });

  test('without a broker it gives up after its limit and says where it looked', async () => {
    await server.kill();
    await expect(connect({ connectLimitMs: 300 })).rejects.toMatchObject({
      code: 'broker-unavailable',
      message: expect.stringContaining(String(server.port)),
    });
  });

  test('copies on a single broker are refused as a setting, not tried for ever', async () => {
    await expect(connect({ prefix: 'copies', replicas: 3 })).rejects.toMatchObject({
      errorClass: 'configuration',
    });
  });
});

describe('leases and slots when the broker has trouble', () => {
  test('a lease is counted as lost before others could have it, while the broker is away', async () => {
    const messaging = await connect();
    const lease = await messaging.acquireLease('mailbox', 'me');
    const slots = await messaging.acquireSlots('box', {
      owner: 'me',
      lane: 'normal',
      want: 1,
      capacity: 1,
      reserved: 0,
    });
    await server.kill();
    // Nothing was renewed after this: when this timer fires, others could have both. Timers fire in their order, also late.
    let isFree = false;
    const free = setTimeout(() => {
      isFree = true;
    }, ttlMs);
    const lost = [lease, slots].map(
      (held) =>
        new Promise((resolve) => {
          held?.lost.addEventListener('abort', () => resolve(isFree));
        }),
    );
    expect(await Promise.all(lost)).toEqual([false, false]);
    clearTimeout(free);
    await lease?.release();
    await slots?.release();
  });

  test('a broker that comes back empty: holders keep their leases and slots, others do not get them', async () => {
    const [holder, rival] = [await connect({ name: 'holder' }), await connect({ name: 'rival' })];
    const wish = { lane: 'normal', want: 2, capacity: 2, reserved: 0 } as const;
    const lease = await holder.acquireLease('mailbox', 'holder');
    const slots = await holder.acquireSlots('box', { owner: 'holder', ...wish });
    await server.restart({ wipe: true });
    await waitFor(() => rival.connected && holder.connected, { what: 'both are connected again' });
    const until = performance.now() + 1.2 * ttlMs;
    while (performance.now() < until) {
      expect(await rival.acquireLease('mailbox', 'rival')).toBeUndefined();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(lease?.lost.aborted).toBe(false);
    expect(slots?.lost.aborted).toBe(false);
    expect(await rival.acquireSlots('box', { owner: 'rival', ...wish })).toBeUndefined();
    expect(await rival.acquireLease('another', 'rival')).toBeDefined();
  });
});
