import { collections, type RetentionGuard } from '@holdfast/contracts';
import { createOutbox } from '@holdfast/messaging';
import { all, modify } from '@holdfast/store';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createGuards } from '../adapters/storeRecords.ts';
import { expireIn } from '../testing/expireIn.ts';
import { createWorld, type World } from '../testing/world.ts';
import { announceGuards } from './guards.ts';

let world: World;
beforeEach(async () => {
  world = await createWorld();
  await world.settings({ waitDays: 0, guard: { percent: 50, points: 3 } });
  await world.addJob();
  for (let hours = 1; hours <= 9; hours += 1) await world.addPoint(`run-${hours}`, hours);
});
afterEach(() => world.end());

async function guards(): Promise<RetentionGuard[]> {
  const found: RetentionGuard[] = [];
  for await (const { doc } of all(world.store.collection(collections.retentionGuards))) found.push(doc);
  return found;
}
const approve = async (): Promise<void> => {
  for (const { id } of await guards()) {
    await modify(world.store.collection(collections.retentionGuards), id, (guard) => ({
      ...guard,
      state: 'approved' as const,
      approvedBy: 'ada',
    }));
  }
};
const announce = (): Promise<number> => {
  const outbox = createOutbox({
    rows: world.store.collection(collections.events),
    publish: async () => undefined,
    source: 'test',
    now: () => world.clock.now(),
  });
  return announceGuards(createGuards(world.store), outbox.add, world.record.id, world.clock.now());
};

describe('a plan that takes most of a mailbox', () => {
  test('is stopped and written down; nothing goes however often it is tried', async () => {
    for (let pass = 0; pass < 3; pass += 1) {
      expect(await expireIn(world)).toMatchObject({ condemned: 0, expired: 0 });
    }
    expect(await world.points()).toHaveLength(9);
    expect(await guards()).toMatchObject([
      { jobId: 'job-1', state: 'open', points: 7, of: 9, mailboxAddress: 'ann@contoso.example' },
    ]);
  });

  test('goes on when it was approved, and is forgotten then', async () => {
    await expireIn(world);
    await approve();
    expect(await expireIn(world)).toMatchObject({ expired: 7 });
    expect([await world.points(), await guards()]).toEqual([['8', '9'], []]);
  });

  test('goes on with what came since the approval as long as that is little', async () => {
    await expireIn(world);
    await approve();
    await world.addPoint('run-10', 10);
    expect(await expireIn(world)).toMatchObject({ expired: 8 });
  });

  test('has to be approved again when it has grown much', async () => {
    await expireIn(world);
    await approve();
    // More than had been approved by far, by their number and their share.
    for (let hours = 10; hours <= 40; hours += 1) await world.addPoint(`run-${hours}`, hours);
    expect(await expireIn(world)).toMatchObject({ expired: 0 });
    expect(await guards()).toMatchObject([{ state: 'open', points: 38, of: 40 }]);
  });

  test('is no longer stopped when the policy keeps more', async () => {
    await expireIn(world);
    await modify(world.store.collection(collections.jobs), 'job-1', (job) => ({
      ...job,
      retention: { ...job.retention, keepLast: 7 },
    }));
    expect(await expireIn(world)).toMatchObject({ expired: 2 });
    expect(await guards()).toEqual([]);
  });

  test('is told of once, with the mailboxes that would lose most', async () => {
    await expireIn(world);
    expect(await announce()).toBe(1);
    await expireIn(world);
    expect(await announce()).toBe(1);
    expect((await world.events('retention.guarded')).map(({ data }) => data)).toEqual([
      {
        ...{ repositoryId: 'repo-1', organizationId: 'org-1', jobId: 'job-1' },
        ...{ mailboxes: 1, points: 7, of: 9, worst: ['ann@contoso.example'] },
      },
    ]);
  });
});
