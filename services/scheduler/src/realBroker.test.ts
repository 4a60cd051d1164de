import { buckets, collections, type EventName, type Run } from '@holdfast/contracts';
import { connectMessaging, type Messaging } from '@holdfast/messaging';
import { createMetrics, silentLogger, systemClock } from '@holdfast/runtime';
import { all, modify, openStore, type Store } from '@holdfast/store';
import {
  buildJob,
  buildMailbox,
  buildRun,
  type NatsServer,
  startNatsServer,
  type TemporaryDirectory,
  temporaryDirectory,
  waitFor,
} from '@holdfast/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createSchedulerMetrics } from './metrics.ts';
import { type Scheduler, startScheduler } from './service.ts';
import { type FakeProxyOptions, startFakeProxy } from './testing/fakeProxy.ts';
import { isOver } from './testing/world.ts';

let nats: NatsServer;
let directory: TemporaryDirectory;
let store: Store;
let prefix: string;
let closers: (() => Promise<void>)[];
let tests = 0;

beforeAll(async () => {
  nats = await startNatsServer();
});
afterAll(() => nats.stop());
beforeEach(async () => {
  tests += 1;
  prefix = `scheduler${tests}`;
  directory = temporaryDirectory('scheduler');
  store = await openStore(`sqlite:${directory.at('holdfast.db')}`);
  closers = [async () => directory.remove(), () => store.close()];
  await store.collection(collections.jobs).insert(buildJob());
  for (let n = 0; n < 6; n += 1)
    await store.collection(collections.mailboxes).insert(buildMailbox({ userId: `user-${n}` }));
});
afterEach(async () => {
  for (const close of closers.reverse()) await close();
});

async function messaging(name: string): Promise<Messaging> {
  const made = await connectMessaging({
    servers: [nats.url],
    prefix,
    name,
    leaseTtlMs: 2_000,
    ackWaitMs: 3_000,
  });
  closers.push(() => made.close());
  return made;
}
async function scheduler(instance: string): Promise<{ scheduler: Scheduler; messaging: Messaging }> {
  const own = await messaging(instance);
  const started = await startScheduler({
    ...{ store, messaging: own, clock: systemClock, logger: silentLogger, instance },
    metrics: createSchedulerMetrics(createMetrics('scheduler')),
    scripts: { folder: undefined, interpreters: [] },
    times: {
      reconcileMs: 200,
      // Longer than a busy machine takes to start a broker: what is at work meanwhile must not count as orphaned.
      orphanAfterMs: 30_000,
      abandonedAfterMs: 180_000,
      rereadJobsMs: 60_000,
      missedAfterMs: 300_000,
      standbyMs: 100,
    },
  });
  closers.push(() => started.stop());
  return { scheduler: started, messaging: own };
}
async function proxy(options: Partial<FakeProxyOptions> = {}) {
  const started = await startFakeProxy({ store, messaging: await messaging('proxy'), ...options });
  closers.push(async () => {
    started.release();
    await started.stop();
  });
  return started;
}
const request = async (given: Partial<Run> = {}): Promise<void> =>
  void (await store.collection(collections.runs).insert(buildRun({ number: 0, concurrency: 2, ...given })));
const run = async (): Promise<Run> => {
  const found = await store.collection(collections.runs).get('run-1');
  if (found === undefined) throw new Error('no run');
  return found.doc;
};
const hasEnded = async (): Promise<boolean> => isOver(await run());
async function count(name: EventName): Promise<number> {
  let found = 0;
  for await (const { doc } of all(store.collection(collections.events))) if (doc.name === name) found += 1;
  return found;
}

jest.setTimeout(120_000);

describe('with a real broker and SQLite', () => {
  test('a run goes from request to success, never more at once than its limit, and the broker is left clean', async () => {
    const worker = await proxy();
    await scheduler('scheduler-1');
    await request();
    await waitFor(hasEnded, { what: 'the run has ended' });
    expect(await run()).toMatchObject({ state: 'success', number: 1, tasks: { total: 6, success: 6 } });
    expect(worker.worked).toHaveLength(6);
    expect(worker.peak).toBeLessThanOrEqual(2);
    const looker = await messaging('looker');
    const signs = await looker.keyValue(buckets.runsActive, { parse: (json) => json });
    await waitFor(async () => (await signs.all()).size === 0, { what: 'the sign is gone' });
    expect(await looker.pendingTasks('sync', 'default', 'run-1')).toBe(0);
  });

  test('the broker is killed and its storage wiped in the middle: the run ends, once, and nothing is done twice', async () => {
    const gate = Promise.withResolvers<void>();
    const worker = await proxy({
      async outcomeOf(task) {
        if (task.position > 0) await gate.promise;
        return 'success' as const;
      },
    });
    await scheduler('scheduler-1');
    await request();
    await waitFor(() => worker.worked.length >= 2, { what: 'two mailboxes are at work' });
    await nats.restart({ wipe: true });
    gate.resolve();
    await waitFor(hasEnded, { what: 'the run has ended' });
    expect(await run()).toMatchObject({ state: 'success', tasks: { total: 6, success: 6 } });
    expect(new Set(worker.worked).size).toBe(worker.worked.length);
    expect(await count('run.completed')).toBe(1);
  });

  test('the leader vanishes in the middle of a run: the standby ends it, once', async () => {
    const gate = Promise.withResolvers<void>();
    const worker = await proxy({
      async outcomeOf() {
        await gate.promise;
        return 'success' as const;
      },
    });
    const leader = await scheduler('scheduler-1');
    await request();
    await waitFor(() => worker.worked.length > 0, { what: 'a mailbox is at work' });
    await scheduler('scheduler-2');
    // Without its connection it can do nothing any more.
    await leader.messaging.close();
    gate.resolve();
    await waitFor(hasEnded, { what: 'the run has ended' });
    expect((await run()).state).toBe('success');
    expect(await count('run.started')).toBe(1);
    expect(await count('run.completed')).toBe(1);
  });

  test('no scheduler is there: the broker keeps two proxies together to the limit of the run, and they finish it', async () => {
    const gate = Promise.withResolvers<void>();
    let atWork = 0;
    let most = 0;
    const outcomeOf = async () => {
      atWork += 1;
      most = Math.max(most, atWork);
      await gate.promise;
      // Time for the broker to hand out more, if it would.
      await systemClock.sleep(50);
      atWork -= 1;
      return 'success' as const;
    };
    await proxy({ name: 'proxy-1', outcomeOf });
    await proxy({ name: 'proxy-2', outcomeOf });
    const leader = await scheduler('scheduler-1');
    await request();
    await waitFor(() => atWork === 2, { what: 'as many are at work as may be' });
    const looker = await messaging('looker');
    await waitFor(async () => (await looker.pendingTasks('sync', 'default', 'run-1')) === 6, {
      what: 'all mailboxes are in the queue',
    });
    await leader.messaging.close();
    gate.resolve();
    const done = () => store.collection(collections.runTasks).count({ runId: 'run-1', state: 'success' });
    await waitFor(async () => (await done()) === 6, { what: 'all mailboxes are done' });
    expect(most).toBe(2);
    expect((await run()).state).toBe('running');
    await scheduler('scheduler-2');
    await waitFor(hasEnded, { what: 'the run has ended' });
    expect((await run()).state).toBe('success');
  });

  test('no proxy is online: the broker says so at once and the run tells it', async () => {
    await scheduler('scheduler-1');
    await request();
    await waitFor(async () => (await run()).error?.code === 'no-proxy-online', {
      what: 'the run says why it waits',
    });
    await modify(store.collection(collections.runs), 'run-1', (found) => ({ ...found, stopRequested: true }));
    await waitFor(hasEnded, { what: 'the run has ended' });
    expect((await run()).state).toBe('stopped');
  });
});
