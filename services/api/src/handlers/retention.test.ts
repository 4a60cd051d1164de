import { collections, guardIdOf, type RestorePointRecord, zeroTotals } from '@holdfast/contracts';
import { serveQuestion } from '@holdfast/messaging';
import { modify } from '@holdfast/store';
import {
  buildJob,
  buildMailbox,
  buildOrganization,
  buildRepository,
  buildRestoreSession,
} from '@holdfast/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../testing/startTestApi.ts';

// The clock of the test API stands at 2026-03-01 12:00 UTC.
let api: TestApi;
beforeEach(async () => {
  api = await startTestApi();
  await api.insert('organizations', buildOrganization());
  await api.insert('repositories', buildRepository());
  await api.insert(
    'mailboxes',
    buildMailbox({ id: 'mbx-1' }),
    buildMailbox({ id: 'mbx-2', userId: 'user-2' }),
  );
  await api.insert('jobs', buildJob({ retention: { keepLast: 2, daily: 3 } }));
});
afterEach(() => api.stop());

/** The record of a point that was made at 02:00 UTC of a day. */
const pointOf = (day: string, given: Partial<RestorePointRecord> = {}): RestorePointRecord => {
  const { mailboxId = 'mbx-1', repositoryId = 'repo-1' } = given;
  const pointId = `${mailboxId}-${day}`;
  return {
    ...{ id: `${repositoryId}.${pointId}`, pointId, pointName: `points/${pointId}`, repositoryId, mailboxId },
    ...{
      organizationId: 'org-1',
      mailboxAddress: `${mailboxId}@contoso.example`,
      jobId: 'job-1',
      runId: `run-${day}`,
    },
    ...{ kind: 'full', time: `${day}T02:00:00.000Z`, committedAt: `${day}T02:00:00.000Z` },
    ...{ itemsTotal: 3, folders: 1, gapsOpen: 0, totals: zeroTotals },
    ...given,
  };
};
const days = ['2026-02-24', '2026-02-25', '2026-02-26', '2026-02-27', '2026-02-28', '2026-03-01'];
const waits = { at: '2026-03-01T06:00:00.000Z', removeAfter: '2026-03-02T06:00:00.000Z', reason: 'old' };
const addDays = (given: Partial<RestorePointRecord> = {}): Promise<void> =>
  api.insert('restorePoints', ...days.map((day) => pointOf(day, given)));
const record = async (day: string): Promise<RestorePointRecord> => {
  const found = await api.store.collection(collections.restorePoints).get(pointOf(day).id);
  if (found === undefined) throw new Error(`no record of ${day}`);
  return found.doc;
};
const actions = (points: { time: string; action: string }[]): string[] =>
  points.map(({ action, time }) => `${time.slice(5, 10)} ${action}`);

describe('the plan of a job', () => {
  test('says of each restore point what becomes of it, why and when', async () => {
    await addDays();
    const { body, status } = await api.call('GET', '/jobs/job-1/retention-plan');
    expect(status).toBe(200);
    expect(body.items).toMatchObject([
      {
        mailboxId: 'mbx-1',
        mailboxAddress: 'mbx-1@contoso.example',
        stays: 3,
        goes: 3,
        waiting: 0,
        stopped: 0,
      },
    ]);
    const [plan] = body.items;
    expect(actions(plan.points)).toEqual([
      '03-01 stays',
      '02-28 stays',
      '02-27 stays',
      '02-26 goes',
      '02-25 goes',
      '02-24 goes',
    ]);
    expect(plan.points[2]).toMatchObject({
      reason: 'daily: 2026-02-27',
      validUntil: '2026-02-28T02:00:00.000Z',
      goesAt: '2026-03-02T00:00:00.000Z',
      removedAt: '2026-03-03T00:00:00.000Z',
    });
    expect(plan.points[3]).toMatchObject({
      reason: 'older than the newest 2, not the last state of a day that still counts',
      goesAt: '2026-03-01T12:00:00.000Z',
      removedAt: '2026-03-02T12:00:00.000Z',
    });
    expect(plan).not.toHaveProperty('freed');
  });

  test('shows what waits, what is held and what a restore reads', async () => {
    await addDays();
    await modify(api.store.collection(collections.restorePoints), pointOf('2026-02-24').id, (point) => ({
      ...point,
      condemned: waits,
    }));
    await api.call('POST', `/restore-points/${pointOf('2026-02-25').id}/holds`, {
      body: { reason: 'case 7' },
    });
    const input = { ...buildRestoreSession().input, repositoryId: 'repo-1', mailboxId: 'mbx-1' };
    const { pointName } = pointOf('2026-02-26');
    await api.insert('restoreSessions', buildRestoreSession({ state: 'running', input, pointName }));
    const { body } = await api.call('GET', '/jobs/job-1/retention-plan');
    const [plan] = body.items;
    expect(actions(plan.points).slice(3)).toEqual(['02-26 stays', '02-25 stays', '02-24 waiting']);
    expect(plan.points[3].held).toBe(`in use by restore session ${buildRestoreSession().id}`);
    expect(plan.points[4]).toMatchObject({ held: 'held by first administrator: case 7' });
    expect(plan.points[5]).toMatchObject({ goesAt: waits.at, removedAt: waits.removeAfter });
  });

  test('of an unsaved policy changes nothing', async () => {
    await addDays();
    const body = { retention: { keepLast: 5 } };
    const tried = await api.call('POST', '/jobs/job-1/retention-plan', { body });
    expect(tried.body.items).toMatchObject([{ stays: 5, goes: 1 }]);
    expect((await api.call('GET', '/jobs/job-1')).body.retention).toMatchObject({ keepLast: 2, daily: 3 });
  });

  test('is paged by mailbox, and can be asked for one', async () => {
    await addDays();
    await addDays({ mailboxId: 'mbx-2' });
    const first = await api.call('GET', '/jobs/job-1/retention-plan?limit=1');
    expect(first.body.items).toMatchObject([{ mailboxId: 'mbx-1' }]);
    const second = await api.call('GET', `/jobs/job-1/retention-plan?limit=1&after=${first.body.next}`);
    expect(second.body.items).toMatchObject([{ mailboxId: 'mbx-2' }]);
    const third = await api.call('GET', `/jobs/job-1/retention-plan?limit=1&after=${second.body.next}`);
    expect(third.body).toEqual({ items: [] });
    const one = await api.call('GET', '/jobs/job-1/retention-plan?mailboxId=mbx-2');
    expect(one.body.items).toMatchObject([{ mailboxId: 'mbx-2' }]);
  });

  test('counts on request what would be freed', async () => {
    await addDays();
    const asked: string[][] = [];
    const serving = await serveQuestion(api.messaging, 'default', 'measureFreed', async ({ pointNames }) => {
      asked.push(pointNames);
      return { objects: 7, bytes: 4_096, bound: 'exact' };
    });
    const { body } = await api.call('GET', '/jobs/job-1/retention-plan?bytes=true');
    expect(body.items[0].freed).toEqual({ objects: 7, bytes: 4_096, bound: 'exact' });
    expect(asked).toEqual([['02-26', '02-25', '02-24'].map((day) => `points/mbx-1-2026-${day}`)]);
    await serving.stop();
  });

  test('says what the guard would stop', async () => {
    const many = Array.from({ length: 28 }, (_, n) => pointOf(`2026-01-${String(n + 1).padStart(2, '0')}`));
    await api.insert('restorePoints', ...many);
    const { body } = await api.call('GET', '/jobs/job-1/retention-plan');
    expect(body.items).toMatchObject([{ stays: 2, goes: 0, stopped: 26 }]);
  });
});

describe('a policy is refused at the field', () => {
  test.each([
    ['that keeps nothing', {}, 'retention.keepLast', 'nothing would be kept'],
    ['with none of a rule', { daily: 0 }, 'retention.daily', 'must be at least 1 day'],
    ['with a negative number', { weekly: -1 }, 'retention.weekly', 'must be at least 1 week'],
    ['with half a month', { monthly: 1.5 }, 'retention.monthly', 'must be a whole number'],
    ['beyond all measure', { yearly: 1_000 }, 'retention.yearly', 'must be at most 100'],
    ['that is text', { keepLast: 'many' }, 'retention.keepLast', 'must be of type number'],
    ['of an unknown zone', { daily: 1, timeZone: 'Mars/Olympus' }, 'retention.timeZone', 'IANA time zone'],
    [
      'with an eighth day of the week',
      { weekly: 1, weekStartsOn: 8 },
      'retention.weekStartsOn',
      '1 (Monday)',
    ],
    ['with a rule nobody knows', { hourly: 3 }, 'retention.hourly', 'is not known here'],
    [
      'whose floor swallows the rest',
      { daily: 7, keepAllDays: 30 },
      'retention.keepAllDays',
      'would have no effect',
    ],
    [
      'whose floor is longer than the item age',
      { keepAllDays: 90, itemAge: { days: 30 } },
      'retention.keepAllDays',
      'longer than the item age',
    ],
    [
      'that keeps what is too old',
      { yearly: 7, itemAge: { years: 1 } },
      'retention.yearly',
      'further than the item age',
    ],
    ['with an age of nothing', { itemAge: {} }, 'retention.itemAge.days', 'give one of days, months, years'],
    ['with two ages', { itemAge: { days: 1, years: 1 } }, 'retention.itemAge.years', 'give only one of'],
    ['with an age by guess', { itemAge: { days: 1, by: 'guess' } }, 'retention.itemAge.by', 'must be one of'],
  ])('%s', async (_what, retention, field, message) => {
    const answer = await api.call('POST', '/jobs/job-1/retention-plan', { body: { retention } });
    expect(answer.status).toBe(422);
    expect(answer.body.problems).toContainEqual({ field, message: expect.stringContaining(message) });
  });

  test('of a schedule with an item age of its own', async () => {
    const retention = { keepLast: 3, itemAge: { years: 1 } };
    const schedules = [{ kind: 'daily', start: '21:30', timeZone: 'UTC', retention }];
    const place = { organizationId: 'org-1', repositoryId: 'repo-1', sources: [{ kind: 'organization' }] };
    const answer = await api.call('POST', '/jobs', { body: { ...place, name: 'Own age', schedules } });
    expect(answer.status).toBe(422);
    expect(answer.body.problems).toContainEqual({
      field: 'schedules[0].retention.itemAge',
      message: expect.stringContaining('belongs to the retention of the job'),
    });
  });

  test.each([
    ['every point for 90 days', { keepAllDays: 90 }],
    ['all of GFS', { keepLast: 3, daily: 7, weekly: 4, monthly: 12, yearly: 7, keepAllDays: 7 }],
    ['an item age alone', { itemAge: { years: 3, by: 'modified' } }],
    ['GFS that just fits into the item age', { monthly: 12, yearly: 1, itemAge: { years: 1 } }],
  ])('and taken when it is sound: %s', async (_what, retention) => {
    const answer = await api.call('POST', '/jobs/job-1/retention-plan', { body: { retention } });
    expect(answer.status).toBe(200);
  });
});

describe('a hold', () => {
  test.each([
    ['no reason', {}, 'is missing'],
    ['an empty reason', { reason: '  ' }, 'say why'],
    ['a reason without end', { reason: 'x'.repeat(501) }, 'at most 500'],
  ])('with %s is refused', async (_what, body, message) => {
    await addDays();
    for (const path of [`/restore-points/${pointOf('2026-02-24').id}/holds`, '/mailboxes/mbx-1/holds']) {
      const answer = await api.call('POST', path, { body });
      expect(answer.status).toBe(422);
      expect(answer.body.problems).toEqual([{ field: 'reason', message: expect.stringContaining(message) }]);
    }
    expect((await api.call('GET', '/holds')).body.items).toEqual([]);
  });

  test('on a mailbox is listed with who and why, calls back what waits, and is released', async () => {
    await addDays({ condemned: waits });
    const made = await api.call('POST', '/mailboxes/mbx-1/holds', { body: { reason: 'case 7' } });
    expect(made).toMatchObject({
      status: 201,
      body: { reason: 'case 7', by: 'first administrator', mailboxId: 'mbx-1' },
    });
    for (const day of days) expect((await record(day)).condemned).toBeUndefined();
    expect((await api.call('GET', '/holds?mailboxId=mbx-1')).body.items).toEqual([made.body]);
    expect((await api.call('GET', '/holds?mailboxId=mbx-2')).body.items).toEqual([]);
    expect((await api.call('DELETE', `/holds/${made.body.id}`)).status).toBe(204);
    expect((await api.call('DELETE', `/holds/${made.body.id}`)).status).toBe(404);
    const names = (await api.call('GET', '/events?limit=100')).body.items.map(
      (event: { name: string }) => event.name,
    );
    expect(names).toEqual(expect.arrayContaining(['hold.placed', 'hold.released', 'restore-point.recalled']));
  });

  test('on a point that is being removed comes too late, and leaves nothing behind', async () => {
    await api.insert('restorePoints', pointOf('2026-02-24', { condemned: { ...waits, removing: true } }));
    const answer = await api.call('POST', `/restore-points/${pointOf('2026-02-24').id}/recall`);
    expect(answer).toMatchObject({ status: 409, body: { code: 'point-being-removed' } });
    expect((await api.call('GET', '/holds')).body.items).toEqual([]);
  });
});

describe('a point in the waiting room', () => {
  test('is called back, and a hold keeps it from going again', async () => {
    await api.insert('restorePoints', pointOf('2026-02-24', { condemned: waits }));
    const answer = await api.call('POST', `/restore-points/${pointOf('2026-02-24').id}/recall`);
    expect(answer.status).toBe(200);
    expect(answer.body).not.toHaveProperty('condemned');
    expect((await api.call('GET', '/holds')).body.items).toMatchObject([
      { restorePointId: pointOf('2026-02-24').id, reason: 'called back from the waiting room' },
    ]);
  });

  test('must be there to be called back', async () => {
    await api.insert('restorePoints', pointOf('2026-02-24'));
    const answer = await api.call('POST', `/restore-points/${pointOf('2026-02-24').id}/recall`);
    expect(answer).toMatchObject({ status: 409, body: { code: 'not-waiting' } });
  });

  test('is listed as such', async () => {
    await api.insert('restorePoints', pointOf('2026-02-24', { condemned: waits }));
    const { body } = await api.call('GET', '/mailboxes/mbx-1/restore-points');
    expect(body.items).toMatchObject([{ condemned: waits }]);
  });
});

describe('a plan that the guard stopped', () => {
  const guard = {
    ...{
      id: guardIdOf('repo-1', 'mbx-1', 'job-1'),
      repositoryId: 'repo-1',
      organizationId: 'org-1',
      jobId: 'job-1',
    },
    ...{ mailboxId: 'mbx-1', mailboxAddress: 'mbx-1@contoso.example', state: 'open', points: 2, of: 3 },
    ...{ pointIds: ['a', 'b'], since: '2026-03-01T05:00:00.000Z', announced: true },
  };

  test('is listed, approved once, and a pass is asked for', async () => {
    await api.insert('retentionGuards', guard);
    const { body } = await api.call('GET', '/retention/guards');
    expect(body.items).toMatchObject([{ state: 'open', points: 2, of: 3 }]);
    expect(body.items[0]).not.toHaveProperty('pointIds');
    const approved = await api.call('POST', '/jobs/job-1/retention-approval');
    expect(approved).toMatchObject({ status: 200, body: { mailboxes: 1, points: 2 } });
    const stored = await api.store.collection(collections.retentionGuards).get(guard.id);
    expect(stored?.doc).toMatchObject({
      state: 'approved',
      approvedBy: 'first administrator',
      pointIds: ['a', 'b'],
    });
    const events = (await api.call('GET', '/events?limit=100')).body.items;
    const names = events.map((event: { name: string }) => event.name);
    expect(names).toEqual(expect.arrayContaining(['retention.approved', 'retention.requested']));
    const again = await api.call('POST', '/jobs/job-1/retention-approval');
    expect(again).toMatchObject({ status: 409, body: { code: 'nothing-stopped' } });
  });
});

describe('a pass', () => {
  test('is asked for, of one repository or of all', async () => {
    expect((await api.call('POST', '/retention/runs')).status).toBe(202);
    expect((await api.call('POST', '/retention/runs', { body: { repositoryId: 'repo-1' } })).status).toBe(
      202,
    );
    expect((await api.call('POST', '/retention/runs', { body: { repositoryId: 'no' } })).status).toBe(404);
  });
});

describe('the settings of retention', () => {
  test('have defaults, are changed by themselves and leave the others alone', async () => {
    const { body } = await api.call('GET', '/settings/retention');
    expect(body).toEqual({
      ...{ time: '05:00', timeZone: 'UTC', waitDays: 1, guard: { percent: 50, points: 10 } },
      ...{ runDays: 365, restoreDays: 365, eventDays: 30, auditDays: 365, alertDays: 365, deliveryDays: 30 },
    });
    await api.store
      .collection(collections.settings)
      .insert({ id: 'global', baseUrl: 'https://backup.example' });
    const changed = await api.call('PUT', '/settings/retention', {
      body: { waitDays: 7, guard: { percent: 20 } },
    });
    expect(changed.body).toMatchObject({ waitDays: 7, guard: { percent: 20, points: 10 } });
    expect((await api.call('GET', '/settings')).body).toMatchObject({
      baseUrl: 'https://backup.example',
      retention: { waitDays: 7 },
    });
  });

  test.each([
    [{ time: '25:00' }, 'time', 'time of day'],
    [{ timeZone: 'Mars/Olympus' }, 'timeZone', 'IANA time zone'],
    [{ waitDays: -1 }, 'waitDays', 'at least 0'],
    [{ guard: { percent: 0 } }, 'guard.percent', '1 to 100'],
    [{ guard: { points: -1 } }, 'guard.points', 'at least 0'],
    [{ runDays: 0 }, 'runDays', 'at least 1 day'],
    [{ restoreDays: 1.5 }, 'restoreDays', 'whole number'],
    [{ eventDays: 0 }, 'eventDays', 'at least 1 day'],
    [{ auditDays: 0 }, 'auditDays', 'at least'],
    [{ alertDays: 0 }, 'alertDays', 'at least 1 day'],
    [{ deliveryDays: 3 }, 'deliveryDays', 'at least 4 days'],
    [{ diaryDays: 5 }, 'diaryDays', 'not known here'],
  ])('%j is refused at %s', async (body, field, message) => {
    const answer = await api.call('PUT', '/settings/retention', { body });
    expect(answer.status).toBe(422);
    expect(answer.body.problems).toContainEqual({ field, message: expect.stringContaining(message) });
  });
});
