import { collections, guardIdOf, type RestorePointRecord, zeroTotals } from '@holdfast/contracts';
import { serveQuestion } from '@holdfast/messaging';
import { buildJob, buildMailbox, buildOrganization, buildRepository } from '@holdfast/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../../../services/api/src/testing/startTestApi.ts';
import { cliFor } from '../testing/startCli.ts';
import { policyOf, policyText } from './retentionPolicy.ts';

let api: TestApi;
const cli = cliFor(() => api);
const id = (day: string) => `repo-1.p-${day}`;
const days = ['2026-02-24', '2026-02-25', '2026-02-26', '2026-02-27', '2026-02-28', '2026-03-01'];
const pointOf = (day: string, given: Partial<RestorePointRecord> = {}): RestorePointRecord => ({
  ...{
    id: id(day),
    pointId: `p-${day}`,
    pointName: `points/${day}`,
    repositoryId: 'repo-1',
    mailboxId: 'mbx-1',
  },
  ...{ organizationId: 'org-1', mailboxAddress: 'anna@contoso.example', jobId: 'job-1', runId: `run-${day}` },
  ...{ kind: 'full', time: `${day}T02:00:00.000Z`, committedAt: `${day}T02:00:00.000Z` },
  ...{ itemsTotal: 3, folders: 1, gapsOpen: 0, totals: zeroTotals },
  ...given,
});
const waits = { at: '2026-03-01T06:00:00.000Z', removeAfter: '2026-03-02T12:00:00.000Z', reason: 'old' };

// The clock of the test API stands at 2026-03-01 12:00 UTC.
beforeEach(async () => {
  api = await startTestApi();
  await api.insert('organizations', buildOrganization());
  await api.insert('repositories', buildRepository());
  await api.insert('mailboxes', buildMailbox({ id: 'mbx-1', userId: 'anna' }));
  await api.insert('jobs', buildJob({ name: 'Nightly', retention: { keepLast: 2, daily: 3 } }));
  await api.insert('restorePoints', ...days.map((day) => pointOf(day)));
});
afterEach(() => api.stop());

describe('retention plan', () => {
  test('shows what goes, when and why', async () => {
    const { code, out } = await cli.run(['retention', 'plan', 'Nightly']);
    expect(code).toBe(0);
    expect(out).toContain('Keeps 2 newest, 3 days.');
    expect(out).toContain('anna@contoso.example: 3 stay, 3 go, 0 wait, 0 stopped');
    expect(out).toContain('older than the newest 2, not the last state of a day that still counts');
    expect(out).toContain(id('2026-02-27'));
    expect(out).not.toContain(id('2026-03-01'));
    expect((await cli.run(['retention', 'plan', 'Nightly', '--all'])).out).toContain(id('2026-03-01'));
  });

  test('of a policy that is not saved, as JSON', async () => {
    const { document } = await cli.json(['retention', 'plan', 'Nightly', '--keep-last', '5']);
    expect(document.items).toMatchObject([{ mailboxId: 'mbx-1', stays: 5, goes: 1 }]);
    const without = await cli.json(['retention', 'plan', 'Nightly', '--keep-last', '1', '--keep-daily', '0']);
    expect(without.document.items).toMatchObject([{ stays: 1, goes: 5 }]);
  });

  test('counts the bytes on request', async () => {
    const serving = await serveQuestion(api.messaging, 'default', 'measureFreed', async () => ({
      ...{ objects: 7, bytes: 4_096, bound: 'exact' as const },
    }));
    const { out } = await cli.run([
      'retention',
      'plan',
      'Nightly',
      '--bytes',
      '--mailbox',
      'anna@contoso.example',
    ]);
    expect(out).toContain('would free 4.0 KiB in 7 objects');
    await serving.stop();
  });

  test('a policy that contradicts itself is refused by its fields', async () => {
    const args = ['retention', 'plan', 'Nightly', '--keep-yearly', '7', '--item-age', '1y'];
    const { code, err } = await cli.run(args);
    expect(code).toBe(1);
    expect(err).toContain('retention.yearly: reaches back further than the item age');
  });
});

describe('holds', () => {
  test('on a mailbox: placed with a reason, listed, shown in the plan, released', async () => {
    expect((await cli.run(['retention', 'hold', 'anna@contoso.example'])).code).toBe(2);
    const made = await cli.run(['retention', 'hold', 'anna@contoso.example', '--reason', 'case 7']);
    expect(made.code).toBe(0);
    expect((await cli.run(['retention', 'holds'])).out).toMatch(/anna@contoso\.example.*all.*case 7/);
    expect((await cli.run(['retention', 'plan', 'Nightly'])).out).toContain('6 stay, 0 go');
    expect((await cli.run(['retention', 'release', 'anna@contoso.example'])).out).toContain('case 7');
    expect((await cli.run(['retention', 'release', 'anna@contoso.example'])).code).toBe(2);
  });

  test('on a restore point', async () => {
    const made = await cli.json(['point', 'hold', id('2026-02-24'), '--reason', 'case 8']);
    expect(made.document).toMatchObject({ restorePointId: id('2026-02-24'), reason: 'case 8' });
    const empty = await cli.run(['point', 'hold', id('2026-02-24'), '--reason', ' ']);
    expect([empty.code, empty.err]).toEqual([1, expect.stringContaining('reason: say why')]);
    expect((await cli.run(['point', 'release', id('2026-02-24')])).out).toContain('case 8');
    const byId = await cli.json(['point', 'hold', id('2026-02-25'), '--reason', 'case 9']);
    expect((await cli.run(['retention', 'release', byId.document.id])).code).toBe(0);
    expect((await cli.json(['retention', 'holds'])).document.items).toEqual([]);
  });
});

test('a point is called back from the waiting room', async () => {
  await api.insert('restorePoints', pointOf('2026-02-23', { condemned: waits }));
  expect((await cli.run(['point', 'list', 'anna@contoso.example'])).out).toContain('2026-03-02');
  const back = await cli.run(['retention', 'recall', id('2026-02-23'), '--reason', 'needed again']);
  expect(back.code).toBe(0);
  expect((await cli.run(['retention', 'holds'])).out).toContain('needed again');
  expect((await cli.run(['retention', 'recall', id('2026-02-23')])).code).toBe(1);
});

test('what the guard stopped is listed and approved', async () => {
  await api.insert('retentionGuards', {
    ...{
      id: guardIdOf('repo-1', 'mbx-1', 'job-1'),
      repositoryId: 'repo-1',
      organizationId: 'org-1',
      jobId: 'job-1',
    },
    ...{ mailboxId: 'mbx-1', mailboxAddress: 'anna@contoso.example', state: 'open', points: 20, of: 30 },
    ...{ pointIds: ['a'], since: '2026-03-01T05:00:00.000Z', announced: true },
  });
  expect((await cli.run(['retention', 'guards', '--job', 'Nightly'])).out).toMatch(/anna.*20.*30.*open/);
  expect((await cli.run(['retention', 'approve', 'Nightly'])).out).toContain(
    '20 restore points of 1 mailboxes',
  );
  expect((await cli.run(['retention', 'approve', 'Nightly'])).code).toBe(1);
});

test('a pass is asked for', async () => {
  expect((await cli.run(['retention', 'run', '--repo', 'Main'])).code).toBe(0);
  const events = api.store.collection(collections.events);
  const { items } = await events.find({});
  expect(items.map(({ doc }) => doc.name)).toContain('retention.requested');
});

test('settings are shown and changed one by one', async () => {
  expect((await cli.run(['retention', 'settings'])).out).toContain('05:00 UTC');
  const changed = await cli.json(['retention', 'settings', '--wait-days', '0', '--guard-percent', '20']);
  const kept = await cli.json(['retention', 'settings', '--alert-days', '90', '--delivery-days', '14']);
  expect(kept.document).toMatchObject({ waitDays: 0, alertDays: 90, deliveryDays: 14 });
  expect(changed.document).toMatchObject({ waitDays: 0, guard: { percent: 20, points: 10 }, eventDays: 30 });
});

describe('the flags of a policy', () => {
  test.each([
    [{}, undefined],
    [
      { keepLast: 3, keepDaily: 7, retentionZone: 'Europe/Berlin' },
      { keepLast: 3, daily: 7, timeZone: 'Europe/Berlin' },
    ],
    [{ itemAge: '30d' }, { itemAge: { days: 30 } }],
    [
      { keepLast: 0, itemAge: 'none' },
      { keepLast: undefined, itemAge: undefined },
    ],
    [{ itemAge: '3 years', itemAgeBy: 'modified' }, { itemAge: { years: 3, by: 'modified' } }],
  ])('%j', (options, policy) => {
    expect(policyOf(options)).toStrictEqual(policy);
  });

  test.each([{ itemAge: 'old' }, { itemAge: '3w' }, { itemAgeBy: 'modified' }])(
    '%j is refused',
    (options) => {
      expect(() => policyOf(options)).toThrow();
    },
  );

  test('read like a sentence', () => {
    const zone = { timeZone: 'UTC', weekStartsOn: 1 };
    expect(policyText({ ...zone, keepLast: 5, daily: 7, weekly: 1, yearly: 3, keepAllDays: 2 })).toBe(
      '5 newest, 7 days, 1 week, 3 years, all of the last 2 days',
    );
    expect(policyText({ ...zone, itemAge: { years: 1, by: 'received' } })).toBe(
      'no item received more than 1 year ago',
    );
  });
});
