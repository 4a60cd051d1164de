import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collections, type Job, type Run, type Schedule, schedulesSchema } from '@holdfast/contracts';
import { type ManagedProcess, readJsonLine, readyJson, startManagedProcess } from '@holdfast/embedded';
import { connectMessaging, serveQuestion } from '@holdfast/messaging';
import { openStore, type Store } from '@holdfast/store';
import { buildJob, buildRun, projectRoot, startNatsServer } from '@holdfast/testing';
import { type BenchRow, judged, peakResidentMiB, percentile } from './measure.ts';

const jobs = 10_000;
const fires = 1_500;
const firesPerSecond = 50;
/** From the start of the scheduler to the first fire that is measured. */
const leadInMs = 15_000;
const insertsAtOnce = 64;
const dayMs = 86_400_000;

const timeOfDay = (ms: number): string => new Date(ms).toISOString().slice(11, 16);

/** Schedules of all kinds that do not fire by themselves within the next hours. */
function quietSchedule(n: number, nowMs: number): Schedule[] {
  const later = timeOfDay(nowMs + (3 + (n % 18)) * 3_600_000);
  const before = timeOfDay(nowMs - 600_000);
  const zone = { timeZone: 'UTC' };
  const kinds = [
    { kind: 'daily', start: later, ...zone },
    { kind: 'daily', start: later, days: [1, 3, 5], end: '23:59', endsNextDay: true, ...zone },
    { kind: 'monthly', start: later, day: 'last', ...zone },
    { kind: 'monthly', start: later, week: 2, weekday: 2, ...zone },
    { kind: 'yearly', start: later, month: 1 + (n % 12), day: 15, ...zone },
    { kind: 'periodic', every: 6, unit: 'hours', start: before, ...zone },
  ];
  return schedulesSchema.parse([{ ...kinds[n % kinds.length], id: 'a' }]);
}

/**
 * 10,000 jobs. Some follow another job with a delay, and runs that these have ended are there already, so that they
 * fire one after the other, 50 a second: clock times would all fall on full minutes.
 */
async function fillStore(store: Store, firstFireMs: number): Promise<void> {
  const nowMs = Date.now();
  const served = new Date(nowMs - 60_000).toISOString();
  const documents: { job: Job; run?: Run }[] = [];
  for (let n = 0; n < jobs; n += 1) {
    const id = `job-${n}`;
    const isFollower = n < fires;
    const schedules = isFollower
      ? schedulesSchema.parse([{ id: 'a', kind: 'after', jobId: `job-${n + fires}`, delayMinutes: 5 }])
      : quietSchedule(n, nowMs);
    const job = buildJob({ id, name: `Job ${n}`, createdAt: served, schedules, lastFires: { a: served } });
    if (!isFollower) {
      documents.push({ job });
      continue;
    }
    const fireMs = firstFireMs + Math.round((n * 1000) / firesPerSecond);
    const finishedAt = new Date(fireMs - 5 * 60_000).toISOString();
    const facts = { id: `past-${n}`, jobId: `job-${n + fires}`, requestedAt: finishedAt, finishedAt };
    const lastFires = { a: new Date(fireMs - dayMs).toISOString() };
    documents.push({ job: { ...job, lastFires }, run: buildRun({ ...facts, state: 'success' }) });
  }
  for (let at = 0; at < documents.length; at += insertsAtOnce) {
    const batch = documents
      .slice(at, at + insertsAtOnce)
      .flatMap(({ job, run }) => [
        store.collection(collections.jobs).insert(job),
        ...(run === undefined ? [] : [store.collection(collections.runs).insert(run)]),
      ]);
    await Promise.all(batch);
  }
}

interface LogLine {
  [field: string]: unknown;
}

function logOf(file: string): LogLine[] {
  const lines = readFileSync(file, 'utf8').split('\n').map(readJsonLine);
  return lines.filter((line) => line !== undefined);
}

const messageOf = (line: LogLine): unknown => line.msg ?? line.message;
const timeOf = (line: LogLine): number =>
  typeof line.time === 'number' ? line.time : Date.parse(String(line.time ?? line.at));

async function until(what: string, limitMs: number, condition: () => boolean): Promise<void> {
  const limit = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > limit) throw new Error(`not so within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

interface Figures {
  startSeconds: number;
  lateness: number[];
  peakMiB: number;
}

async function measure(work: string, natsUrl: string, say: (line: string) => void): Promise<Figures> {
  const storeUrl = `sqlite:${join(work, 'holdfast.db')}`;
  const store = await openStore(storeUrl);
  const messaging = await connectMessaging({ servers: [natsUrl], prefix: 'holdfast', name: 'bench' });
  // A directory without mailboxes: each run goes through all of its life, and no proxy is measured.
  const proxy = await serveQuestion(messaging, 'default', 'refreshInventory', async () => ({
    ...{ mailboxes: 0, gone: 0 },
  }));
  let scheduler: ManagedProcess | undefined;
  try {
    // Filling takes seconds, so the fires are placed after it by the clock of the scheduler.
    const firstFireMs = Date.now() + 120_000;
    await fillStore(store, firstFireMs);
    const logFile = join(work, 'scheduler.log');
    const startedAt = Date.now();
    const offsetMs = firstFireMs - leadInMs - startedAt;
    scheduler = await startManagedProcess({
      name: 'scheduler',
      command: process.execPath,
      args: [
        '--disable-warning=ExperimentalWarning',
        '--max-semi-space-size=4',
        join(projectRoot, 'services', 'scheduler', 'src', 'main.ts'),
      ],
      env: {
        HOLDFAST_STORE: storeUrl,
        HOLDFAST_NATS_URL: natsUrl,
        HOLDFAST_READY: 'stdout',
        HOLDFAST_TEST_CLOCK_OFFSET_MS: String(offsetMs),
      },
      logFile,
      readyFrom: readyJson,
      readyWithinMs: 60_000,
    });
    await until('all jobs are read', 60_000, () =>
      logOf(logFile).some((line) => messageOf(line) === 'schedules read'),
    );
    const read = logOf(logFile).find((line) => messageOf(line) === 'schedules read') ?? {};
    const startSeconds = (timeOf(read) - startedAt) / 1000;
    say(`scheduler: ${jobs} jobs read ${startSeconds.toFixed(1)} s after its start`);
    const served = (): LogLine[] => logOf(logFile).filter((line) => messageOf(line) === 'schedule fired');
    await until(
      'all have fired',
      leadInMs + (fires / firesPerSecond) * 1000 + 60_000,
      () => served().length >= fires,
    );
    const lateness = served().map(
      (line) => (timeOf(line) + offsetMs - Date.parse(String(line.fireTime))) / 1000,
    );
    return { startSeconds, lateness, peakMiB: peakResidentMiB(scheduler.pid) };
  } finally {
    await scheduler?.stop();
    await proxy.stop();
    await messaging.close();
    await store.close();
  }
}

/** A scheduler of 10,000 jobs: how soon it is there, how late it fires at 50 fires a second, and its memory. */
export async function benchScheduler(natsServer: string, say: (line: string) => void): Promise<BenchRow[]> {
  process.env.HOLDFAST_NATS_SERVER ??= natsServer;
  const work = mkdtempSync(join(tmpdir(), 'holdfast-scheduler-'));
  const nats = await startNatsServer();
  try {
    const { startSeconds, lateness, peakMiB } = await measure(work, nats.url, say);
    const p99 = percentile(lateness, 0.99);
    say(`scheduler: ${lateness.length} fires, p50 ${percentile(lateness, 0.5).toFixed(3)} s late`);
    const what = `scheduler, ${jobs} jobs`;
    return [
      { bar: `${what}: from its start to all jobs read`, unit: 's', ours: startSeconds, gate: '<= 5' },
      {
        bar: `${what}: lateness p99 at ${firesPerSecond} fires a second`,
        unit: 's',
        ours: p99,
        gate: '<= 1',
      },
      { bar: `${what}: memory`, unit: 'MiB', ours: peakMiB, gate: '<= 300' },
    ].map(judged);
  } finally {
    await nats.stop();
    rmSync(work, { recursive: true, force: true });
  }
}
