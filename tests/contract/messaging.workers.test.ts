import { collections, type ErrorFacts } from '@holdfast/contracts';
import {
  connectMessaging,
  createGate,
  createOutbox,
  type Messaging,
  type Verdict,
} from '@holdfast/messaging';
import { openStore } from '@holdfast/store';
import {
  type NatsServer,
  type ServiceProcess,
  startNatsServer,
  startProcess,
  temporaryDirectory,
  waitFor,
} from '@holdfast/testing';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';

jest.setTimeout(180_000);

let server: NatsServer;
let messaging: Messaging;
const children: ServiceProcess[] = [];

beforeEach(async () => {
  server = await startNatsServer();
  messaging = await connectMessaging({
    servers: [server.url],
    prefix: 'faults',
    name: 'test',
    ackWaitMs: 2_000,
    leaseTtlMs: 6_000,
    slotTtlMs: 6_000,
  });
});
afterEach(async () => {
  for (const child of children.splice(0)) await child.kill();
  await messaging.close();
  await server.stop();
});

async function child(what: string, env: Record<string, string> = {}): Promise<ServiceProcess> {
  const entry = 'tests/contract/messagingWorker.ts';
  const started = await startProcess(entry, { WORKER_NATS: server.url, WORKER_DO: what, ...env });
  children.push(started);
  return started;
}

const said = (process: ServiceProcess, key: string) =>
  waitFor(() => process.logs().find((line) => key in line), { what: `the child says ${key}` });

function consume(handle: (attempt: number) => Promise<Verdict>, parked: ErrorFacts[] = [], maxDeliver = 3) {
  return messaging.consumeTasks({
    kind: 'sync',
    pool: 'default',
    owner: 'run-1',
    maxAckPending: 3,
    maxDeliver,
    gate: createGate(2),
    parse: (json) => json,
    handle: async (_task, { attempt }) => handle(attempt),
    onParked: async (_task, error) => void parked.push(error),
  });
}
const queueIsEmpty = async () => (await messaging.pendingTasks('sync', 'default', 'run-1')) === 0;

describe('workers that die', () => {
  test('P4: the task of a killed worker goes to another one after the ack wait, as the next attempt', async () => {
    await messaging.publishTask('sync', 'default', 'run-1', {}, 'task-1');
    const worker = await child('hang');
    await said(worker, 'taken');
    await worker.kill('SIGKILL');
    const attempts: number[] = [];
    await consume(async (attempt) => {
      attempts.push(attempt);
      return { kind: 'done' };
    });
    await waitFor(queueIsEmpty, { what: 'the task is done' });
    expect(attempts).toEqual([2]);
  });

  test('P4: a task whose worker died in the last attempt is parked and reported, not worked on again and not lost', async () => {
    await messaging.publishTask('sync', 'default', 'run-1', {}, 'task-1');
    const worker = await child('hang', { WORKER_DELIVER: '1' });
    await said(worker, 'taken');
    await worker.kill('SIGKILL');
    const parked: ErrorFacts[] = [];
    let handled = 0;
    await consume(
      async () => {
        handled += 1;
        return { kind: 'done' };
      },
      parked,
      1,
    );
    await waitFor(() => parked.length > 0, { what: 'the task is parked' });
    await waitFor(queueIsEmpty, { what: 'it left the queue' });
    expect(parked).toMatchObject([{ code: 'task-abandoned', errorClass: 'transient' }]);
    expect(handled).toBe(0);
  });

  test('P4: events whose process was killed between row and publish are relayed by the next one', async () => {
    const directory = temporaryDirectory('outbox');
    const url = `sqlite:${directory.at('holdfast.db')}`;
    const worker = await child('outbox', { WORKER_STORE: url });
    await said(worker, 'added');
    await worker.kill('SIGKILL');
    const store = await openStore(url);
    const rows = store.collection(collections.events);
    const seen: string[] = [];
    await messaging.consumeEvents({
      durable: 'd',
      filters: ['events.>'],
      handle: async (event) => void seen.push(event.id),
    });
    const options = { rows, publish: messaging.publishEvent, source: 'test', now: () => Date.now() };
    const relays = [createOutbox(options).start(), createOutbox(options).start()];
    await waitFor(() => seen.length === 2, { what: 'both events arrived' });
    await waitFor(async () => (await rows.count({ pending: true })) === 0, { what: 'nothing is pending' });
    for (const relay of relays) await relay.stop();
    expect(await rows.count()).toBe(2);
    expect(seen).toHaveLength(2);
    await store.close();
    directory.remove();
  });
});

describe('holders that die or freeze', () => {
  test('a killed holder loses its lease after the TTL and not before', async () => {
    const holder = await child('lease');
    await said(holder, 'held');
    await holder.kill('SIGKILL');
    const killedAt = performance.now();
    expect(await messaging.acquireLease('mailbox', 'test')).toBeUndefined();
    const lease = await waitFor(() => messaging.acquireLease('mailbox', 'test'), {
      what: 'the lease is free',
    });
    // Renewed at most a third of the TTL before it was killed.
    expect(performance.now() - killedAt).toBeGreaterThan(3_000);
    expect(lease.owner).toBe('test');
  });

  test('a frozen holder learns that it lost the lease, and giving it back does not take it from the new holder', async () => {
    const holder = await child('lease');
    await said(holder, 'held');
    process.kill(holder.pid, 'SIGSTOP');
    const lease = await waitFor(() => messaging.acquireLease('mailbox', 'test'), {
      what: 'the lease is free',
    });
    process.kill(holder.pid, 'SIGCONT');
    await said(holder, 'lost');
    expect(lease.lost.aborted).toBe(false);
    const third = await connectMessaging({
      servers: [server.url],
      prefix: 'faults',
      name: 'third',
      leaseTtlMs: 6_000,
      slotTtlMs: 6_000,
    });
    await waitFor(async () => (await third.acquireLease('mailbox', 'third')) === undefined, {
      what: 'still held',
    });
    expect(lease.lost.aborted).toBe(false);
    await third.close();
  });

  test('the slots of a killed holder are free again after the TTL', async () => {
    const holder = await child('slots');
    expect(await said(holder, 'slots')).toEqual({ slots: 3 });
    await holder.kill('SIGKILL');
    const wish = { owner: 'test', lane: 'normal', want: 4, capacity: 4, reserved: 0 } as const;
    const few = await messaging.acquireSlots('box', wish);
    expect(few?.slots).toBe(1);
    await few?.release();
    const all = await waitFor(
      async () => {
        const lease = await messaging.acquireSlots('box', wish);
        if (lease?.slots !== 4) await lease?.release();
        return lease?.slots === 4 ? lease : undefined;
      },
      { what: 'all slots are free', everyMs: 50 },
    );
    expect(all.slots).toBe(4);
  });
});
