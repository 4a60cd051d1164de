import { describe, expect, test } from '@jest/globals';
import { SyncWorld } from '../testing/world.ts';

function filled(): SyncWorld {
  const world = new SyncWorld();
  for (let n = 0; n < 4; n += 1) world.mailbox.addMessage('inbox');
  return world;
}
const madeBy = (world: SyncWorld): (string | undefined)[] =>
  [...world.pointRecords.values()].map(({ jobId, scheduleId }) => scheduleId ?? jobId);

describe('restore points that another policy keeps may go any day, so', () => {
  test('a schedule with a policy of its own gets a point of its own of an unchanged mailbox, once', async () => {
    const world = filled();
    await world.attempt();
    world.madeBy = { jobId: 'job-1', scheduleId: 'monthly', ownRetention: true };
    await world.attempt();
    await world.attempt();
    expect(madeBy(world)).toEqual(['job-1', 'monthly']);
    const [first, second] = world.vault.full();
    expect(second?.facts.root).toBe(first?.facts.root);
    expect(second?.facts.counts).toEqual(first?.facts.counts);
    expect(world.head?.head.pointName).toBe(second?.name);
    expect(world.stored()).toEqual(world.source());
  });

  test('the job gets one after it, and none while only it runs', async () => {
    const world = filled();
    await world.attempt();
    world.madeBy = { jobId: 'job-1', scheduleId: 'monthly', ownRetention: true };
    await world.attempt();
    world.madeBy = { jobId: 'job-1' };
    await world.attempt();
    await world.attempt();
    expect(madeBy(world)).toEqual(['job-1', 'monthly', 'job-1']);
  });

  test('another job of the mailbox gets its own as well', async () => {
    const world = filled();
    await world.attempt();
    world.madeBy = { jobId: 'job-2' };
    await world.attempt();
    expect(madeBy(world)).toEqual(['job-1', 'job-2']);
  });

  test('schedules under the policy of the job share its points', async () => {
    const world = filled();
    world.madeBy = { jobId: 'job-1', scheduleId: 'weekdays' };
    await world.attempt();
    world.madeBy = { jobId: 'job-1', scheduleId: 'weekend' };
    await world.attempt();
    world.madeBy = { jobId: 'job-1' };
    await world.attempt();
    expect(madeBy(world)).toEqual(['weekdays']);
  });

  test('what changed is not fetched again for it', async () => {
    const world = filled();
    await world.attempt();
    world.mailbox.contentCalls.length = 0;
    world.madeBy = { jobId: 'job-2' };
    await world.attempt();
    expect(world.mailbox.contentCalls).toEqual([]);
  });
});
