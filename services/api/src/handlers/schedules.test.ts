import { collections } from '@holdfast/contracts';
import { modify } from '@holdfast/store';
import { buildOrganization, buildRepository, buildRun, buildRunTask } from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Answer, startTestApi, type TestApi } from '../testing/startTestApi.ts';

// It is Sunday, 1 March 2026, 12:00 UTC.
let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
  await api.insert('organizations', buildOrganization());
  await api.insert('repositories', buildRepository());
});
afterAll(() => api.stop());

const sources = [{ kind: 'organization' }];
const input = (name: string, schedules: object[], more: object = {}) => ({
  ...{ name, organizationId: 'org-1', repositoryId: 'repo-1', sources, schedules },
  ...more,
});
const berlin = { timeZone: 'Europe/Berlin' };
const daily = { kind: 'daily', start: '21:30', ...berlin };
const monthly = { kind: 'monthly', start: '02:00', ...berlin };
const periodic = { kind: 'periodic', every: 4, unit: 'hours', ...berlin };

const add = (name: string, schedules: object[] = [], more: object = {}): Promise<Answer> =>
  api.call('POST', '/jobs', { body: input(name, schedules, more) });
const change = async (made: Answer, body: object): Promise<Answer> => {
  const read = await api.call('GET', `/jobs/${made.body.id}`);
  const headers = { 'if-match': read.headers.get('etag') ?? '' };
  return api.call('PUT', `/jobs/${made.body.id}`, { body, headers });
};
const problemsOf = (answer: Answer): Record<string, string> =>
  Object.fromEntries(
    (answer.body.problems ?? []).map((p: { field: string; message: string }) => [p.field, p.message]),
  );

describe('a schedule is refused by the name of the field, with what to do, when', () => {
  test.each<[string, object, string, string]>([
    ['its zone is unknown', { ...daily, timeZone: 'Mars/Olympus' }, 'timeZone', 'IANA time zone such as'],
    ['it has no zone', { kind: 'daily', start: '21:30' }, 'timeZone', 'is missing'],
    ['its time is none', { ...daily, start: '25:00' }, 'start', 'such as 21:30'],
    ['it ends before it starts', { ...daily, end: '06:00' }, 'end', 'set endsNextDay to true'],
    ['it ends when it starts', { ...daily, end: '21:30' }, 'end', 'give a later time'],
    ['it ends on the next day at no time', { ...daily, endsNextDay: true }, 'endsNextDay', 'give "end" too'],
    ['it names no day', { ...daily, days: [] }, 'days', 'leave it out for every day'],
    ['it names an eighth day', { ...daily, days: [8] }, 'days[0]', '1 (Monday) to 7 (Sunday)'],
    ['it names a day twice', { ...daily, days: [1, 1] }, 'days', 'twice'],
    [
      'its first day is none',
      { ...daily, effectiveFrom: '1.12.2026' },
      'effectiveFrom',
      'such as 2026-12-01',
    ],
    ['its first day does not exist', { ...daily, effectiveFrom: '2026-02-30' }, 'effectiveFrom', 'a date'],
    ['it says no day of the month', monthly, 'day', 'is missing: give a day of the month'],
    ['its day is the 32nd', { ...monthly, day: 32 }, 'day', '1 to 31, or "last"'],
    ['its day is not in every month', { ...monthly, day: 31 }, 'shortMonths', '"last" fires on the last day'],
    [
      'its day is in no month',
      { ...monthly, day: 31, months: [2, 4], shortMonths: 'skip' },
      'day',
      'no chosen month has a day 31: choose 30',
    ],
    ['its weekday is the fifth', { ...monthly, week: 5, weekday: 1 }, 'week', '1 to 4, or "last"'],
    ['it says which but not what weekday', { ...monthly, week: 2 }, 'weekday', 'Monday = 1'],
    ['it has day and weekday', { ...monthly, day: 1, week: 2, weekday: 2 }, 'week', 'leave one of them out'],
    ['it names no month', { ...monthly, day: 1, months: [] }, 'months', 'leave it out for every month'],
    [
      'its month is the 13th',
      { ...monthly, kind: 'yearly', day: 1, month: 13 },
      'month',
      '1 (January) to 12',
    ],
    ['it runs every no hours', { ...periodic, every: 0 }, 'every', 'must be at least 1'],
    ['its period is longer than a day', { ...periodic, every: 25 }, 'every', 'at most 24 hours'],
    [
      'its window is longer than a day',
      { ...periodic, start: '08:00', end: '09:00', endsNextDay: true },
      'end',
      'more than a day',
    ],
    ['it follows no job', { kind: 'after' }, 'jobId', 'is missing'],
    [
      'it follows a job that is not there',
      { kind: 'after', jobId: 'job-9' },
      'jobId',
      'choose one that exists',
    ],
    ['it follows no result', { kind: 'after', jobId: 'job-9', outcomes: [] }, 'outcomes', 'at least one of'],
    ['it waits too long', { kind: 'after', jobId: 'job-9', delayMinutes: 99_999 }, 'delayMinutes', 'a week'],
    [
      'its own retention keeps nothing',
      { ...daily, retention: { daily: 0 } },
      'retention.daily',
      'at least 1',
    ],
    ['it has an unknown field', { ...daily, stop: '22:00' }, 'stop', 'is not known here'],
  ])('%s', async (_what, schedule, field, remedy) => {
    const answer = await add('Refused', [daily, schedule]);
    expect(answer.status).toBe(422);
    expect(problemsOf(answer)[`schedules[1].${field}`]).toContain(remedy);
    const preview = await api.call('POST', '/schedules/preview', { body: { schedules: [daily, schedule] } });
    // What only the other jobs can tell is not asked for a preview.
    if (!remedy.includes('choose one that exists')) {
      expect(problemsOf(preview)[`schedules[1].${field}`]).toContain(remedy);
    }
  });

  test('it is there twice', async () => {
    const answer = await add('Twice', [daily, { ...daily }]);
    expect(problemsOf(answer)).toEqual({
      'schedules[1].id': expect.stringContaining('same as schedules[0]'),
    });
  });
});

describe('the id of a schedule', () => {
  test('stays while the schedule says the same, and what was served with it', async () => {
    const made = await add('Stable', [daily, { id: 'month', ...monthly, day: 'last' }]);
    const [first, second] = made.body.schedules;
    expect(first.id).toMatch(/^sch-/);
    expect(second.id).toBe('month');
    expect(made.body.lastFires).toEqual({
      [first.id]: '2026-03-01T12:00:00.000Z',
      month: '2026-03-01T12:00:00.000Z',
    });
    const served = { [first.id]: '2026-02-28T20:30:00.000Z', month: '2026-02-28T01:00:00.000Z' };
    await modify(api.store.collection(collections.jobs), made.body.id, (job) => ({
      ...job,
      lastFires: served,
    }));
    const schedules = [daily, { id: 'month', ...monthly, day: 15 }, periodic];
    const changed = await change(made, input('Stable', schedules));
    const [, , added] = changed.body.schedules;
    expect(changed.body.lastFires).toEqual({
      [first.id]: served[first.id],
      month: '2026-03-01T12:00:00.000Z',
      [added.id]: '2026-03-01T12:00:00.000Z',
    });
  });

  test('a job that is enabled again counts from then', async () => {
    const made = await add('Paused', [{ id: 'a', ...daily }], { enabled: false });
    await modify(api.store.collection(collections.jobs), made.body.id, (job) => ({
      ...job,
      lastFires: { a: '2026-01-01T00:00:00.000Z' },
    }));
    const body = input('Paused', [{ id: 'a', ...daily }], { enabled: true });
    expect((await change(made, body)).body.lastFires).toEqual({ a: '2026-03-01T12:00:00.000Z' });
  });
});

describe('the next times of a job', () => {
  test('are those of all its schedules, on the clocks of each', async () => {
    const night = { id: 'night', ...daily, end: '05:00', endsNextDay: true, days: [1, 2] };
    const made = await add('Next', [
      night,
      { id: 'month', ...monthly, timeZone: 'UTC', week: 1, weekday: 1 },
    ]);
    const next = await api.call('GET', `/jobs/${made.body.id}/next?count=3`);
    expect(next.body).toEqual({
      items: [
        {
          time: '2026-03-02T02:00:00.000Z',
          local: '2026-03-02T02:00:00+00:00',
          timeZone: 'UTC',
          scheduleId: 'month',
        },
        {
          time: '2026-03-02T20:30:00.000Z',
          local: '2026-03-02T21:30:00+01:00',
          timeZone: 'Europe/Berlin',
          scheduleId: 'night',
          stopAt: '2026-03-03T04:00:00.000Z',
          stopLocal: '2026-03-03T05:00:00+01:00',
        },
        {
          time: '2026-03-03T20:30:00.000Z',
          local: '2026-03-03T21:30:00+01:00',
          timeZone: 'Europe/Berlin',
          scheduleId: 'night',
          stopAt: '2026-03-04T04:00:00.000Z',
          stopLocal: '2026-03-04T05:00:00+01:00',
        },
      ],
      after: [],
    });
    expect(made.body.nextFire).toBe('2026-03-02T02:00:00.000Z');
    expect((await api.call('GET', `/jobs/${made.body.id}/next?count=0`)).status).toBe(422);
    expect((await api.call('GET', '/jobs/job-9/next')).status).toBe(404);
  });

  test('are shown for schedules that are not saved, from any time on, over a clock change', async () => {
    const body = { schedules: [{ ...daily, start: '02:30' }], count: 2, from: '2026-03-28T12:00:00.000Z' };
    const preview = await api.call('POST', '/schedules/preview', { body });
    expect(preview.status).toBe(200);
    expect(preview.body.items.map((fire: { local: string }) => fire.local)).toEqual([
      '2026-03-29T03:00:00+02:00',
      '2026-03-30T02:30:00+02:00',
    ]);
  });

  test('there are none for a job on demand, a disabled one, and one that only follows another', async () => {
    const onDemand = await add('On demand');
    const disabled = await add('Disabled', [daily], { enabled: false });
    const following = await add('Following', [{ kind: 'after', jobId: onDemand.body.id, delayMinutes: 5 }]);
    for (const { body } of [onDemand, disabled, following]) {
      expect(body.nextFire).toBeNull();
      expect((await api.call('GET', `/jobs/${body.id}/next`)).body.items).toEqual([]);
    }
    expect((await api.call('GET', `/jobs/${following.body.id}/next`)).body.after).toMatchObject([
      { jobId: onDemand.body.id, outcomes: ['success'], delayMinutes: 5 },
    ]);
  });
});

describe('jobs that follow each other', () => {
  const after = (jobId: string) => ({ kind: 'after', jobId });

  test('a circle is refused with its way, also one of a single job', async () => {
    const first = await add('First');
    const second = await add('Second', [after(first.body.id)]);
    const third = await add('Third', [daily, after(second.body.id)]);
    const circle = await change(first, input('First', [daily, after(third.body.id)]));
    expect(circle.status).toBe(422);
    expect(problemsOf(circle)).toEqual({
      'schedules[1].jobId': expect.stringContaining('"First" after "Third" after "Second" after "First"'),
    });
    expect(problemsOf(circle)['schedules[1].jobId']).toContain('Choose another job');
    const self = await change(first, input('First', [after(first.body.id)]));
    expect(problemsOf(self)['schedules[0].jobId']).toContain('"First" after "First"');
    expect((await change(third, input('Third', [after(first.body.id)]))).status).toBe(200);
  });

  test('one that is followed is not removed', async () => {
    const first = await add('Followed');
    const second = await add('Follower', [after(first.body.id)]);
    const refused = await api.call('DELETE', `/jobs/${first.body.id}`);
    expect(refused.body).toMatchObject({ status: 409, code: 'job-followed' });
    expect(refused.body.detail).toContain('"Follower"');
    expect((await api.call('DELETE', `/jobs/${second.body.id}`)).status).toBe(204);
    expect((await api.call('DELETE', `/jobs/${first.body.id}`)).status).toBe(204);
  });
});

describe('retrying a run', () => {
  test('asks for the mailboxes that failed in it, once for one key', async () => {
    const job = await add('Retried');
    const base = { jobId: job.body.id, runId: 'run-r' };
    await api.insert('runs', buildRun({ id: 'run-r', jobId: job.body.id, state: 'running' }));
    await api.insert(
      'runTasks',
      buildRunTask({ ...base, mailboxId: 'mbx-a', state: 'success' }),
      buildRunTask({ ...base, mailboxId: 'mbx-b', state: 'failed' }),
      buildRunTask({ ...base, mailboxId: 'mbx-c', state: 'failed' }),
    );
    const early = await api.call('POST', '/runs/run-r/retry');
    expect(early.body).toMatchObject({ status: 409, code: 'run-active', remedy: expect.any(String) });
    await modify(api.store.collection(collections.runs), 'run-r', (run) => ({
      ...run,
      state: 'warning' as const,
    }));
    const headers = { 'idempotency-key': 'again' };
    const made = await api.call('POST', '/runs/run-r/retry', { headers });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ trigger: 'retry', retryOf: 'run-r', state: 'requested' });
    expect([...made.body.onlyMailboxes].sort()).toEqual(['mbx-b', 'mbx-c']);
    const repeat = await api.call('POST', '/runs/run-r/retry', { headers });
    expect([repeat.status, repeat.body.id]).toEqual([200, made.body.id]);
  });

  test('is refused when none failed', async () => {
    const job = await add('Good');
    await api.insert('runs', buildRun({ id: 'run-good', jobId: job.body.id, state: 'success' }));
    expect((await api.call('POST', '/runs/run-good/retry')).body.code).toBe('nothing-failed');
  });
});
