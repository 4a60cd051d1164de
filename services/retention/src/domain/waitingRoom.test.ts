import { collections, type RestorePointRecord } from '@holdfast/contracts';
import { all, modify } from '@holdfast/store';
import { buildRestoreSession } from '@holdfast/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { dyingAt, expireIn } from '../testing/expireIn.ts';
import { createWorld, mailbox, type World } from '../testing/world.ts';

const hourMs = 3_600_000;
let world: World;
beforeEach(async () => {
  world = await createWorld();
});
afterEach(() => world.end());

async function fourPoints(waitDays = 1): Promise<void> {
  await world.settings({ waitDays });
  await world.addJob();
  for (const hours of [1, 2, 3, 4]) await world.addPoint(`run-${hours}`, hours);
}

/** Hours of the points that wait. */
async function waiting(): Promise<string[]> {
  const found: string[] = [];
  for await (const { doc } of all(world.store.collection(collections.restorePoints))) {
    if (doc.condemned !== undefined) found.push(doc.runId.slice('run-'.length));
  }
  return found.sort();
}
const change = (runId: string, fn: (record: RestorePointRecord) => RestorePointRecord): Promise<unknown> =>
  world
    .recordOf(runId)
    .then((record) => modify(world.store.collection(collections.restorePoints), record.id, fn));
const told = async (): Promise<string[]> => {
  const names: string[] = [];
  for (const name of [
    'restore-point.condemned',
    'restore-point.recalled',
    'restore-point.expired',
  ] as const) {
    for (const event of await world.events(name)) {
      const { pointId } = event.data as { pointId: string };
      names.push(`${name.slice('restore-point.'.length)} ${await world.hoursOfPoint(pointId)}`);
    }
  }
  return names.sort();
};

describe('a restore point whose time is over', () => {
  test('waits a day, is listed all the while, and goes then', async () => {
    await fourPoints();
    expect(await expireIn(world)).toMatchObject({ condemned: 2, expired: 0 });
    expect([await waiting(), await world.points(), await world.records()]).toEqual([
      ['1', '2'],
      ['1', '2', '3', '4'],
      ['1', '2', '3', '4'],
    ]);
    await world.clock.advance(24 * hourMs - 1);
    expect(await expireIn(world)).toMatchObject({ condemned: 0, expired: 0 });
    await world.clock.advance(1);
    expect(await expireIn(world)).toMatchObject({ condemned: 0, expired: 2 });
    expect([await world.points(), await world.records()]).toEqual([
      ['3', '4'],
      ['3', '4'],
    ]);
    expect(await told()).toEqual(['condemned 1', 'condemned 2', 'expired 1', 'expired 2']);
  });

  test('goes at once where nothing waits', async () => {
    await fourPoints(0);
    expect(await expireIn(world)).toMatchObject({ condemned: 2, expired: 2 });
    expect(await world.points()).toEqual(['3', '4']);
  });

  test('says why it goes and until when it waits', async () => {
    await fourPoints();
    await expireIn(world);
    expect((await world.recordOf('run-1')).condemned).toEqual({
      at: '2026-11-22T02:00:00.000Z',
      removeAfter: '2026-11-23T02:00:00.000Z',
      reason: 'older than the newest 2',
      announced: true,
    });
  });
});

describe('comes out of the waiting room', () => {
  test('when the policy is changed so that it stays', async () => {
    await fourPoints();
    await expireIn(world);
    await modify(world.store.collection(collections.jobs), 'job-1', (job) => ({
      ...job,
      retention: { ...job.retention, keepLast: 3 },
    }));
    expect(await expireIn(world)).toMatchObject({ recalled: 1 });
    expect(await waiting()).toEqual(['1']);
    await world.clock.advance(24 * hourMs);
    await expireIn(world);
    expect(await world.points()).toEqual(['2', '3', '4']);
  });

  test('when the mailbox is held; after the release it waits anew', async () => {
    await fourPoints();
    await expireIn(world);
    await world.hold();
    await world.clock.advance(24 * hourMs);
    expect(await expireIn(world)).toMatchObject({ recalled: 2, expired: 0 });
    expect(await waiting()).toEqual([]);
    await world.store.collection(collections.holds).delete('hold-1');
    expect(await expireIn(world)).toMatchObject({ condemned: 2, expired: 0 });
    expect(await told()).toEqual([
      'condemned 1',
      'condemned 1',
      'condemned 2',
      'condemned 2',
      'recalled 1',
      'recalled 2',
    ]);
  });

  test('alone when it is held alone', async () => {
    await fourPoints();
    await expireIn(world);
    await world.hold({ restorePointId: (await world.recordOf('run-1')).id });
    await world.clock.advance(24 * hourMs);
    await expireIn(world);
    expect(await world.points()).toEqual(['1', '3', '4']);
  });

  test('when somebody takes it out in the last moment: who writes first wins', async () => {
    await fourPoints();
    await expireIn(world);
    await world.clock.advance(24 * hourMs);
    await expireIn(world, (ports) => ({
      ...ports,
      pointRecords: {
        ...ports.pointRecords,
        async change(id, fn) {
          if (id === (await world.recordOf('run-2').catch(() => undefined))?.id) {
            await change('run-2', ({ condemned: _, ...record }) => record);
          }
          return ports.pointRecords.change(id, fn);
        },
      },
    }));
    expect(await world.points()).toEqual(['2', '3', '4']);
  });
});

test('a hold that comes after the mark is asked for once more before the point goes', async () => {
  await fourPoints();
  await expireIn(world);
  await world.clock.advance(24 * hourMs);
  let marks = 0;
  await expireIn(world, (ports) => ({
    ...ports,
    pointRecords: {
      ...ports.pointRecords,
      async change(id, fn) {
        const written = await ports.pointRecords.change(id, fn);
        marks += 1;
        if (marks === 1) await world.hold();
        return written;
      },
    },
  }));
  expect(await world.points()).toEqual(['1', '2', '3', '4']);
  expect((await world.recordOf('run-1')).condemned?.removing).toBeUndefined();
});

test('a point that a restore reads waits on, and goes when the restore is over', async () => {
  await fourPoints();
  await expireIn(world);
  const { pointName } = await world.recordOf('run-1');
  const sessions = world.store.collection(collections.restoreSessions);
  const input = { ...buildRestoreSession().input, repositoryId: world.record.id, mailboxId: mailbox.id };
  await sessions.insert(buildRestoreSession({ state: 'running', input, pointName }));
  await world.clock.advance(24 * hourMs);
  await expireIn(world);
  expect([await world.points(), await waiting()]).toEqual([['1', '3', '4'], ['1']]);
  await modify(sessions, buildRestoreSession().id, (session) => ({ ...session, state: 'success' as const }));
  await expireIn(world);
  expect(await world.points()).toEqual(['3', '4']);
});

describe('the control data was lost', () => {
  test('the points get their records back, and what had waited waits anew', async () => {
    await fourPoints();
    await expireIn(world);
    const records = world.store.collection(collections.restorePoints);
    for await (const { doc } of all(records)) await records.delete(doc.id);
    await world.clock.advance(48 * hourMs);
    expect(await expireIn(world)).toMatchObject({ condemned: 2, expired: 0 });
    expect(await world.records()).toEqual(['1', '2', '3', '4']);
    expect(await world.recordOf('run-1')).toMatchObject({ jobId: 'job-1', kind: 'full', itemsTotal: 0 });
  });
});

describe('P4: retention dies on the way through the waiting room', () => {
  test.each(['before', 'after'] as const)(
    '%s each call in turn: the next passes complete it, each event is told once',
    async (when) => {
      const places = new Set<string>();
      // The first pass condemns; the second, a day later, removes what the first has condemned.
      for (const passes of [1, 2]) {
        for (let nth = 1; ; nth += 1) {
          await world.end();
          world = await createWorld();
          await fourPoints();
          if (passes === 2) {
            await expireIn(world);
            await world.clock.advance(24 * hourMs);
          }
          const dying = dyingAt(nth, when);
          await expireIn(world, dying.adapt).catch((error: Error) => expect(error.message).toBe('killed'));
          const place = dying.place();
          if (place === undefined) break;
          places.add(place);
          expect(await world.points()).toEqual(expect.arrayContaining(['3', '4']));
          for (let pass = 0; pass < 3; pass += 1) {
            await expireIn(world);
            await world.clock.advance(24 * hourMs);
          }
          expect([place, await world.points(), await world.records()]).toEqual([
            place,
            ['3', '4'],
            ['3', '4'],
          ]);
          expect([place, await told()]).toEqual([
            place,
            ['condemned 1', 'condemned 2', 'expired 1', 'expired 2'],
          ]);
        }
      }
      for (const place of [
        'points.remove',
        'outbox.announce',
        'pointRecords.change',
        'pointRecords.remove',
      ]) {
        expect(places).toContain(place);
      }
    },
  );
});
