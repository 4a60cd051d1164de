import type { Job, Run } from '@holdfast/contracts';
import { buildJob, buildRun, buildRunTask } from '@holdfast/testing';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { type NotifyWorld, notifyWorld } from './testing/notifyWorld.ts';
import { noAlerts } from './testing/samples.ts';

jest.setTimeout(120_000);

let world: NotifyWorld;
const digest = { time: '07:00', timeZone: 'Europe/Berlin' };
/** 07:00 in Berlin is 06:00 UTC in winter. */
beforeEach(async () => {
  world = notifyWorld('2026-11-22T05:00:00.000Z');
  await world.settings({ mail: { digest, changedAt: '2026-11-21T12:00:00.000Z' }, alerts: noAlerts });
});
afterEach(() => world.stop());

const minuteMs = 60_000;
const job = (id: string, given: Partial<Job> = {}): Job =>
  buildJob({
    ...{ id, name: id, createdAt: '2026-01-01T00:00:00.000Z' },
    schedules: [{ kind: 'daily', id: 'noon', start: '13:00', endsNextDay: false, timeZone: 'UTC' }],
    ...given,
  });
const run = (id: string, jobId: string, finishedAt: string, given: Partial<Run> = {}): Run =>
  buildRun({
    ...{
      id,
      jobId,
      jobName: jobId,
      state: 'success',
      outcome: 'success',
      requestedAt: finishedAt,
      finishedAt,
    },
    tasks: { total: 2, success: 2, warning: 0, failed: 0, stopped: 0 },
    ...given,
  });

test('one message a day has all runs since the last, problems first, instead of a message for each run', async () => {
  await world.insert('jobs', job('good'), job('bad'), job('idle'));
  await world.insert(
    'runs',
    run('run-old', 'good', '2026-11-21T05:59:00.000Z'),
    run('run-1', 'good', '2026-11-21T23:00:00.000Z'),
    run('run-2', 'bad', '2026-11-22T01:00:00.000Z', {
      ...{ state: 'failed', outcome: 'failed' },
      tasks: { total: 2, success: 1, warning: 0, failed: 1, stopped: 0 },
    }),
  );
  const error = {
    code: 'x',
    errorClass: 'forbidden' as const,
    message: 'access was denied',
    remedy: 'Grant it.',
  };
  await world.insert('runTasks', buildRunTask({ runId: 'run-2', state: 'failed', attempts: 3, error }));
  await world.start();
  await world.clock.advance(59 * minuteMs);
  expect(world.mails).toEqual([]);
  expect((await world.notification('run-report.run-1'))?.error?.code).toBe('in-digest');
  await world.until('the digest', () => world.mails.length === 1, minuteMs);
  const [mail] = world.mails;
  expect(mail).toMatchObject({
    to: ['it@contoso.example'],
    subject: '[Holdfast] FAILED: 2 runs since 2026-11-21 07:00: 1 failed',
    messageId: '<digest.all.20261122T060000Z@contoso.example>',
  });
  const order = [
    'Jobs without a run',
    'idle',
    'FAILED: bad',
    'mbx-1@contoso.example: failed after 3 attempts: access was denied',
    'What to do: Grant it.',
    'Totals',
    'SUCCESS: good',
  ];
  const places = order.map((words) => mail?.text.indexOf(words) ?? -1);
  expect(places).toEqual(places.toSorted((a, b) => a - b));
  expect(places).not.toContain(-1);
  expect(mail?.html).toContain('access was denied');
  await world.insert('runs', run('run-3', 'good', '2026-11-22T12:00:00.000Z', { number: 2 }));
  await world.clock.advance(23 * 60 * minuteMs);
  expect(world.mails).toHaveLength(1);
  await world.until('the next', () => world.mails.length === 2, minuteMs);
  expect(world.mails[1]?.subject).toBe('[Holdfast] SUCCESS: 1 run since 2026-11-22 07:00');
});

test('recipients of single jobs get a digest of these; a job that wants its own alone is not in the global one', async () => {
  const own = { recipients: ['boss@contoso.example'] };
  await world.insert(
    'jobs',
    job('a'),
    job('b', own),
    job('c', { ...own, notifications: { recipients: 'replace' } }),
  );
  for (const id of ['a', 'b', 'c'])
    await world.insert('runs', run(`run-${id}`, id, '2026-11-22T01:00:00.000Z'));
  await world.start();
  await world.until('both', () => world.mails.length === 2, minuteMs);
  const jobsIn = (to: string) =>
    [...(world.mails.find((mail) => mail.to.includes(to))?.text ?? '').matchAll(/SUCCESS: (\w), run/g)].map(
      ([, name]) => name,
    );
  expect(jobsIn('it@contoso.example').sort()).toEqual(['a', 'b']);
  expect(jobsIn('boss@contoso.example').sort()).toEqual(['b', 'c']);
});

test('settings that were made after the time of day wait for the next one', async () => {
  await world.settings({ mail: { digest, changedAt: '2026-11-22T06:30:00.000Z' }, alerts: noAlerts });
  await world.start();
  await world.clock.advance(5 * 60 * minuteMs);
  expect(world.mails).toEqual([]);
});

test('P4: killed after a part of the digests was written down: the rest follows, none twice', async () => {
  await world.insert('jobs', job('b', { recipients: ['boss@contoso.example'] }));
  await world.insert('runs', run('run-b', 'b', '2026-11-22T01:00:00.000Z'));
  await world.start();
  await world.start();
  await world.until('both', () => world.mails.length === 2, minuteMs);
  await world.start();
  await world.clock.advance(10 * minuteMs);
  expect(world.mails.map(({ to }) => to.join()).sort()).toEqual([
    'boss@contoso.example',
    'it@contoso.example',
  ]);
});

test('a job may be reported otherwise than the settings say: to others, and of other outcomes', async () => {
  await world.settings({ mail: { on: ['failed'] }, alerts: noAlerts });
  const recipients = ['boss@contoso.example'];
  await world.insert(
    'jobs',
    job('plain'),
    job('loud', { recipients, notifications: { recipients: 'replace', on: ['success'] } }),
  );
  await world.insert(
    'runs',
    run('run-1', 'plain', '2026-11-22T04:00:00.000Z'),
    run('run-2', 'loud', '2026-11-22T04:00:00.000Z'),
  );
  await world.start();
  await world.until('the report', () => world.mails.length === 1, minuteMs);
  await world.clock.advance(10 * minuteMs);
  expect(world.mails.map(({ to }) => to)).toEqual([recipients]);
  expect((await world.notification('run-report.run-1'))?.error?.code).toBe('not-wanted');
});
