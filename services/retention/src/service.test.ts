import { collections, HoldfastError, makeEvent } from '@holdfast/contracts';
import { askQuestion } from '@holdfast/messaging';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { OpenPointStore } from './ports.ts';
import { createWorld, mailbox, type World } from './testing/world.ts';

let world: World;
beforeEach(async () => {
  world = await createWorld();
});
afterEach(() => world.end());

const addHistory = async (): Promise<void> => {
  await world.addJob();
  for (const hours of [1, 2, 3]) await world.addPoint(`run-${hours}`, hours);
};
const isThinned = async (): Promise<boolean> => (await world.records()).join() === '2,3';

/** A repository that cannot be reached for the first tries. */
function unreachable(times: number): { open: OpenPointStore; tries: () => number } {
  let tries = 0;
  return {
    tries: () => tries,
    async open(record) {
      tries += 1;
      if (tries <= times)
        throw new HoldfastError('store-unreachable', 'transient', 'the folder is not mounted');
      return world.openPoints(record);
    },
  };
}

test('a run has ended: the mailboxes that it changed are thinned out', async () => {
  await addHistory();
  const run = await world.addRun('run-3');
  await world.retention();
  await world.tell(run);
  await world.until('the oldest point is gone', isThinned);
  expect(await world.points()).toEqual(['2', '3']);
  await world.until(
    'the event is published',
    async () => (await world.events('restore-point.expired')).length === 1,
  );
});

test('a run that changed nothing costs no look into the repository', async () => {
  await addHistory();
  const { open, tries } = unreachable(0);
  const run = await world.addRun('run-4');
  const tasks = world.store.collection(collections.runTasks);
  const task = await tasks.get(`run-4.${mailbox.id}`);
  if (task === undefined) throw new Error('no task');
  const { pointId: _none, ...unchanged } = task.doc;
  await tasks.replace(unchanged, task.version);
  await world.retention({ openPoints: open });
  await world.tell(run);
  await world.clock.advance(30_000);
  expect(tries()).toBe(0);
});

test('regularly: what no event told is found', async () => {
  await addHistory();
  const head = { id: `repo-1.${mailbox.id}`, repositoryId: 'repo-1', mailboxId: mailbox.id };
  await world.store
    .collection(collections.mailboxHeads)
    .insert({ ...head, organizationId: 'org-1', mailboxAddress: mailbox.address, epoch: 1 });
  await world.retention();
  await world.until('the oldest point is gone', isThinned, 10_000);
  await world.addPoint('run-4', 4);
  await world.until('the next one is gone', async () => (await world.records()).join() === '3,4', 300_000);
});

describe('the repository is away', () => {
  test('after a run: tried again until it is there', async () => {
    await addHistory();
    const run = await world.addRun('run-3');
    const { open, tries } = unreachable(1);
    await world.retention({ openPoints: open });
    await world.tell(run);
    await world.until('it was tried', () => tries() > 0);
    expect(await world.records()).toEqual(['1', '2', '3']);
    await world.until('the oldest point is gone', isThinned);
  });

  test('in the regular pass: tried again after ten minutes, and the lag tells', async () => {
    await addHistory();
    const head = { id: `repo-1.${mailbox.id}`, repositoryId: 'repo-1', mailboxId: mailbox.id };
    await world.store
      .collection(collections.mailboxHeads)
      .insert({ ...head, organizationId: 'org-1', mailboxAddress: mailbox.address, epoch: 1 });
    const { open, tries } = unreachable(2);
    const retention = await world.retention({ openPoints: open });
    await world.until('the oldest point is gone', isThinned, 60_000);
    expect(tries()).toBe(3);
    expect(retention.lagSeconds()).toBe(0);
  });
});

test('two processes told of the same run do the work once', async () => {
  await addHistory();
  const run = await world.addRun('run-3');
  await world.retention();
  await world.retention({ instance: 'retention-2' });
  await world.tell(run);
  await world.until('the oldest point is gone', isThinned);
  await world.clock.advance(120_000);
  expect(await world.events('restore-point.expired')).toHaveLength(1);
});

test('a run whose repository was deleted is let go', async () => {
  const run = await world.addRun('run-3');
  await world.store.collection(collections.repositories).delete('repo-1');
  const { open, tries } = unreachable(0);
  await world.retention({ openPoints: open });
  await world.tell(run);
  await world.clock.advance(10_000);
  expect(tries()).toBe(0);
});

describe('somebody asks', () => {
  test('for a pass now: all mailboxes of the repository are looked at', async () => {
    await addHistory();
    await world.store.collection(collections.mailboxHeads).insert({
      ...{ id: `repo-1.${mailbox.id}`, repositoryId: 'repo-1', mailboxId: mailbox.id, epoch: 1 },
      ...{ organizationId: 'org-1', mailboxAddress: mailbox.address },
    });
    await world.retention();
    const event = makeEvent('retention.requested', {
      ...{
        source: 'test',
        subject: 'repo-1',
        key: 'request-1',
        time: new Date(world.clock.now()).toISOString(),
      },
      data: { repositoryId: 'repo-1', requestedBy: 'ada' },
    });
    await world.messaging().publishEvent(event);
    await world.until('the oldest point is gone', isThinned, 100);
    await world.until(
      'the end is told of',
      async () => (await world.events('retention.completed')).length > 0,
      100,
    );
    expect((await world.events('retention.completed'))[0]?.data).toMatchObject({
      ...{ repositoryId: 'repo-1', trigger: 'request', mailboxes: 1, condemned: 1, expired: 1, failed: 0 },
    });
  });

  test('what removing points would free', async () => {
    await addHistory();
    await world.retention();
    const pointNames = [(await world.recordOf('run-1')).pointName];
    const asked = { repositoryId: 'repo-1', mailboxId: mailbox.id, pointNames };
    const answer = await askQuestion(world.messaging(), 'default', 'measureFreed', asked, {
      timeoutMs: 45_000,
    });
    // Its tree is that of the others as well.
    expect(answer).toEqual({ objects: 0, bytes: 0, bound: 'exact' });
    const unknown = askQuestion(
      world.messaging(),
      'default',
      'measureFreed',
      { ...asked, repositoryId: 'repo-9' },
      { timeoutMs: 45_000 },
    );
    await expect(unknown).rejects.toMatchObject({ code: 'no-repository' });
  });
});
