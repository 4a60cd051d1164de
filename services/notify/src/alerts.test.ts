import { defaultAlertSettings, headIdOf, type Job, type MailSettings, makeEvent } from '@holdfast/contracts';
import { buildJob, buildOrganization, buildRepository, buildRun, buildRunTask } from '@holdfast/testing';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type NotifyWorld, notifyWorld } from './testing/notifyWorld.ts';

jest.setTimeout(120_000);

let world: NotifyWorld;
beforeEach(() => {
  world = notifyWorld('2026-11-22T12:00:00.000Z');
});
afterEach(() => world.stop());

/** Run reports would be counted among the messages. */
const onlyAlerts: Partial<MailSettings> = { on: [] };
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const at = (offsetMs: number): string => new Date(world.clock.now() + offsetMs).toISOString();

/** A job that runs every day at 13:00 UTC, made long ago. */
const nightly = (given: Partial<Job> = {}): Job =>
  buildJob({
    ...{ name: 'Nightly', createdAt: '2026-01-01T00:00:00.000Z' },
    schedules: [{ kind: 'daily', id: 'noon', start: '13:00', endsNextDay: false, timeZone: 'UTC' }],
    lastFires: { noon: '2026-11-21T13:00:00.000Z' },
    ...given,
  });
const ranYesterday = () =>
  buildRun({
    ...{ id: 'run-1', state: 'success', requestedAt: '2026-11-21T13:00:00.000Z' },
    ...{ startedAt: '2026-11-21T13:00:01.000Z', finishedAt: '2026-11-21T13:20:00.000Z' },
    tasks: { total: 1, success: 1, warning: 0, failed: 0, stopped: 0 },
  });
const ofKind = async (kind: string) => (await world.alerts()).filter((alert) => alert.kind === kind);
const only = (kind: keyof typeof defaultAlertSettings) => ({
  ...defaultAlertSettings,
  ...Object.fromEntries(
    Object.entries(defaultAlertSettings)
      .filter(([name, value]) => name !== kind && typeof value === 'object' && 'enabled' in value)
      .map(([name, value]) => [name, { ...(value as object), enabled: false }]),
  ),
});

describe('nothing ran although it should have (the scheduler may be dead)', () => {
  beforeEach(async () => {
    await world.settings({ mail: onlyAlerts, alerts: only('jobOverdue') });
    await world.insert('jobs', nightly());
    await world.insert('runs', ranYesterday());
  });

  test('raised once an hour after the time that passed, cleared once when it has run', async () => {
    await world.start();
    await world.clock.advance(119 * minuteMs);
    expect(await ofKind('job-overdue')).toEqual([]);
    await world.until('the alert is mailed', () => world.mails.length === 1, minuteMs);
    const [raised] = await ofKind('job-overdue');
    expect(raised).toMatchObject({
      ...{ about: 'job-1', jobId: 'job-1', organizationId: 'org-1', state: 'open' },
      since: '2026-11-22T13:00:00.000Z',
      message:
        'Job "Nightly" should have run 2026-11-22 13:00 (UTC), and did not. It ran last 2026-11-21 13:00.',
      remedy: expect.stringContaining('scheduler'),
    });
    expect(world.mails[0]).toMatchObject({
      to: ['it@contoso.example'],
      subject: expect.stringMatching(/^\[Holdfast\] ALERT: nothing ran: Job "Nightly" should have run/),
      text: expect.stringContaining('What to do: Check that the scheduler runs'),
    });
    await world.clock.advance(5 * hourMs);
    expect(world.mails).toHaveLength(1);
    await world.insert('runs', buildRun({ id: 'run-2', number: 2, state: 'running', requestedAt: at(0) }));
    await world.until('the all-clear is mailed', () => world.mails.length === 2, minuteMs);
    expect(world.mails[1]?.subject).toMatch(/^\[Holdfast\] ALL CLEAR: nothing ran/);
    expect(await ofKind('job-overdue')).toMatchObject([
      { id: raised?.id, state: 'cleared', clearedAt: expect.any(String), clearedBecause: expect.any(String) },
    ]);
    expect(await world.events('alert.raised')).toHaveLength(1);
    expect((await world.events('alert.cleared'))[0]?.data).toMatchObject({
      alertId: raised?.id,
      jobId: 'job-1',
    });
  });

  test('the next time it is another alert', async () => {
    await world.start();
    await world.until('the first', async () => (await ofKind('job-overdue')).length === 1, minuteMs);
    const run = (id: string, number: number) =>
      buildRun({ id, number, state: 'success', requestedAt: at(0), startedAt: at(0), finishedAt: at(1) });
    await world.insert('runs', run('run-2', 2));
    await world.until('over', async () => (await ofKind('job-overdue'))[0]?.state === 'cleared', minuteMs);
    await world.until('the second', async () => (await ofKind('job-overdue')).length === 2, 10 * minuteMs);
    expect(new Set((await ofKind('job-overdue')).map(({ id }) => id)).size).toBe(2);
  });

  test('a run that waits for a proxy did not run', async () => {
    const error = { code: 'no-proxy-online', errorClass: 'transient' as const, message: 'no proxy online' };
    await world.insert(
      'runs',
      buildRun({
        id: 'run-2',
        number: 2,
        requestedAt: '2026-11-22T13:00:00.000Z',
        error: { ...error, remedy: 'Start one.' },
      }),
    );
    await world.change('jobs', 'job-1', { lastFires: { noon: '2026-11-22T13:00:00.000Z' } });
    await world.start();
    await world.until('the alert', async () => (await ofKind('job-overdue')).length === 1, minuteMs);
    expect((await ofKind('job-overdue'))[0]).toMatchObject({
      message: expect.stringContaining('waits since then (no proxy online)'),
      remedy: 'Start one.',
    });
  });

  test.each([
    [
      'it ran',
      () =>
        world.insert(
          'runs',
          buildRun({
            id: 'run-2',
            number: 2,
            state: 'failed',
            requestedAt: '2026-11-22T13:00:05.000Z',
            finishedAt: '2026-11-22T13:01:00.000Z',
          }),
        ),
    ],
    [
      'the run before is still at work',
      () =>
        world.insert(
          'runs',
          buildRun({ id: 'run-2', number: 2, state: 'running', requestedAt: '2026-11-22T08:00:00.000Z' }),
        ),
    ],
    [
      'its schedule was changed after that time',
      () => world.change('jobs', 'job-1', { lastFires: { noon: '2026-11-22T13:30:00.000Z' } }),
    ],
    ['it is switched off', () => world.change('jobs', 'job-1', { enabled: false })],
    [
      'it has more time by its own settings',
      () => world.change('jobs', 'job-1', { notifications: { recipients: 'add', overdueAfterMinutes: 600 } }),
    ],
    [
      'the alert is switched off',
      () =>
        world.settings({
          alerts: { ...only('jobOverdue'), jobOverdue: { enabled: false, afterMinutes: 60 } },
        }),
    ],
  ])('not raised when %s', async (_situation, arrange) => {
    await arrange();
    await world.start();
    await world.clock.advance(4 * hourMs);
    expect(await ofKind('job-overdue')).toEqual([]);
  });

  test('after a start the scheduler gets five minutes to catch up', async () => {
    await world.clock.advance(10 * hourMs);
    await world.start();
    await world.clock.advance(4 * minuteMs);
    expect(await ofKind('job-overdue')).toEqual([]);
    await world.until('the alert', async () => (await ofKind('job-overdue')).length === 1, minuteMs);
  });

  test('P4: killed between writing the alert and telling of it: told after the restart, once', async () => {
    const since = '2026-11-22T11:00:00.000Z';
    await world.insert('alerts', {
      ...{ id: 'alert-1', kind: 'job-overdue', about: 'job-9', state: 'open', message: 'Nothing ran.' },
      ...{ remedy: 'Start it.', details: [], since, raisedAt: since },
    });
    await world.start();
    await world.until('mailed', () => world.mails.length === 1, minuteMs);
    expect(world.mails[0]?.messageId).toBe('<alert.alert-1@contoso.example>');
    expect((await world.events('alert.raised')).map(({ subject, time }) => [subject, time])).toEqual([
      ['alert-1', since],
    ]);
    await world.start();
    await world.clock.advance(10 * minuteMs);
    expect(world.mails.filter(({ subject }) => subject.includes('ALERT'))).toHaveLength(1);
    expect(await world.events('alert.raised')).toHaveLength(1);
  });

  test('two notifiers raise one alert and send one message', async () => {
    await world.start();
    await world.start();
    await world.until('mailed', () => world.mails.length > 0, minuteMs);
    await world.clock.advance(hourMs);
    expect(await ofKind('job-overdue')).toHaveLength(1);
    expect(world.mails).toHaveLength(1);
  });
});

describe('restore points that get old', () => {
  const head = (mailboxId: string, times: { pointTime?: string; checkedAt?: string }) => ({
    ...{
      id: headIdOf('repo-1', mailboxId),
      repositoryId: 'repo-1',
      mailboxId,
      organizationId: 'org-1',
      epoch: 1,
    },
    ...{ mailboxAddress: `${mailboxId}@contoso.example`, ...times },
  });
  beforeEach(async () => {
    await world.settings({ mail: onlyAlerts, alerts: only('restorePointOld') });
    await world.insert('jobs', nightly());
    await world.insert('runs', {
      ...ranYesterday(),
      tasks: { total: 3, success: 3, warning: 0, failed: 0, stopped: 0 },
    });
    for (const [position, mailboxId] of ['mbx-1', 'mbx-2', 'mbx-3'].entries())
      await world.insert('runTasks', buildRunTask({ runId: 'run-1', mailboxId, position, state: 'success' }));
  });

  test('are told by mailbox, one alert a job; a mailbox found unchanged is safe up to that look', async () => {
    await world.insert(
      'mailboxHeads',
      head('mbx-1', { pointTime: at(-80 * hourMs) }),
      head('mbx-2', { pointTime: at(-80 * hourMs), checkedAt: at(-hourMs) }),
      head('mbx-3', { pointTime: at(-hourMs) }),
    );
    await world.start();
    await world.until('the alert', () => world.mails.length === 1, minuteMs);
    expect((await ofKind('restore-point-old'))[0]).toMatchObject({
      message: '1 mailbox of job "Nightly" has no restore point younger than 3 d.',
      details: [
        `mbx-1@contoso.example: newest restore point ${(await world.rows('mailboxHeads')).find((one) => one.mailboxId === 'mbx-1')?.pointTime}`,
      ],
    });
    await world.change('mailboxHeads', headIdOf('repo-1', 'mbx-1'), { pointTime: at(0) });
    await world.until('over', () => world.mails.length === 2, minuteMs);
    expect(world.mails[1]?.subject).toContain('ALL CLEAR');
  });

  test('a job may ask for younger ones than the settings', async () => {
    for (const mailboxId of ['mbx-1', 'mbx-2', 'mbx-3'])
      await world.insert('mailboxHeads', head(mailboxId, { pointTime: at(-30 * hourMs) }));
    await world.start();
    await world.clock.advance(20 * minuteMs);
    expect(await ofKind('restore-point-old')).toEqual([]);
    await world.change('jobs', 'job-1', { notifications: { recipients: 'add', maxPointAgeHours: 24 } });
    await world.until('the alert', async () => (await ofKind('restore-point-old')).length === 1, minuteMs);
    expect((await ofKind('restore-point-old'))[0]?.message).toContain('3 mailboxes of job "Nightly" have');
  });
});

describe('proxies', () => {
  const proxy = (id: string, startedAt = '2026-11-22T00:00:00.000Z') => ({
    ...{ id, pool: 'default', version: '0.1.0', host: 'server-1', slots: 4, startedAt, maintenance: false },
  });
  const beat = async (id: string) => {
    const bucket = await world.messaging().keyValue('proxies', { ttlMs: 30_000, parse: (json) => json });
    await bucket.put(id, { ...proxy(id), busy: 0, mailboxes: [], at: at(0) });
    return bucket;
  };
  beforeEach(() => world.settings({ mail: onlyAlerts, alerts: only('proxyOffline') }));

  test('one that falls silent is told after five minutes, and when it is back', async () => {
    await world.insert('proxies', proxy('sync-1'));
    const bucket = await beat('sync-1');
    await world.start();
    await world.clock.advance(10 * minuteMs);
    expect(await ofKind('proxy-offline')).toEqual([]);
    await bucket.delete('sync-1');
    await world.clock.advance(4 * minuteMs);
    expect(await ofKind('proxy-offline')).toEqual([]);
    await world.until('the alert', () => world.mails.length === 1, minuteMs);
    expect((await ofKind('proxy-offline'))[0]?.message).toContain('no proxy of pool "default" is left');
    await beat('sync-1');
    await world.until('over', () => world.mails.length === 2, minuteMs);
    expect(await ofKind('proxy-offline')).toMatchObject([{ state: 'cleared' }]);
  });

  test('one that was stopped on purpose, or started anew under another name, is not missed', async () => {
    await world.insert(
      'proxies',
      { ...proxy('sync-1'), stoppedAt: at(0) },
      proxy('sync-2'),
      proxy('sync-3', at(0)),
    );
    await beat('sync-3');
    await world.start();
    await world.clock.advance(hourMs);
    expect(await ofKind('proxy-offline')).toEqual([]);
  });
});

describe('credentials, disks, guards', () => {
  test('a secret that ends within 30 days is told, and over when it is another one', async () => {
    await world.settings({ mail: onlyAlerts, alerts: only('credentialExpiring') });
    const secret = (expiresAt: string) => ({ kind: 'secret' as const, sealedSecret: 'sealed:x', expiresAt });
    await world.insert('organizations', { ...buildOrganization(), credential: secret(at(31 * 24 * hourMs)) });
    await world.start();
    await world.clock.advance(hourMs);
    expect(await ofKind('credential-expiring')).toEqual([]);
    await world.clock.advance(24 * hourMs);
    expect((await ofKind('credential-expiring'))[0]).toMatchObject({
      message: expect.stringMatching(/^The secret of organization "Contoso" expires at 2026-12-23/),
    });
    await world.change('organizations', 'org-1', { credential: secret(at(365 * 24 * hourMs)) });
    await world.until(
      'over',
      async () => (await ofKind('credential-expiring'))[0]?.state === 'cleared',
      minuteMs,
    );
  });

  test('a disk with less than ten percent free is told, with an event of the repository', async () => {
    await world.settings({ mail: onlyAlerts, alerts: only('repositorySpaceLow') });
    await world.insert('repositories', buildRepository());
    let freeBytes: number | undefined = 9e9;
    await world.start({
      measure: async () => (freeBytes === undefined ? undefined : { freeBytes, totalBytes: 1e11 }),
    });
    await world.until('the alert', () => world.mails.length === 1, minuteMs);
    expect((await ofKind('repository-space-low'))[0]).toMatchObject({
      message: 'The disk of repository "Main" has less than 10 % free space left.',
      details: ['9.0 GB free of 100 GB'],
    });
    expect((await world.events('repository.space-low')).map(({ data }) => data)).toEqual([
      { repositoryId: 'repo-1', freeBytes: 9e9, totalBytes: 1e11, freePercent: 9 },
    ]);
    freeBytes = undefined;
    await world.clock.advance(2 * hourMs);
    expect((await ofKind('repository-space-low'))[0]?.state).toBe('open');
    freeBytes = 5e10;
    await world.until(
      'over',
      async () => (await ofKind('repository-space-low'))[0]?.state === 'cleared',
      minuteMs,
    );
  });

  test('retention that its guard stopped is told until somebody approves', async () => {
    await world.settings({ mail: onlyAlerts, alerts: only('retentionGuarded') });
    await world.insert('jobs', nightly());
    const guard = (mailboxId: string, points: number) => ({
      ...{
        id: `guard-${mailboxId}`,
        repositoryId: 'repo-1',
        organizationId: 'org-1',
        jobId: 'job-1',
        mailboxId,
      },
      ...{
        mailboxAddress: `${mailboxId}@contoso.example`,
        state: 'open' as const,
        points,
        of: 20,
        pointIds: [],
      },
      ...{ since: at(0), announced: true },
    });
    await world.insert('retentionGuards', guard('mbx-1', 12), guard('mbx-2', 15));
    await world.start();
    await world.until('the alert', () => world.mails.length === 1, minuteMs);
    expect((await ofKind('retention-guarded'))[0]).toMatchObject({
      message: expect.stringContaining('27 restore points of 2 mailboxes would go at once'),
      details: [
        'mbx-2@contoso.example: 15 of 20 restore points',
        'mbx-1@contoso.example: 12 of 20 restore points',
      ],
    });
    for (const id of ['guard-mbx-1', 'guard-mbx-2'])
      await world.change('retentionGuards', id, { state: 'approved' });
    await world.until('over', () => world.mails.length === 2, minuteMs);
  });
});

describe('who gets alerts', () => {
  test('the recipients of alerts instead of those of reports, and no all-clear when none is wanted', async () => {
    const alerts = { ...only('jobOverdue'), recipients: ['oncall@contoso.example'], allClear: false };
    await world.settings({ mail: onlyAlerts, alerts });
    await world.insert('jobs', nightly());
    await world.start();
    await world.until('the alert', () => world.mails.length === 1, minuteMs);
    expect(world.mails[0]?.to).toEqual(['oncall@contoso.example']);
    await world.insert('runs', buildRun({ id: 'run-2', number: 2, state: 'running', requestedAt: at(0) }));
    await world.until('over', async () => (await ofKind('job-overdue'))[0]?.state === 'cleared', minuteMs);
    await world.clock.advance(10 * minuteMs);
    expect(world.mails).toHaveLength(1);
    expect(await world.events('alert.cleared')).toHaveLength(1);
  });

  test('without mail settings the alert is there all the same', async () => {
    await world.insert('jobs', nightly());
    await world.start();
    await world.until('the alert', async () => (await ofKind('job-overdue')).length === 1, minuteMs);
    await world.until('the event', async () => (await world.events('alert.raised')).length > 0);
    expect(world.mails).toEqual([]);
  });
});

test('a test message that was asked for goes out at once', async () => {
  await world.settings();
  await world.start();
  await world.clock.advance(1_000);
  const id = 'test.1';
  await world.insert('notifications', {
    ...{ id, kind: 'test', refersTo: '1', recipients: ['me@contoso.example'], subject: 'Test' },
    ...{ messageId: '<1@x.example>', state: 'pending', tries: 0, createdAt: at(0) },
  });
  const data = { notificationId: id, kind: 'test', requestedBy: 'admin' };
  await world
    .messaging()
    .publishEvent(
      makeEvent('notification.requested', { source: 'api', subject: id, key: id, time: at(0), data }),
    );
  await world.until('sent', () => world.mails.length === 1, 10);
  expect(world.clock.now()).toBeLessThan(new Date('2026-11-22T12:00:20.000Z').getTime());
});
