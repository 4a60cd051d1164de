import { join } from 'node:path';
import { collections, type Job, type Notification, type Run } from '@holdfast/contracts';
import { addJob, addRepository, listAll, waitForRun } from '@holdfast/embedded';
import { connectMessaging } from '@holdfast/messaging';
import { all, openStore, type Store } from '@holdfast/store';
import { waitFor } from '@holdfast/testing';
import { afterEach, expect, jest, test } from '@jest/globals';
import { type Drill, killHard, startDrill } from './drill.ts';

jest.setTimeout(300_000);

const twoDaysMs = 48 * 3_600_000;
const messages = 80;
const mailboxes = 4;

let drill: Drill | undefined;
let store: Store | undefined;
afterEach(async () => {
  await store?.close();
  await drill?.stop();
  [drill, store] = [undefined, undefined];
});

interface Queued {
  drill: Drill;
  store: Store;
  runs: Run[];
}

/** Waits until the broker holds all mailboxes of each run: none is taken from it while the proxy is in maintenance. */
async function untilSent({ world }: Drill, runs: readonly Run[]): Promise<void> {
  const { HOLDFAST_PREFIX: prefix = 'holdfast' } = world.stack.env;
  const messaging = await connectMessaging({ servers: [world.stack.natsUrl], prefix, name: 'drill' });
  const waiting = new Set(runs.map(({ id }) => id));
  try {
    await waitFor(
      async () => {
        for (const id of waiting) {
          if ((await messaging.pendingTasks('sync', 'default', id)) === mailboxes) waiting.delete(id);
        }
        return waiting.size === 0;
      },
      { timeoutMs: 60_000, everyMs: 5, what: 'the mailboxes of all runs are in the queue' },
    );
  } finally {
    await messaging.close();
  }
}

/** Three jobs over the same mailboxes, into three repositories, whose runs are in the queue. */
async function queueThreeRuns(): Promise<Queued & { letGo: () => Promise<unknown> }> {
  const made = await startDrill({ tenant: { mailboxes, messages } });
  drill = made;
  store = await openStore(made.world.stack.storeUrl);
  const jobs: Job[] = [made.job];
  for (const name of ['second', 'third']) {
    const repository = await addRepository(made.world, join(made.dataDir, name), name);
    const ids = { organizationId: made.organizationId, repositoryId: repository.id };
    jobs.push(await addJob(made.world, ids, { name }));
  }
  const switchMaintenance = (on: boolean) => made.world.api.put('/proxies/sync/maintenance', { on });
  await switchMaintenance(true);
  const pools = () => made.world.api.get<{ items: { proxiesInMaintenance: number }[] }>('/pools');
  const inMaintenance = async () => (await pools()).items[0]?.proxiesInMaintenance === 1;
  await waitFor(inMaintenance, { timeoutMs: 60_000, what: 'the proxy takes nothing' });
  const runs: Run[] = [];
  for (const { id } of jobs) runs.push(await made.world.api.post<Run>(`/jobs/${id}/run`));
  await untilSent(made, runs);
  return { drill: made, store, runs, letGo: () => switchMaintenance(false) };
}

const unfinishedTasks = (of: Queued): Promise<number> =>
  of.store.collection(collections.runTasks).count({ state: { in: ['queued', 'running'] } });

/** Each run was completed and reported once, with all of its mailboxes. */
async function expectEachReportedOnce({ drill: { world, mailServer }, store: rows, runs }: Queued) {
  for (const { id } of runs) {
    expect(await waitForRun(world, id)).toMatchObject({
      state: 'success',
      tasks: { total: mailboxes, success: mailboxes },
      totals: { itemsNew: mailboxes * messages },
    });
  }
  const reportsOf = async (runId: string): Promise<Notification[]> =>
    (await listAll<Notification>(world, '/notifications')).filter(({ refersTo }) => refersTo === runId);
  for (const { id } of runs) {
    await waitFor(async () => (await reportsOf(id)).some(({ state }) => state === 'sent'), {
      ...{ timeoutMs: 120_000, everyMs: 200 },
      what: `the report of ${id}`,
    });
    const reports = await reportsOf(id);
    expect(reports).toHaveLength(1);
    const [{ messageId } = { messageId: '' }] = reports;
    expect(mailServer.received.filter((mail) => mail.messageId === messageId)).toHaveLength(1);
    const completed: string[] = [];
    for await (const { doc } of all(rows.collection(collections.events))) {
      if (doc.name === 'run.completed' && doc.subject === id) completed.push(doc.id);
    }
    expect(completed).toHaveLength(1);
  }
}

test('P4, P8: 48 hours without scheduler, api and notify: workers finish what is queued, and it is told once', async () => {
  const queued = await queueThreeRuns();
  const { stack } = queued.drill.world;
  for (const name of ['scheduler', 'notify']) await killHard(queued.drill, name);
  await queued.letGo();
  await killHard(queued.drill, 'api');
  await waitFor(async () => (await unfinishedTasks(queued)) === 0, {
    ...{ timeoutMs: 180_000, everyMs: 100 },
    what: 'the workers have done all mailboxes alone',
  });
  for (const { id } of queued.runs) {
    expect((await queued.store.collection(collections.runs).get(id))?.doc.state).toBe('running');
  }
  // The two days pass on the clocks of those who come back.
  const later = { HOLDFAST_TEST_CLOCK_OFFSET_MS: String(twoDaysMs) };
  for (const name of ['scheduler', 'notify', 'api'] as const) await stack.startService(name, name, later);
  await expectEachReportedOnce(queued);
  const run = await waitForRun(queued.drill.world, queued.runs[0]?.id ?? '');
  expect(Date.parse(run.finishedAt ?? '') - Date.parse(run.requestedAt)).toBeGreaterThan(twoDaysMs / 2);
});

test('P4: nats-server is away for the time of several mailboxes: the runs end and are told once', async () => {
  const queued = await queueThreeRuns();
  await queued.letGo();
  const done = async (): Promise<number> => queued.runs.length * mailboxes - (await unfinishedTasks(queued));
  await waitFor(async () => (await done()) >= 2, {
    ...{ timeoutMs: 120_000, everyMs: 10 },
    what: 'two mailboxes are done',
  });
  await killHard(queued.drill, 'nats-server');
  // Long enough for several mailboxes; what becomes of those in hand meanwhile decides nothing.
  await new Promise((resolve) => setTimeout(resolve, 15_000));
  await queued.drill.world.stack.startBroker();
  await expectEachReportedOnce(queued);
});
