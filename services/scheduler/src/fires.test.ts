import {
  collections,
  makeEvent,
  type Schedule,
  type ScheduleInput,
  schedulesSchema,
} from '@holdfast/contracts';
import { servedAfterChange } from '@holdfast/scheduling';
import { modify } from '@holdfast/store';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createWorld, isOver, type World } from './testing/world.ts';

// Hours pass in steps of seconds; on a machine with much other work that takes its time.
jest.setTimeout(120_000);

let world: World;
beforeEach(() => {
  world = createWorld('2026-11-22T02:00:00.000Z');
});
afterEach(() => world.end());

const minuteMs = 60_000;
const some = (...given: ScheduleInput[]): Schedule[] => schedulesSchema.parse(given);
/** Every so many minutes from midnight on. */
const every = (minutes: number): Schedule[] =>
  some({ kind: 'periodic', every: minutes, unit: 'minutes', timeZone: 'UTC' });
const daily = (start: string, timeZone = 'UTC'): Schedule[] => some({ kind: 'daily', start, timeZone });
const served = async (): Promise<string | undefined> => Object.values((await job()).lastFires)[0];
const requested = async (): Promise<string[]> => (await world.runs()).map((run) => run.requestedAt).sort();
const job = async (id = 'job-1') => {
  const found = await world.store.collection(collections.jobs).get(id);
  if (found === undefined) throw new Error(`there is no job ${id}`);
  return found.doc;
};

/** Moves the clock on in steps as small as a second, so that lateness can be seen. */
async function pass(ms: number, stepMs = 1_000): Promise<void> {
  for (let at = 0; at < ms; at += stepMs) await world.clock.advance(Math.min(stepMs, ms - at));
}

describe('a schedule', () => {
  test('fires at its time, and the run goes to its end', async () => {
    await world.addMailboxes(1);
    await world.addJob({ schedules: daily('03:30', 'Europe/Berlin') });
    await world.proxy();
    await world.scheduler();
    await pass(29 * minuteMs, 30_000);
    expect(await world.runs()).toEqual([]);
    await pass(2 * minuteMs);
    await world.until('the run has ended', async () => (await world.runs()).some(isOver));
    const [run] = await world.runs();
    expect(run).toMatchObject({ state: 'success', trigger: 'schedule', requestedBy: 'schedule' });
    expect(run?.requestedAt.slice(0, 19)).toBe('2026-11-22T02:30:00');
    expect(await served()).toBe('2026-11-22T02:30:00.000Z');
  });

  test('of a job that is disabled does not fire', async () => {
    await world.addJob({ schedules: every(5), enabled: false });
    await world.scheduler();
    await pass(20 * minuteMs, 10_000);
    expect(await world.runs()).toEqual([]);
  });

  test('fires while the run before it is still at work: skipped, recorded, and the next one comes', async () => {
    await world.addMailboxes(1);
    await world.addJob({ schedules: every(10) });
    const work = Promise.withResolvers<'success'>();
    await world.proxy({ outcomeOf: () => work.promise });
    await world.scheduler();
    await pass(21 * minuteMs, 10_000);
    work.resolve('success');
    await pass(10 * minuteMs, 10_000);
    const states = (await world.runs()).sort((a, b) => a.requestedAt.localeCompare(b.requestedAt));
    expect(states.map(({ state, number }) => [state, number])).toEqual([
      ['success', 1],
      ['skipped', 2],
      ['success', 3],
    ]);
  });
});

describe('after a downtime', () => {
  test('many missed fires make one run', async () => {
    await world.addJob({ schedules: every(15) });
    await world.clock.advance(5 * 60 * minuteMs + 7 * minuteMs);
    await world.scheduler();
    await pass(5_000);
    const runs = await world.runs();
    expect(runs).toHaveLength(1);
    expect(await served()).toBe('2026-11-22T07:00:00.000Z');
  });

  test('the run of a fire that was inserted before a crash is not made again', async () => {
    await world.addJob({ schedules: every(60) });
    await world.clock.advance(60 * minuteMs);
    const first = await world.scheduler();
    await world.until('the fire was served', async () => (await served()) !== undefined);
    await first.stop();
    // As if the scheduler had died before it noted the fire on the job.
    await modify(world.store.collection(collections.jobs), 'job-1', (found) => ({ ...found, lastFires: {} }));
    await world.scheduler({ instance: 'scheduler-2' });
    await world.until('the fire was served again', async () => (await served()) !== undefined);
    expect(await world.runs()).toHaveLength(1);
    expect(await world.events('run.requested')).toHaveLength(1);
  });
});

describe('a change of a job', () => {
  const change = async (schedules: Schedule[]): Promise<void> => {
    await modify(world.store.collection(collections.jobs), 'job-1', (found) => ({
      ...found,
      schedules,
      lastFires: servedAfterChange(found, { schedules, enabled: true }, world.clock.iso()),
    }));
  };
  const tell = async (): Promise<void> => {
    const about = { source: 'test', subject: 'job-1', key: world.clock.iso(), time: world.clock.iso() };
    const data = { jobId: 'job-1', organizationId: 'org-1', change: 'changed' as const };
    await world.messaging().publishEvent(makeEvent('job.changed', { ...about, data }));
  };

  test('counts at once when its event comes', async () => {
    await world.addJob({ schedules: every(600) });
    await world.scheduler();
    await pass(10_000);
    await change(daily('02:01'));
    await tell();
    await pass(55_000);
    expect((await requested()).map((time) => time.slice(0, 16))).toEqual(['2026-11-22T02:01']);
  });

  test('counts within a minute when its event was lost', async () => {
    await world.addJob({ schedules: every(600) });
    await world.scheduler();
    await pass(10_000);
    await change(daily('02:03'));
    await pass(4 * minuteMs, 5_000);
    expect((await requested()).map((time) => time.slice(0, 16))).toEqual(['2026-11-22T02:03']);
  });

  test('to a time of day that has passed today does not fire at once', async () => {
    await world.addJob({ schedules: every(600) });
    await world.scheduler();
    await pass(10_000);
    await change(daily('01:00'));
    await tell();
    await pass(10 * minuteMs, 10_000);
    expect(await world.runs()).toEqual([]);
    expect((await served())?.slice(0, 16)).toBe('2026-11-22T02:00');
  });

  test('a job that was deleted does not fire', async () => {
    await world.addJob({ schedules: every(5) });
    await world.scheduler();
    await pass(10_000);
    await world.store.collection(collections.jobs).delete('job-1');
    await pass(10 * minuteMs, 10_000);
    expect(await world.runs()).toEqual([]);
  });
});

describe('two schedulers', () => {
  test('each fire makes one run while both are there', async () => {
    await world.addJob({ schedules: every(1) });
    await world.scheduler();
    await world.scheduler({ instance: 'scheduler-2' });
    await pass(20 * minuteMs + 5_000, 5_000);
    expect(await world.runs()).toHaveLength(20);
  });

  test('both believe to lead: each fire still makes one run', async () => {
    await world.addJob({ schedules: every(1) });
    // Leases of their own, as in a broker that was split.
    for (const instance of ['scheduler-1', 'scheduler-2']) {
      const messaging = world.messaging();
      const own = {
        ...messaging,
        acquireLease: () => messaging.acquireLease(`scheduler-of-${instance}`, instance),
      };
      await world.scheduler({ instance, ports: { store: world.store, messaging: own } });
    }
    await pass(20 * minuteMs + 5_000, 5_000);
    expect(await world.runs()).toHaveLength(20);
    const events = await world.events('run.requested');
    expect(events).toHaveLength(20);
  });

  test('the leader goes and the standby takes over: no fire is lost, none comes twice', async () => {
    await world.addJob({ schedules: every(1) });
    let leader = await world.scheduler();
    for (let turn = 2; turn < 8; turn += 1) {
      const next = await world.scheduler({ instance: `scheduler-${turn}` });
      await pass(3 * minuteMs, 5_000);
      await leader.stop();
      leader = next;
    }
    await pass(2 * minuteMs, 5_000);
    const fires = new Set((await world.runs()).map(({ id }) => id));
    expect(fires.size).toBe(20);
    expect(await world.runs()).toHaveLength(20);
  });
});

test('a broker that is away keeps no schedule from being caught up', async () => {
  await world.addJob({ schedules: every(30) });
  await world.scheduler();
  await pass(minuteMs, 5_000);
  world.broker.goDown();
  await pass(45 * minuteMs, 30_000);
  world.broker.comeUp();
  await pass(minuteMs);
  expect(await world.runs()).toHaveLength(1);
});

test('300 jobs with the same time of day all fire', async () => {
  for (let n = 0; n < 300; n += 1) {
    await world.addJob({
      id: `job-${n}`,
      name: `Job ${n}`,
      schedules: daily('02:05'),
    });
  }
  await world.scheduler();
  await pass(4 * minuteMs, 30_000);
  expect(await world.store.collection(collections.runs).count()).toBe(0);
  await world.clock.advance(minuteMs);
  await world.until(
    'all have fired',
    async () => (await world.store.collection(collections.runs).count()) === 300,
  );
}, 30_000);
