import { collections, schedulesSchema } from '@holdfast/contracts';
import { all, openStore, type Store } from '@holdfast/store';
import {
  buildJob,
  type NatsServer,
  type ServiceProcess,
  startNatsServer,
  startProcess,
  type TemporaryDirectory,
  temporaryDirectory,
  waitFor,
} from '@holdfast/testing';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';

jest.setTimeout(240_000);

const jobs = 200;
/** The clock of the schedulers is set so that the fire time comes so soon after their start. */
const leadInMs = 12_000;

let nats: NatsServer;
let directory: TemporaryDirectory;
let store: Store;
let schedulers: Map<string, ServiceProcess>;

beforeEach(async () => {
  nats = await startNatsServer();
  directory = temporaryDirectory('fires');
  store = await openStore(`sqlite:${directory.at('holdfast.db')}`);
  schedulers = new Map();
});
afterEach(async () => {
  for (const one of schedulers.values()) await one.stop();
  await store.close();
  await nats.stop();
  directory.remove();
});

async function start(name: string, offsetMs: number): Promise<ServiceProcess> {
  const started = await startProcess(
    'services/scheduler/src/main.ts',
    {
      HOLDFAST_STORE: `sqlite:${directory.at('holdfast.db')}`,
      HOLDFAST_NATS_URL: nats.url,
      HOLDFAST_INSTANCE: name,
      HOLDFAST_TEST_CLOCK_OFFSET_MS: String(offsetMs),
    },
    { readyTimeoutMs: 120_000 },
  );
  schedulers.set(name, started);
  return started;
}

const leads = (one: ServiceProcess): boolean => one.stderr.includes('this scheduler leads');

const countOfRuns = (): Promise<number> => store.collection(collections.runs).count();

/** Jobs that all fire at the next full minute of a clock that shows it `leadInMs` from now. Answers its offset. */
async function addJobs(fireTime: Date): Promise<number> {
  const start = fireTime.toISOString().slice(11, 16);
  const schedules = schedulesSchema.parse([{ id: 'daily', kind: 'daily', start, timeZone: 'UTC' }]);
  const served = new Date(fireTime.getTime() - 3_600_000).toISOString();
  for (let n = 0; n < jobs; n += 1) {
    const job = { id: `job-${n}`, name: `Job ${n}`, createdAt: served, lastFires: { daily: served } };
    await store.collection(collections.jobs).insert(buildJob({ ...job, schedules }));
  }
  return fireTime.getTime() - leadInMs - Date.now();
}

test(`P4: the leading scheduler is killed at the time of ${jobs} fires: each of them makes exactly one run`, async () => {
  const fireTime = new Date('2026-11-22T03:00:00.000Z');
  const offsetMs = await addJobs(fireTime);
  const pair = await Promise.all([start('scheduler-1', offsetMs), start('scheduler-2', offsetMs)]);
  const leader = await waitFor(() => pair.find(leads), { timeoutMs: 60_000, what: 'one of them leads' });
  await waitFor(async () => (await countOfRuns()) > 0, {
    ...{ timeoutMs: 60_000, everyMs: 2 },
    what: 'the first fire',
  });
  await leader.kill('SIGKILL');
  const before = await countOfRuns();
  process.stderr.write(`killed after ${before} of ${jobs} fires\n`);
  const served = async (): Promise<boolean> => {
    for await (const { doc } of all(store.collection(collections.jobs))) {
      if (doc.lastFires.daily !== fireTime.toISOString()) return false;
    }
    return true;
  };
  await waitFor(served, { timeoutMs: 120_000, everyMs: 250, what: 'the other one serves what is left' });
  await waitFor(() => pair.some((one) => one !== leader && leads(one)), {
    timeoutMs: 60_000,
    what: 'the other one leads, also when nothing was left to serve',
  });

  const made = new Map<string, string[]>();
  for await (const { doc } of all(store.collection(collections.runs))) {
    made.set(doc.jobId, [...(made.get(doc.jobId) ?? []), doc.fireTime ?? 'none']);
  }
  expect(made.size).toBe(jobs);
  for (const fires of made.values()) expect(fires).toEqual([fireTime.toISOString()]);
  await waitFor(
    async () => {
      const told = new Map<string, boolean>();
      for await (const { doc } of all(store.collection(collections.events))) {
        if (doc.name === 'run.requested') told.set(doc.subject, !doc.pending);
      }
      return told.size === jobs && [...told.values()].every((isPublished) => isPublished);
    },
    { timeoutMs: 60_000, everyMs: 250, what: 'each run is told of, by whichever of them' },
  );
  expect(await countOfRuns()).toBe(jobs);
});
