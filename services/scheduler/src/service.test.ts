import { buckets, collections, HoldfastError } from '@holdfast/contracts';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createWorld, isOver, type World } from './testing/world.ts';

let world: World;
beforeEach(() => {
  world = createWorld();
});
afterEach(() => world.end());

const ended =
  (runId = 'run-1') =>
  async (): Promise<boolean> =>
    isOver(await world.run(runId));
const published = async (): Promise<boolean> =>
  (await world.events('run.completed')).every((row) => !row.pending);

describe('a run by hand', () => {
  test('goes from request to success: tasks in order, one start, one end', async () => {
    const mailboxes = await world.addMailboxes(5);
    await world.addJob();
    const proxy = await world.proxy();
    await world.scheduler();
    await world.requestRun();
    await world.until('the run has ended', ended());
    const run = await world.run();
    expect(run).toMatchObject({
      state: 'success',
      outcome: 'success',
      number: 1,
      tasks: { total: 5, success: 5, warning: 0, failed: 0, stopped: 0 },
      totals: { itemsNew: 5, itemsTotal: 50 },
    });
    expect(run.pointTime).toBe(run.startedAt);
    expect(proxy.worked).toEqual(mailboxes.map(({ id }) => `run-1.${id}`));
    expect(await world.events('run.started')).toHaveLength(1);
    expect((await world.events('run.completed'))[0]?.event.data).toMatchObject({
      outcome: 'success',
      tasks: { total: 5, success: 5 },
    });
    expect((await world.store.collection(collections.jobs).get('job-1'))?.doc.lastRunNumber).toBe(1);
  });

  test('leaves nothing in the broker: no sign, no queue', async () => {
    await world.addMailboxes(2);
    await world.addJob();
    await world.proxy();
    await world.scheduler();
    await world.requestRun();
    await world.until('the run has ended', ended());
    const messaging = world.messaging();
    const signs = await messaging.keyValue(buckets.runsActive, { parse: (json) => json });
    await world.until('the sign is gone', async () => (await signs.all()).size === 0);
    expect(await messaging.pendingTasks('sync', 'default', 'run-1')).toBe(0);
  });

  test('is counted after the runs before it, and its restore points are later than theirs even if the clock went back', async () => {
    await world.addMailboxes(1);
    await world.addJob();
    await world.proxy();
    await world.scheduler();
    const pointTime = '2026-11-22T09:00:00.000Z';
    await world.requestRun({ id: 'run-0', number: 7, state: 'success', outcome: 'success', pointTime });
    await world.requestRun();
    await world.until('the run has ended', ended());
    expect(await world.run()).toMatchObject({ number: 8, pointTime: '2026-11-22T09:00:01.000Z' });
  });

  test('takes the mailboxes that the inventory finds at this moment', async () => {
    await world.addJob({ sources: [{ kind: 'group', groupId: 'sales', members: 'transitive' }] });
    const asked: string[][] = [];
    await world.proxy({
      async refresh(groupIds) {
        asked.push(groupIds);
        const [mailbox] = await world.addMailboxes(1);
        await world.store.collection(collections.groups).insert({
          id: 'org-1.sales',
          organizationId: 'org-1',
          groupId: 'sales',
          displayName: 'Sales',
          memberUserIds: [mailbox?.userId ?? ''],
          directUserIds: [],
          status: 'active',
          seenAt: world.clock.iso(),
        });
      },
    });
    await world.scheduler();
    await world.requestRun();
    await world.until('the run has ended', ended());
    expect(asked).toEqual([['sales']]);
    expect((await world.run()).tasks).toMatchObject({ total: 1, success: 1 });
  });
});

describe('what went wrong in a run', () => {
  test.each([
    ['one mailbox of three failed', ['failed', 'success', 'success'], 'warning'],
    ['one mailbox has gaps', ['warning', 'success', 'success'], 'warning'],
    ['all mailboxes failed', ['failed', 'failed', 'failed'], 'failed'],
  ] as const)('%s', async (_situation, states, outcome) => {
    await world.addMailboxes(3);
    await world.addJob();
    await world.proxy({ outcomeOf: (task) => states[task.position] ?? 'success' });
    await world.scheduler();
    await world.requestRun();
    await world.until('the run has ended', ended());
    expect((await world.run()).state).toBe(outcome);
  });

  test('a mailbox that is named and not there is a failed task with a remedy, the others are backed up', async () => {
    const [mailbox] = await world.addMailboxes(1);
    await world.addJob({
      sources: [
        { kind: 'mailbox', address: 'nobody@contoso.example' },
        { kind: 'mailbox', address: mailbox?.address ?? '' },
      ],
    });
    await world.proxy();
    await world.scheduler();
    await world.requestRun();
    await world.until('the run has ended', ended());
    expect(await world.run()).toMatchObject({ state: 'warning', tasks: { total: 2, success: 1, failed: 1 } });
    expect((await world.tasks())[0]).toMatchObject({
      mailboxAddress: 'nobody@contoso.example',
      state: 'failed',
      error: { code: 'mailbox-unknown', remedy: expect.stringContaining('spelling') },
    });
  });

  test('a scope without mailboxes fails the run and says what to do', async () => {
    await world.addJob();
    await world.proxy();
    await world.scheduler();
    await world.requestRun();
    await world.until('the run has ended', ended());
    expect(await world.run()).toMatchObject({ state: 'failed', number: 1, error: { code: 'scope-empty' } });
    expect((await world.events('run.completed'))[0]?.event.data).toMatchObject({
      outcome: 'failed',
      error: { code: 'scope-empty' },
    });
  });

  test('wrong credentials fail the run with the words of the proxy', async () => {
    await world.addJob();
    await world.proxy({
      async refresh() {
        throw new HoldfastError('credential-refused', 'configuration', 'the secret has expired', {
          remedy: 'Make a new one.',
        });
      },
    });
    await world.scheduler();
    await world.requestRun();
    await world.until('the run has ended', ended());
    expect(await world.run()).toMatchObject({
      state: 'failed',
      error: { code: 'credential-refused', message: 'the secret has expired', remedy: 'Make a new one.' },
    });
  });
});

describe('no proxy is online', () => {
  test('the run waits, says so, and begins when one comes', async () => {
    await world.addMailboxes(1);
    await world.addJob();
    await world.scheduler();
    await world.requestRun();
    await world.until(
      'the run says why it waits',
      async () => (await world.run()).error?.code === 'no-proxy-online',
    );
    expect(await world.run()).toMatchObject({
      state: 'requested',
      error: { message: expect.stringContaining('no proxy online') },
    });
    await world.proxy();
    await world.until('the run has ended', ended());
    expect(await world.run()).toMatchObject({ state: 'success' });
    expect(await world.run()).not.toHaveProperty('error');
  });

  test('a run that waits can be stopped', async () => {
    await world.addJob();
    await world.scheduler();
    await world.requestRun();
    await world.until('the run waits', async () => (await world.run()).error !== undefined);
    await world.change('run-1', (run) => ({ ...run, stopRequested: true }));
    await world.until('the run has ended', ended());
    expect((await world.run()).state).toBe('stopped');
  });
});

describe('two runs of one job', () => {
  test('at the same time: the first runs, the second is skipped and recorded', async () => {
    await world.addMailboxes(1);
    await world.addJob();
    await world.scheduler();
    await world.requestRun({ id: 'run-1', requestedAt: '2026-11-22T02:00:00.000Z' });
    await world.requestRun({ id: 'run-2', requestedAt: '2026-11-22T02:00:01.000Z' });
    await world.until('the second was skipped', ended('run-2'));
    await world.proxy();
    await world.until('the first has ended', ended('run-1'));
    expect((await world.run('run-1')).state).toBe('success');
    expect(await world.run('run-2')).toMatchObject({ state: 'skipped', error: { code: 'run-active' } });
    expect((await world.run('run-1')).number).not.toBe((await world.run('run-2')).number);
    expect((await world.events('run.completed')).map(({ subject }) => subject).sort()).toEqual([
      'run-1',
      'run-2',
    ]);
  });

  test('one after the other: both run', async () => {
    await world.addMailboxes(1);
    await world.addJob();
    await world.proxy();
    await world.scheduler();
    await world.requestRun({ id: 'run-1' });
    await world.until('the first has ended', ended('run-1'));
    await world.requestRun({ id: 'run-2' });
    await world.until('the second has ended', ended('run-2'));
    expect([(await world.run('run-1')).number, (await world.run('run-2')).number]).toEqual([1, 2]);
  });
});

describe('a stop request', () => {
  test('what has not begun does not begin, what runs ends at its next checkpoint', async () => {
    await world.addMailboxes(5);
    await world.addJob({
      options: {
        concurrency: 1,
        attempts: 3,
        retry: { times: 0, pauseMinutes: 0 },
        includeRecoverable: false,
      },
    });
    const first = Promise.withResolvers<'stopped'>();
    const proxy = await world.proxy({ outcomeOf: () => first.promise });
    await world.scheduler();
    await world.requestRun({ concurrency: 1 });
    await world.until('the first mailbox is at work', () => proxy.worked.length === 1);
    await world.change('run-1', (run) => ({ ...run, stopRequested: true }));
    const stopped = async (): Promise<number> =>
      (await world.tasks()).filter(({ state }) => state === 'stopped').length;
    await world.until('the others are stopped', async () => (await stopped()) === 4);
    expect((await world.run()).state).toBe('running');
    first.resolve('stopped');
    await world.until('the run has ended', ended());
    expect(await world.run()).toMatchObject({ state: 'stopped', tasks: { total: 5, stopped: 5 } });
    expect(proxy.worked).toHaveLength(1);
  });

  test('that comes too late changes nothing', async () => {
    await world.addMailboxes(1);
    await world.addJob();
    const work = Promise.withResolvers<'success'>();
    const proxy = await world.proxy({ outcomeOf: () => work.promise });
    await world.scheduler();
    await world.requestRun();
    await world.until('the mailbox is at work', () => proxy.worked.length === 1);
    await world.change('run-1', (run) => ({ ...run, stopRequested: true }));
    work.resolve('success');
    await world.until('the run has ended', ended());
    expect((await world.run()).state).toBe('success');
  });

  test('ends although the proxy of the running task has vanished', async () => {
    await world.addMailboxes(1);
    await world.addJob();
    const proxy = await world.proxy({ outcomeOf: () => 'hang' });
    await world.scheduler();
    await world.requestRun();
    await world.until('the mailbox is at work', () => proxy.worked.length === 1);
    await proxy.stop();
    await world.change('run-1', (run) => ({ ...run, stopRequested: true }));
    await world.until('the run has ended', ended(), 2_000);
    expect((await world.run()).state).toBe('stopped');
  });
});

describe('events and broker', () => {
  test('events lost: the run ends all the same', async () => {
    await world.addMailboxes(3);
    await world.addJob();
    await world.proxy({ publishesEvents: false });
    await world.scheduler();
    await world.requestRun();
    await world.until('the run has ended', ended());
    expect((await world.run()).state).toBe('success');
  });

  test('an event that comes after the end, and twice, changes nothing', async () => {
    await world.addMailboxes(1);
    await world.addJob();
    await world.proxy();
    await world.scheduler();
    await world.requestRun();
    await world.until('the end is published', async () => (await ended()()) && (await published()));
    const before = await world.run();
    const row = (await world.events('run.completed'))[0];
    const messaging = world.messaging();
    for (let n = 0; n < 2; n += 1)
      await messaging.publishEvent(row?.event as unknown as Parameters<typeof messaging.publishEvent>[0]);
    await world.clock.advance(5_000);
    expect(await world.run()).toEqual(before);
    expect(await world.events('run.completed')).toHaveLength(1);
  });

  test('the broker comes back empty in the middle: the run is only later, and nothing is done twice', async () => {
    await world.addMailboxes(6);
    await world.addJob();
    const gate = Promise.withResolvers<void>();
    const proxy = await world.proxy({
      async outcomeOf(task) {
        if (task.position > 0) await gate.promise;
        return 'success' as const;
      },
    });
    await world.scheduler();
    await world.requestRun({ concurrency: 2 });
    await world.until('two mailboxes are at work', () => proxy.worked.length === 3);
    world.broker.goDown();
    await world.clock.advance(3_000);
    world.broker.wipe();
    world.broker.comeUp();
    gate.resolve();
    await world.until('the run has ended', ended(), 1_000);
    expect(await world.run()).toMatchObject({ state: 'success', tasks: { total: 6, success: 6 } });
    expect([...proxy.worked].sort()).toEqual([...new Set(proxy.worked)].sort());
  });

  test('the broker lost its storage while the scheduler was down', async () => {
    await world.addMailboxes(4);
    await world.addJob();
    const first = await world.scheduler();
    const proxy = await world.proxy({ outcomeOf: () => 'hang' });
    await world.requestRun({ concurrency: 1 });
    await world.until('a mailbox is at work', () => proxy.worked.length === 1);
    await first.stop();
    await proxy.stop();
    world.broker.wipe();
    const second = await world.proxy({ name: 'proxy-2' });
    await world.scheduler({ instance: 'scheduler-2' });
    await world.until('the run has ended', ended(), 2_000);
    expect((await world.run()).state).toBe('success');
    expect(second.worked).toHaveLength(4);
  });

  test('a task whose proxy vanished and that the broker does not give out again is sent again', async () => {
    await world.addMailboxes(1);
    await world.addJob();
    const lost = await world.proxy({ outcomeOf: () => 'hang' });
    await world.scheduler();
    await world.requestRun();
    await world.until('the mailbox is at work', () => lost.worked.length === 1);
    await lost.stop();
    const other = await world.proxy({ name: 'proxy-2' });
    await world.until('the run has ended', ended(), 5_000);
    expect(other.worked).toHaveLength(1);
    expect((await world.run()).state).toBe('success');
  });
});

test('the lag is the age of the oldest run that has not ended, and nothing for a standby', async () => {
  await world.addJob();
  const leader = await world.scheduler();
  const standby = await world.scheduler({ instance: 'scheduler-2' });
  await world.requestRun();
  await world.until('the leader has seen the run', () => leader.lagSeconds() > 0);
  await world.clock.advance(60_000);
  expect(leader.lagSeconds()).toBeGreaterThanOrEqual(60);
  expect(standby.lagSeconds()).toBe(0);
});
