import { collections, type HoldfastEvent, type RestoreState } from '@holdfast/contracts';
import { modify } from '@holdfast/store';
import { buildRestorePart, buildRestoreSession } from '@holdfast/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { dyingAt, expireIn } from '../testing/expireIn.ts';
import { createWorld, mailbox, type World } from '../testing/world.ts';
import type { Expired, ExpirePorts } from './expireMailbox.ts';
import { printPlan } from './printPlan.ts';

let world: World;
let plans: string[];
beforeEach(async () => {
  world = await createWorld();
  plans = [];
});
afterEach(() => world.end());

const expire = (adapt?: (ports: ExpirePorts) => ExpirePorts): Promise<Expired> =>
  expireIn(world, adapt, (of, decisions) => plans.push(printPlan(of.address, decisions)));
const expiredEvents = async (): Promise<HoldfastEvent<'restore-point.expired'>[]> =>
  (await world.events('restore-point.expired')) as HoldfastEvent<'restore-point.expired'>[];

describe('a mailbox under a policy of two restore points', () => {
  test('loses the older ones in repository, control data and with an event each', async () => {
    await world.addJob();
    for (const hours of [1, 2, 3, 4]) await world.addPoint(`run-${hours}`, hours);
    expect(await expire()).toEqual({ condemned: 2, recalled: 0, expired: 2, forgotten: 0 });
    expect(await world.points()).toEqual(['3', '4']);
    expect(await world.records()).toEqual(['3', '4']);
    expect((await expiredEvents()).map(({ data }) => [data.jobId, data.reason])).toEqual([
      ['job-1', 'older than the newest 2'],
      ['job-1', 'older than the newest 2'],
    ]);
    expect(plans).toHaveLength(1);
    expect(plans[0]).toContain('ann@contoso.example: 2 kept, 2 dropped');
  });

  test('loses nothing when there is nothing to lose, and makes no plan', async () => {
    await world.addJob();
    await world.addPoint('run-1', 1);
    expect(await expire()).toEqual({ condemned: 0, recalled: 0, expired: 0, forgotten: 0 });
    expect(plans).toEqual([]);
  });

  test('keeps its only state, however old', async () => {
    await world.addJob({ retention: { keepLast: 1 } });
    await world.addPoint('run-1', 1);
    await world.clock.advance(365 * 24 * 3_600_000);
    await expire();
    expect(await world.points()).toEqual(['1']);
  });

  test('of a job that was deleted keeps everything', async () => {
    for (const hours of [1, 2, 3]) await world.addPoint(`run-${hours}`, hours);
    await expire();
    expect(await world.points()).toEqual(['1', '2', '3']);
  });

  test('whose control data was lost is judged by what the points say of themselves', async () => {
    await world.addJob();
    for (const hours of [1, 2, 3]) await world.addPoint(`run-${hours}`, hours, { withoutRecord: true });
    await world.addPoint('run-9', 0.5, { withoutRecord: true, jobId: 'job-9' });
    expect(await expire()).toMatchObject({ expired: 1 });
    expect(await world.points()).toEqual(['0.5', '2', '3']);
  });

  test('loses the checkpoints of a run once that is complete', async () => {
    await world.addJob();
    await world.addPoint('run-1', 1.2, { kind: 'checkpoint' });
    await world.addPoint('run-1', 1.4, { kind: 'checkpoint' });
    await expire();
    expect(await world.points()).toEqual(['1.2c', '1.4c']);
    await world.addPoint('run-1', 1);
    await expire();
    expect(await world.points()).toEqual(['1']);
  });
});

describe('a restore point in use', () => {
  const restoreFrom = async (pointName: string, state: RestoreState = 'running'): Promise<void> => {
    const input = { ...buildRestoreSession().input, repositoryId: world.record.id, mailboxId: mailbox.id };
    await world.store
      .collection(collections.restoreSessions)
      .insert(buildRestoreSession({ id: `restore-${state}`, state, input, pointName }));
  };

  test.each(['requested', 'planning', 'planned', 'approved', 'running', 'paused'] as const)(
    'by a restore that is %s stays',
    async (state) => {
      await world.addJob();
      const first = await world.addPoint('run-1', 1);
      for (const hours of [2, 3, 4]) await world.addPoint(`run-${hours}`, hours);
      await restoreFrom(first, state);
      await expire();
      expect(await world.points()).toEqual(['1', '3', '4']);
      expect(plans[0]).toContain(`in use by restore session restore-${state}`);
    },
  );

  test('by a later mailbox of a restore stays as well', async () => {
    await world.addJob();
    const first = await world.addPoint('run-1', 1);
    for (const hours of [2, 3, 4]) await world.addPoint(`run-${hours}`, hours);
    const part = { sessionId: 'restore-running', part: 1, pointName: first };
    await world.store.collection(collections.restoreParts).insert(buildRestorePart(part));
    await restoreFrom('the point of another mailbox');
    await expire();
    expect(await world.points()).toEqual(['1', '3', '4']);
  });

  test('goes when the restore is over', async () => {
    await world.addJob();
    const first = await world.addPoint('run-1', 1);
    for (const hours of [2, 3]) await world.addPoint(`run-${hours}`, hours);
    await restoreFrom(first, 'success');
    await expire();
    expect(await world.points()).toEqual(['2', '3']);
  });

  test('by a restore that is requested after the plan was made stays', async () => {
    await world.addJob();
    const [first] = [await world.addPoint('run-1', 1), await world.addPoint('run-2', 2)];
    for (const hours of [3, 4]) await world.addPoint(`run-${hours}`, hours);
    await expire((ports) => ({
      ...ports,
      points: {
        ...ports.points,
        async remove(name) {
          await ports.points.remove(name);
          await restoreFrom(first);
        },
      },
    }));
    // Newest first: the second was gone when the restore of the first was requested.
    expect(await world.points()).toEqual(['1', '3', '4']);
  });
});

describe('a repository that cannot be trusted now', () => {
  test('lists nothing although points are known: nothing is removed, not even records', async () => {
    await world.addJob();
    for (const hours of [1, 2, 3]) await world.addPoint(`run-${hours}`, hours);
    const empty = expire((ports) => ({ ...ports, points: { ...ports.points, points: async () => [] } }));
    await expect(empty).rejects.toMatchObject({ code: 'repository-lists-nothing', errorClass: 'transient' });
    expect(await world.records()).toEqual(['1', '2', '3']);
  });

  test('is another one than the record says: it is not opened', async () => {
    const repositories = world.store.collection(collections.repositories);
    await modify(repositories, world.record.id, (record) => ({ ...record, engineId: 'other' }));
    const record = (await repositories.get(world.record.id))?.doc ?? world.record;
    await expect(world.openPoints(record)).rejects.toMatchObject({ code: 'another-repository' });
  });
});

test('a record without a point is forgotten with its event', async () => {
  await world.addJob();
  await world.addPoint('run-1', 1);
  await world.repository.removePoint(await world.addPoint('run-2', 2));
  expect(await expire()).toMatchObject({ expired: 0, forgotten: 1 });
  expect(await world.records()).toEqual(['1']);
  expect((await expiredEvents())[0]?.data.reason).toBe('not in the repository any more');
});

describe('P4: retention dies', () => {
  test.each(['before', 'after'] as const)(
    '%s each call in turn: the next pass completes it, each point goes once',
    async (when) => {
      const places: string[] = [];
      for (let nth = 1; ; nth += 1) {
        await world.end();
        world = await createWorld();
        await world.addJob();
        for (const hours of [1, 2, 3, 4]) await world.addPoint(`run-${hours}`, hours);
        await world.addPoint('run-4', 4.5, { kind: 'checkpoint' });
        const dying = dyingAt(nth, when);
        const end = await expire(dying.adapt).catch((error: Error) => error);
        const place = dying.place();
        if (place === undefined) break;
        expect(end).toBeInstanceOf(Error);
        places.push(place);
        // P5: whatever has gone, the newest two are there at every moment.
        expect(await world.points()).toEqual(expect.arrayContaining(['3', '4']));
        await expire();
        expect([place, await world.points(), await world.records()]).toEqual([place, ['3', '4'], ['3', '4']]);
        const events = (await expiredEvents()).map(({ data }) => data.pointId);
        expect(new Set(events).size).toBe(events.length);
        expect(events).toHaveLength(2);
      }
      expect(places).toEqual(
        expect.arrayContaining([
          'points.remove',
          'outbox.announce',
          'pointRecords.change',
          'pointRecords.remove',
          'guards.get',
        ]),
      );
    },
  );
});
