import {
  collections,
  type EventName,
  type EventRecord,
  type Job,
  type Mailbox,
  type Run,
  type RunTask,
} from '@holdfast/contracts';
import type { Messaging } from '@holdfast/messaging';
import { memoryBroker, memoryMessaging } from '@holdfast/messaging/testing';
import { createMetrics, type Logger, silentLogger } from '@holdfast/runtime';
import { all, type Store } from '@holdfast/store';
import { memoryStore } from '@holdfast/store/testing';
import { buildJob, buildMailbox, buildRun, type FakeClock, fakeClock } from '@holdfast/testing';
import { createSchedulerMetrics } from '../metrics.ts';
import { type Scheduler, type SchedulerTimes, startScheduler } from '../service.ts';
import { type FakeProxy, type FakeProxyOptions, startFakeProxy } from './fakeProxy.ts';

export const testTimes: SchedulerTimes = {
  reconcileMs: 1_000,
  orphanAfterMs: 45_000,
  abandonedAfterMs: 180_000,
  rereadJobsMs: 60_000,
  standbyMs: 500,
  missedAfterMs: 300_000,
};

/** One installation in memory: control data, broker and a clock that stands still until a test moves it. */
export interface World {
  store: Store;
  broker: ReturnType<typeof memoryBroker>;
  clock: FakeClock;
  messaging(): Messaging;
  proxy(options?: Partial<FakeProxyOptions>): Promise<FakeProxy>;
  scheduler(options?: {
    ports?: { store: Store; messaging: Messaging };
    instance?: string;
    logger?: Logger;
    times?: Partial<SchedulerTimes>;
    scriptsFolder?: string;
  }): Promise<Scheduler>;
  addJob(given?: Partial<Job>): Promise<Job>;
  addMailboxes(count: number): Promise<Mailbox[]>;
  requestRun(given?: Partial<Run>): Promise<Run>;
  run(id?: string): Promise<Run>;
  runs(): Promise<Run[]>;
  tasks(runId?: string): Promise<RunTask[]>;
  events(name: EventName): Promise<EventRecord[]>;
  change(runId: string, edit: (run: Run) => Run): Promise<void>;
  /** Moves the clock on until something is so; fails when it never is. */
  until(what: string, condition: () => Promise<boolean> | boolean, stepMs?: number): Promise<void>;
  /** Moves the clock on until a promise has settled, such as that of a scheduler that stops. */
  over(promise: Promise<unknown>): Promise<void>;
  end(): Promise<void>;
}

/** Ends what hangs, and decides nothing: on a busy machine hours pass slowly. */
const hangsAfterMs = 100_000;

export const isOver = (run: Run): boolean =>
  ['success', 'warning', 'failed', 'stopped', 'skipped'].includes(run.state);

export function createWorld(start = '2026-11-22T02:00:00.000Z'): World {
  const store = memoryStore();
  const broker = memoryBroker();
  const clock = fakeClock(start);
  const rows = {
    jobs: store.collection(collections.jobs),
    mailboxes: store.collection(collections.mailboxes),
    runs: store.collection(collections.runs),
    tasks: store.collection(collections.runTasks),
    events: store.collection(collections.events),
  };
  const closers: (() => Promise<void>)[] = [];
  const messaging = (): Messaging => {
    const made = memoryMessaging({ broker, now: () => clock.now() });
    closers.push(() => made.close());
    return made;
  };

  async function over(promise: Promise<unknown>): Promise<void> {
    let isSettled = false;
    const settling = promise.finally(() => {
      isSettled = true;
    });
    for (let n = 0; !isSettled && n < 1_000; n += 1) await clock.advance(1_000);
    await settling;
  }

  return {
    store,
    broker,
    clock,
    messaging,
    async proxy(options = {}) {
      const proxy = await startFakeProxy({ store, messaging: messaging(), ...options });
      closers.push(async () => {
        proxy.release();
        await proxy.stop();
      });
      return proxy;
    },
    async scheduler({
      ports,
      instance = 'scheduler-1',
      logger = silentLogger,
      times = {},
      scriptsFolder,
    } = {}) {
      const scheduler = await startScheduler({
        ...(ports ?? { store, messaging: messaging() }),
        ...{ clock, logger, instance },
        metrics: createSchedulerMetrics(createMetrics('scheduler')),
        times: { ...testTimes, ...times },
        scripts: { folder: scriptsFolder, interpreters: ['/bin/sh'] },
      });
      closers.push(() => scheduler.stop());
      return scheduler;
    },
    async addJob(given = {}) {
      return (await rows.jobs.insert(buildJob({ createdAt: start, ...given }))).doc;
    },
    async addMailboxes(count) {
      const made = Array.from({ length: count }, (_, n) =>
        buildMailbox({ userId: `user-${String(n).padStart(4, '0')}` }),
      );
      for (const mailbox of made) await rows.mailboxes.insert(mailbox);
      return made;
    },
    async requestRun(given = {}) {
      return (await rows.runs.insert(buildRun({ number: 0, requestedAt: clock.iso(), ...given }))).doc;
    },
    async run(id = 'run-1') {
      const found = await rows.runs.get(id);
      if (found === undefined) throw new Error(`there is no run ${id}`);
      return found.doc;
    },
    runs: () => collect(all(rows.runs)),
    tasks: (runId = 'run-1') =>
      collect(all(rows.tasks, { where: { runId }, sort: { field: 'position', order: 'asc' } })),
    async events(name) {
      return (await collect(all(rows.events))).filter((row) => row.name === name);
    },
    async change(runId, edit) {
      const found = await rows.runs.get(runId);
      if (found === undefined) throw new Error(`there is no run ${runId}`);
      await rows.runs.replace(edit(found.doc), found.version);
    },
    async until(what, condition, stepMs = 250) {
      const limit = performance.now() + hangsAfterMs;
      while (!(await condition())) {
        if (performance.now() > limit) throw new Error(`still not so: ${what}`);
        await clock.advance(stepMs);
      }
    },
    over,
    async end() {
      for (const close of closers.reverse()) await over(close());
    },
  };
}

async function collect<T>(rows: AsyncIterable<{ doc: T }>): Promise<T[]> {
  const list: T[] = [];
  for await (const { doc } of rows) list.push(doc);
  return list;
}
