import { buckets, schedulesSchema } from '@holdfast/contracts';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type CrashPlan, crashing } from './testing/crashing.ts';
import { createWorld, isOver, type World } from './testing/world.ts';

let world: World;
afterEach(() => world.end());

interface Scenario {
  name: string;
  prepare(): Promise<void>;
  /** Something that a user does once the run has begun. */
  meanwhile?(): Promise<void>;
  check(): Promise<void>;
}

const onlyRun = async () => {
  const runs = await world.runs();
  expect(runs).toHaveLength(1);
  const [run] = runs;
  if (run === undefined) throw new Error('no run');
  return run;
};
const hasEnded = async (): Promise<boolean> => {
  const runs = await world.runs();
  return runs.length > 0 && runs.every(isOver);
};

/** P4: one run, one start, one end, all of them published, and nothing left in the broker. */
async function checkEndedOnce(): Promise<void> {
  const run = await onlyRun();
  for (const name of ['run.started', 'run.completed'] as const) {
    const rows = await world.events(name);
    const wanted = name === 'run.started' && run.startedAt === undefined ? 0 : 1;
    expect([name, rows.length]).toEqual([name, wanted]);
  }
  const tasks = await world.tasks(run.id);
  expect(run.tasks.total).toBe(tasks.length);
  expect(tasks.every(({ state }) => !['queued', 'running'].includes(state))).toBe(true);
  expect(run.number).toBe(1);
  const messaging = world.messaging();
  const signs = await messaging.keyValue(buckets.runsActive, { parse: (json) => json });
  await world.until('the sign is gone', async () => (await signs.all()).size === 0);
  expect(await messaging.pendingTasks('sync', 'default', run.id)).toBe(0);
}

const scenarios: Scenario[] = [
  {
    name: 'a run by hand',
    async prepare() {
      await world.addMailboxes(3);
      await world.addJob();
      await world.proxy();
      await world.requestRun();
    },
    async check() {
      expect(await onlyRun()).toMatchObject({ state: 'success', tasks: { total: 3, success: 3 } });
    },
  },
  {
    name: 'a run by schedule',
    async prepare() {
      await world.addMailboxes(2);
      await world.addJob({
        schedules: schedulesSchema.parse([{ kind: 'periodic', every: 1, unit: 'hours', timeZone: 'UTC' }]),
      });
      await world.proxy();
      await world.clock.advance(3_600_000);
    },
    async check() {
      expect(await onlyRun()).toMatchObject({ state: 'success', trigger: 'schedule' });
      expect(await world.events('run.requested')).toHaveLength(1);
    },
  },
  {
    name: 'a run that is stopped',
    async prepare() {
      await world.addMailboxes(3);
      await world.addJob();
      await world.requestRun({ stopRequested: true });
    },
    async check() {
      expect((await onlyRun()).state).toBe('stopped');
    },
  },
  {
    name: 'a run whose failed mailbox is tried again',
    async prepare() {
      await world.addMailboxes(2);
      await world.addJob();
      let tries = 0;
      await world.proxy({
        outcomeOf: ({ position }) => (position === 0 || tries++ > 0 ? 'success' : 'failed'),
      });
      await world.requestRun({ retry: { times: 1, pauseMinutes: 0, done: 0 } });
    },
    async check() {
      expect(await onlyRun()).toMatchObject({ state: 'success', retry: { done: 1 } });
      expect(await world.events('run.retry-started')).toHaveLength(1);
    },
  },
  {
    name: 'a run that fails before it begins',
    async prepare() {
      await world.addJob();
      await world.proxy();
      await world.requestRun();
    },
    async check() {
      expect(await onlyRun()).toMatchObject({ state: 'failed', error: { code: 'scope-empty' } });
    },
  },
];

/** Lets a scheduler die at a call, another one take over, and looks what has come of it. Answers where it died. */
async function playOnce(scenario: Scenario, plan: CrashPlan): Promise<string | undefined> {
  world = createWorld();
  await scenario.prepare();
  const ports = crashing({ store: world.store, messaging: world.messaging() }, plan);
  const dying = await world.scheduler({ ports }).catch(() => undefined);
  await world.until(
    'the run has ended or the scheduler is dead',
    async () => ports.crashedAt !== undefined || (await hasEnded()),
  );
  if (ports.crashedAt === undefined) {
    // Idle looks after the end are calls too; one more round is enough.
    await world.clock.advance(2_000);
  }
  if (ports.crashedAt !== undefined) {
    await ports.expireLeases();
    await world.scheduler({ instance: 'scheduler-2' });
  }
  await world.until(`the run has ended after a crash at ${ports.crashedAt}`, hasEnded, 1_000);
  await world.until('all events are published', async () =>
    [...(await world.events('run.completed')), ...(await world.events('run.started'))].every(
      (row) => !row.pending,
    ),
  );
  await scenario.check();
  await checkEndedOnce();
  void dying;
  return ports.crashedAt;
}

describe.each(scenarios)('P4: the scheduler dies during $name', (scenario) => {
  test.each(['before', 'after'] as const)(
    '%s each of its calls in turn',
    async (when) => {
      const crashedAt: string[] = [];
      for (let atCall = 1; ; atCall += 1) {
        const call = await playOnce(scenario, { atCall, when });
        await world.end();
        if (call === undefined) break;
        crashedAt.push(call);
        expect(atCall).toBeLessThan(400);
      }
      // The enumeration means something only if it went through every kind of step.
      expect(crashedAt.length).toBeGreaterThan(15);
      expect(crashedAt).toEqual(
        expect.arrayContaining(['messaging.acquireLease', 'runs.replace', 'events.insert']),
      );
    },
    120_000,
  );
});
