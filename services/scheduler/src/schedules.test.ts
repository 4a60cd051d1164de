import { type Job, type Run, type Schedule, type ScheduleInput, schedulesSchema } from '@holdfast/contracts';
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

const minuteMs = 60_000;
const some = (...given: ScheduleInput[]): Schedule[] => schedulesSchema.parse(given);
const daily = (start: string, more: object = {}): ScheduleInput => ({
  ...{ kind: 'daily', start, timeZone: 'UTC' },
  ...more,
});
const after = (jobId: string, more: object = {}): ScheduleInput => ({ kind: 'after', jobId, ...more });
const withRetry = (times: number, pauseMinutes: number): Pick<Job, 'options'> => ({
  options: { concurrency: 3, attempts: 1, retry: { times, pauseMinutes }, includeRecoverable: false },
});
const runsOf = async (jobId: string): Promise<Run[]> =>
  (await world.runs())
    .filter((run) => run.jobId === jobId)
    .sort((a, b) => a.requestedAt.localeCompare(b.requestedAt));
const minute = (iso: string | undefined): string | undefined => iso?.slice(11, 16);

async function pass(minutes: number, stepMs = 10_000): Promise<void> {
  for (let at = 0; at < minutes * minuteMs; at += stepMs) await world.clock.advance(stepMs);
}

describe('several schedules of a job', () => {
  test('each makes runs that name it; at the same moment one run, of the first', async () => {
    await world.addJob({
      schedules: some(daily('02:05', { id: 'a' }), daily('02:05', { id: 'b', days: [7] }), {
        ...{ id: 'c', kind: 'periodic', every: 10, unit: 'minutes', timeZone: 'UTC' },
      }),
    });
    await world.proxy();
    await world.scheduler();
    await pass(22);
    const made = (await runsOf('job-1')).map(({ scheduleId, fireTime, state }) => [
      scheduleId,
      minute(fireTime),
      state,
    ]);
    expect(made).toEqual([
      ['a', '02:05', 'success'],
      ['c', '02:10', 'success'],
      ['c', '02:20', 'success'],
    ]);
    const told = (await world.events('run.requested')).map(({ event }) => event.data);
    expect(told).toContainEqual(
      expect.objectContaining({ scheduleId: 'a', fireTime: '2026-11-22T02:05:00.000Z' }),
    );
  });

  test('none fires before the day from which it is effective', async () => {
    await world.addJob({ schedules: some(daily('02:05', { effectiveFrom: '2026-11-23' })) });
    await world.proxy();
    await world.scheduler();
    await pass(24 * 60, minuteMs);
    expect(await world.runs()).toEqual([]);
    await pass(6);
    expect((await world.runs()).map(({ fireTime }) => fireTime)).toEqual(['2026-11-23T02:05:00.000Z']);
  });
});

describe('after a downtime', () => {
  const down = (minutes: number): Promise<void> => world.clock.advance(minutes * minuteMs);

  test('whatever was missed by all schedules is one run, and it says when it should have begun', async () => {
    await world.addJob({ schedules: some(daily('03:00'), daily('04:00'), daily('05:00')) });
    await down(200);
    await world.proxy();
    await world.scheduler();
    await pass(1, 1_000);
    const runs = await world.runs();
    expect(runs).toHaveLength(1);
    expect(runs[0]).toMatchObject({ state: 'success', fireTime: '2026-11-22T05:00:00.000Z' });
    expect(minute(runs[0]?.requestedAt)).toBe('05:20');
  });

  test('a job that does not catch up records the newest missed time as skipped and goes on', async () => {
    await world.addJob({ catchUp: false, schedules: some(daily('03:00'), daily('06:00')) });
    await down(200);
    await world.proxy();
    await world.scheduler();
    await pass(45);
    const runs = await runsOf('job-1');
    expect(runs.map(({ state, error, fireTime }) => [state, error?.code, minute(fireTime)])).toEqual([
      ['skipped', 'fire-missed', '03:00'],
      ['success', undefined, '06:00'],
    ]);
    expect(runs[0]?.error?.remedy).toContain('catchUp');
  });

  test('a moment without a scheduler is no downtime', async () => {
    await world.addJob({ catchUp: false, schedules: some(daily('03:00')) });
    await down(64);
    await world.proxy();
    await world.scheduler();
    await pass(1, 1_000);
    expect((await world.runs()).map(({ state }) => state)).toEqual(['success']);
  });

  test('a time whose window is over is recorded and not caught up', async () => {
    await world.addJob({ schedules: some(daily('03:00', { end: '03:30' })) });
    await down(120);
    await world.proxy();
    await world.scheduler();
    await pass(1, 1_000);
    expect((await world.runs()).map(({ state, error }) => [state, error?.code])).toEqual([
      ['skipped', 'window-over'],
    ]);
  });

  test('a time whose window is still open is caught up until its end', async () => {
    await world.addJob({ schedules: some(daily('03:00', { end: '06:00' })) });
    await down(120);
    await world.proxy();
    await world.scheduler();
    await pass(1, 1_000);
    expect((await world.runs())[0]).toMatchObject({
      state: 'success',
      stopAt: '2026-11-22T06:00:00.000Z',
    });
  });
});

describe('a job that follows another', () => {
  const first = (given: Partial<Job> = {}): Promise<Job> =>
    world.addJob({ id: 'first', name: 'First', schedules: some(daily('02:05')), ...given });
  const second = (more: object = {}, given: Partial<Job> = {}): Promise<Job> =>
    world.addJob({ id: 'second', name: 'Second', schedules: some(after('first', more)), ...given });

  test('runs at once after it, whoever asked for that run, and names it', async () => {
    await first();
    await second();
    await world.proxy();
    await world.scheduler();
    await pass(6);
    await world.requestRun({ id: 'by-hand', jobId: 'first' });
    await pass(1, 1_000);
    const leading = await runsOf('first');
    const following = await runsOf('second');
    expect(following.map(({ state, afterRunId }) => [state, afterRunId])).toEqual(
      leading.map(({ id }) => ['success', id]),
    );
    expect(following.map(({ fireTime }) => fireTime)).toEqual(leading.map(({ finishedAt }) => finishedAt));
  });

  test('later when it says so, also when the scheduler changes in between', async () => {
    await first();
    await second({ delayMinutes: 20 });
    await world.proxy();
    const leader = await world.scheduler();
    await pass(15);
    await leader.stop();
    await world.scheduler({ instance: 'scheduler-2' });
    await pass(9);
    expect(await runsOf('second')).toEqual([]);
    await pass(2);
    const [run] = await runsOf('second');
    expect(minute(run?.fireTime)).toBe('02:25');
    await pass(60);
    expect(await runsOf('second')).toHaveLength(1);
  });

  test.each<[string[], string[]]>([
    [['success'], ['success', 'warning']],
    [['failed'], ['failed']],
    [['stopped'], ['stopped']],
    [
      ['failed', 'stopped'],
      ['failed', 'stopped'],
    ],
    [
      ['success', 'failed', 'stopped'],
      ['success', 'warning', 'failed', 'stopped'],
    ],
  ])('after results %j it runs after %j', async (outcomes, states) => {
    await first({
      schedules: [],
      options: {
        concurrency: 3,
        attempts: 1,
        retry: { times: 0, pauseMinutes: 0 },
        includeRecoverable: false,
      },
    });
    await second({ outcomes });
    let end: 'success' | 'warning' | 'failed' | 'stopped' = 'success';
    await world.proxy({ outcomeOf: () => end });
    await world.scheduler();
    const followed: string[] = [];
    for (const state of ['success', 'warning', 'failed', 'stopped'] as const) {
      end = state;
      const before = (await runsOf('second')).length;
      // Runs are told apart by their ends, and not one of them takes no time.
      await world.clock.advance(1_000);
      await world.requestRun({ id: `run-${state}`, jobId: 'first', attempts: 1 });
      await world.until('it has ended', async () => isOver(await world.run(`run-${state}`)));
      end = 'success';
      await pass(1, 5_000);
      if ((await runsOf('second')).length > before) followed.push(state);
    }
    expect(followed).toEqual(states);
  });

  test('does not run after a run of chosen mailboxes, nor after one that was skipped', async () => {
    await first({ schedules: [] });
    await second();
    const work = Promise.withResolvers<'success'>();
    await world.proxy({ outcomeOf: () => work.promise });
    await world.scheduler();
    await world.requestRun({ id: 'a', jobId: 'first' });
    await pass(1, 5_000);
    await world.requestRun({ id: 'b', jobId: 'first' });
    await pass(1, 5_000);
    expect((await world.run('b')).state).toBe('skipped');
    expect(await runsOf('second')).toEqual([]);
    work.resolve('success');
    await pass(1, 5_000);
    expect((await runsOf('second')).map(({ afterRunId }) => afterRunId)).toEqual(['a']);
    const tasks = await world.tasks('a');
    await world.requestRun({ id: 'c', jobId: 'first', onlyMailboxes: [tasks[0]?.mailboxId ?? ''] });
    await world.until('it has ended', async () => isOver(await world.run('c')));
    await pass(1, 5_000);
    expect(await runsOf('second')).toHaveLength(1);
  });

  test('catches up once after runs that ended while nobody was there to see', async () => {
    await first({ schedules: [] });
    await second();
    await world.proxy();
    const leader = await world.scheduler();
    await pass(1, 5_000);
    await leader.stop();
    // As if another scheduler had ended them and died before it looked at who follows.
    for (const [number, id] of ['a', 'b'].entries()) {
      const finishedAt = world.clock.iso();
      await world.requestRun({ id, jobId: 'first', number: number + 1, state: 'success', finishedAt });
      await world.clock.advance(minuteMs);
    }
    await world.scheduler({ instance: 'scheduler-2' });
    await pass(1, 5_000);
    expect((await runsOf('second')).map(({ afterRunId }) => afterRunId)).toEqual(['b']);
  });

  test('does nothing while it is disabled', async () => {
    await first();
    await second({}, { enabled: false });
    await world.proxy();
    await world.scheduler();
    await pass(10);
    expect((await runsOf('first')).map(({ state }) => state)).toEqual(['success']);
    expect(await runsOf('second')).toEqual([]);
  });
});

describe('failed mailboxes at the end of a run', () => {
  test('are tried again after the pause, and the run ends once, with what came of it', async () => {
    await world.addJob({ schedules: some(daily('02:05')), ...withRetry(3, 10) });
    let tries = 0;
    const proxy = await world.proxy({
      outcomeOf: ({ position }) => (position === 0 || tries++ >= 2 ? 'success' : 'failed'),
    });
    await world.scheduler();
    await pass(7);
    expect((await world.runs())[0]).toMatchObject({
      state: 'running',
      tasks: { total: 2, success: 1, failed: 1 },
      retry: { times: 3, done: 0, at: expect.stringContaining('T02:15') },
    });
    expect(await world.events('run.completed')).toEqual([]);
    await pass(20);
    const [run] = await world.runs();
    expect(run).toMatchObject({ state: 'success', retry: { times: 3, pauseMinutes: 10, done: 2 } });
    expect(run?.retry?.at).toBeUndefined();
    const runId = run?.id ?? '';
    const tasks = await world.tasks(runId);
    expect(tasks.map(({ state, retry }) => [state, retry])).toEqual([
      ['success', undefined],
      ['success', 2],
    ]);
    expect(tasks[1]?.error).toBeUndefined();
    expect(proxy.worked).toHaveLength(4);
    const completed = await world.events('run.completed');
    expect(completed).toHaveLength(1);
    expect(completed[0]?.event.data).toMatchObject({ outcome: 'success', retries: 2 });
    const retries = (await world.events('run.retry-started')).map((row) => row.event.data);
    expect(retries.map(({ retry, of, mailboxes }) => [retry, of, mailboxes]).sort()).toEqual([
      [1, 3, 1],
      [2, 3, 1],
    ]);
  });

  test('that never work end the run with a warning after the last try', async () => {
    await world.addJob({ schedules: some(daily('02:05')), ...withRetry(2, 1) });
    const proxy = await world.proxy({ outcomeOf: ({ position }) => (position === 0 ? 'success' : 'failed') });
    await world.scheduler();
    await pass(12);
    expect((await world.runs())[0]).toMatchObject({ state: 'warning', retry: { done: 2 } });
    expect(proxy.worked).toHaveLength(4);
  });

  test('are not tried again when a person has to do something first', async () => {
    await world.addJob({
      schedules: some(daily('02:05')),
      sources: [{ kind: 'organization' }, { kind: 'mailbox', address: 'nobody@contoso.example' }],
      ...withRetry(3, 10),
    });
    await world.proxy();
    await world.scheduler();
    await pass(6);
    expect((await world.runs())[0]).toMatchObject({ state: 'warning', tasks: { failed: 1, success: 2 } });
  });

  test('are left when the run is stopped during the pause, and when its time is over before', async () => {
    await world.addJob({ schedules: some(daily('02:05')), ...withRetry(3, 30) });
    await world.addJob({
      ...{ id: 'job-2', name: 'Short', schedules: some(daily('02:05', { end: '02:30' })) },
      ...withRetry(3, 30),
    });
    await world.proxy({ outcomeOf: () => 'failed' });
    await world.scheduler();
    await pass(7);
    const [short] = await runsOf('job-2');
    expect(short).toMatchObject({ state: 'failed', retry: { done: 0 } });
    const [waiting] = await runsOf('job-1');
    expect(waiting?.state).toBe('running');
    await world.change(waiting?.id ?? '', (run) => ({ ...run, stopRequested: true, stopReason: 'user' }));
    await pass(1);
    expect((await runsOf('job-1'))[0]).toMatchObject({ state: 'failed', retry: { done: 0 } });
  });

  test('keep the next run of the job away until the last try is over', async () => {
    await world.addJob({
      schedules: some(daily('02:05'), daily('02:10'), daily('02:30')),
      ...withRetry(1, 10),
    });
    let isBroken = true;
    await world.proxy({ outcomeOf: () => (isBroken ? 'failed' : 'success') });
    await world.scheduler();
    await pass(14);
    isBroken = false;
    await pass(20);
    expect((await runsOf('job-1')).map(({ state, fireTime }) => [minute(fireTime), state])).toEqual([
      ['02:05', 'success'],
      ['02:10', 'skipped'],
      ['02:30', 'success'],
    ]);
  });
});
