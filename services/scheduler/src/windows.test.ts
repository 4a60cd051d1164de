import { type Schedule, type ScheduleInput, schedulesSchema } from '@holdfast/contracts';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createWorld, isOver, type World } from './testing/world.ts';

// Hours pass in steps of seconds; on a machine with much other work that takes its time.
jest.setTimeout(120_000);

let world: World;
beforeEach(async () => {
  world = createWorld('2026-11-22T02:00:00.000Z');
  await world.addMailboxes(2);
});
afterEach(() => world.end());

/** From 02:05 to 02:30. */
const window: ScheduleInput = { kind: 'daily', start: '02:05', end: '02:30', timeZone: 'UTC' };
const schedules: Schedule[] = schedulesSchema.parse([window]);
const retry = (times: number) => ({
  ...{ concurrency: 1, attempts: 1, includeRecoverable: false },
  retry: { times, pauseMinutes: 0 },
});

async function pass(minutes: number, stepMs = 10_000): Promise<void> {
  for (let at = 0; at < minutes * 60_000; at += stepMs) await world.clock.advance(stepMs);
}

describe('the end of a window', () => {
  test('stops a run that is not finished; what has not begun does not begin', async () => {
    await world.addJob({
      schedules,
      options: retry(0),
    });
    const work = Promise.withResolvers<'stopped'>();
    const proxy = await world.proxy({ outcomeOf: () => work.promise });
    await world.scheduler();
    await pass(29);
    expect(await world.events('run.stop-requested')).toEqual([]);
    await pass(2);
    // The proxy sees the sign at its next checkpoint.
    expect(proxy.worked).toHaveLength(1);
    work.resolve('stopped');
    await world.until('the run has ended', async () => (await world.runs()).some(isOver));
    expect((await world.runs())[0]).toMatchObject({
      state: 'stopped',
      stopReason: 'window-end',
      stopAt: '2026-11-22T02:30:00.000Z',
      tasks: { total: 2, stopped: 2 },
    });
    expect((await world.events('run.stop-requested'))[0]?.event.data).toMatchObject({
      requestedBy: 'schedule',
    });
  });

  test('that passed while no scheduler was there: what the proxies have ended by themselves is a stopped run', async () => {
    await world.addJob({ schedules, options: { ...retry(3), concurrency: 2 } });
    const work = Promise.withResolvers<void>();
    await world.proxy({
      outcomeOf: async ({ position }) => {
        await work.promise;
        return position === 0 ? 'failed' : 'stopped';
      },
    });
    const first = await world.scheduler();
    const atWork = async () => {
      const [run] = await world.runs();
      return (await world.tasks(run?.id)).filter(({ state }) => state === 'running').length;
    };
    await world.until('both are at work', async () => (await atWork()) === 2);
    await world.over(first.stop());
    work.resolve();
    await pass(60);
    expect((await world.runs())[0]?.state).toBe('running');
    await world.scheduler({ instance: 'scheduler-2' });
    await world.until('the run has ended', async () => (await world.runs()).some(isOver));
    expect((await world.runs())[0]).toMatchObject({
      state: 'stopped',
      stopReason: 'window-end',
      tasks: { total: 2, failed: 1, stopped: 1 },
    });
    expect(await world.events('run.stop-requested')).toHaveLength(1);
    expect(await world.events('run.completed')).toHaveLength(1);
  });

  test('is the reason also when the clock of a proxy is ahead', async () => {
    await world.addJob({ schedules });
    await world.proxy({ outcomeOf: () => 'stopped' });
    await world.scheduler();
    await world.until('the run has ended', async () => (await world.runs()).some(isOver));
    expect((await world.runs())[0]).toMatchObject({ state: 'stopped', stopReason: 'window-end' });
  });

  test('leaves a run alone that has finished by then', async () => {
    await world.addJob({ schedules });
    await world.proxy();
    await world.scheduler();
    await pass(40);
    const [run] = await world.runs();
    expect(run).toMatchObject({ state: 'success' });
    expect(run?.stopReason).toBeUndefined();
  });

  test('ends a run that still waits for a proxy', async () => {
    await world.addJob({ schedules });
    await world.scheduler();
    await pass(31);
    expect((await world.runs())[0]).toMatchObject({ state: 'stopped', stopReason: 'window-end' });
  });
});
