import { collections, headIdOf, noExclusions } from '@holdfast/contracts';
import { serveQuestion } from '@holdfast/messaging';
import { buildMailbox, buildOrganization, buildRepository } from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../testing/startTestApi.ts';

let api: TestApi;
const people = ['ann', 'bob', 'cid', 'dan'].map((userId) =>
  buildMailbox({ userId, displayName: `${userId} Smith`, department: userId < 'c' ? 'Sales' : 'IT' }),
);
const [ann, bob, cid, dan] = people as [
  (typeof people)[0],
  (typeof people)[0],
  (typeof people)[0],
  (typeof people)[0],
];

beforeAll(async () => {
  api = await startTestApi();
  await api.insert('organizations', buildOrganization());
  await api.insert(
    'repositories',
    buildRepository(),
    buildRepository({ id: 'repo-2', name: 'Second', backend: { kind: 'fs', path: '/srv/second' } }),
  );
  await api.insert('mailboxes', ...people);
});
afterAll(() => api.stop());

const job = (name: string, more: object = {}) => ({
  ...{ name, organizationId: 'org-1', repositoryId: 'repo-1', sources: [{ kind: 'organization' }] },
  ...more,
});
const fieldsOf = (answer: { body: { problems?: { field: string; message: string }[] } }) =>
  (answer.body.problems ?? []).map(({ field }) => field);
const addressesOf = (items: { address: string }[]) => items.map(({ address }) => address.split('@')[0]);
const head = (mailboxId: string, repositoryId: string) => ({
  ...{ id: headIdOf(repositoryId, mailboxId), repositoryId, mailboxId, organizationId: 'org-1' },
  ...{ mailboxAddress: 'x@contoso.example', epoch: 1, pointName: 'p', pointId: 'p' },
});

describe('what a job names', () => {
  test.each<[string, object, string]>([
    ['a rule without attributes', { sources: [{ kind: 'rule' }] }, 'sources[0].displayName'],
    ['an empty pattern', { sources: [{ kind: 'rule', displayName: ' ' }] }, 'sources[0].displayName'],
    ['a domain that is none', { sources: [{ kind: 'rule', domain: 'nonsense' }] }, 'sources[0].domain'],
    ['an address that is none', { exclude: { mailboxes: ['ann'] } }, 'exclude.mailboxes[0]'],
    [
      'an unknown well-known folder',
      { exclude: { folders: [{ kind: 'well-known', name: 'attic' }] } },
      'exclude.folders[0].name',
    ],
    [
      'an empty folder path',
      { exclude: { folders: [{ kind: 'path', path: '/' }] } },
      'exclude.folders[0].path',
    ],
    [
      'an unknown repository of a destination',
      { destinations: [{ repositoryId: 'nowhere', match: [{ kind: 'organization' }] }] },
      'destinations[0].repositoryId',
    ],
    [
      'a destination for nobody',
      { destinations: [{ repositoryId: 'repo-2', match: [] }] },
      'destinations[0].match',
    ],
    [
      'a source twice',
      {
        sources: [
          { kind: 'mailbox', address: 'ann@contoso.example' },
          { kind: 'mailbox', address: 'ANN@contoso.example' },
        ],
      },
      'sources[1]',
    ],
    ['a pool that nobody knows', { pool: 'typo' }, 'pool'],
    ['a script by a relative path', { scripts: { before: { path: 'x.sh' } } }, 'scripts.before.path'],
    [
      'a time limit of nothing',
      { scripts: { after: { path: '/x.sh', timeLimitSeconds: 0 } } },
      'scripts.after.timeLimitSeconds',
    ],
  ])('is refused with %s, by the name of the field', async (_what, more, field) => {
    const answer = await api.call('POST', '/jobs', { body: job('Refused', more) });
    expect(answer.status).toBe(422);
    expect(fieldsOf(answer)).toContain(field);
  });

  test('groups are looked up: an unknown one is refused, and nobody there to ask is a warning', async () => {
    const groups = { sources: [{ kind: 'group', groupId: 'g1' }], exclude: { groups: [{ groupId: 'g2' }] } };
    const alone = await api.call('POST', '/jobs', { body: job('Unasked', groups) });
    expect(alone.status).toBe(201);
    expect(alone.body.warnings).toEqual([expect.objectContaining({ code: 'groups-not-checked' })]);
    const running = await serveQuestion(api.messaging, 'default', 'readGroups', async ({ groupIds }) => ({
      unknownGroups: groupIds.filter((id) => id === 'g2'),
    }));
    const answer = await api.call('POST', '/jobs', { body: job('Asked', groups) });
    await running.stop();
    expect(fieldsOf(answer)).toEqual(['exclude.groups[0].groupId']);
  });

  test('scripts are looked at by the scheduler, each problem by its field', async () => {
    const scripts = { before: { path: '/a.sh' }, after: { path: '/b.sh' } };
    const running = await serveQuestion(api.messaging, 'default', 'checkScripts', async () => ({
      problems: [[], [{ field: 'path', message: 'must lie in /srv/scripts' }]],
    }));
    const answer = await api.call('POST', '/jobs', { body: job('Scripted', { scripts }) });
    await running.stop();
    expect(answer.body.problems).toEqual([
      { field: 'scripts.after.path', message: 'must lie in /srv/scripts' },
    ]);
    const alone = await api.call('POST', '/jobs', { body: job('Scripted', { scripts }) });
    expect(alone.body.warnings).toEqual([expect.objectContaining({ code: 'scripts-not-checked' })]);
  });
});

describe('a preview', () => {
  const draft = {
    ...{ organizationId: 'org-1', repositoryId: 'repo-1' },
    sources: [
      { kind: 'mailbox', address: 'nobody@contoso.example' },
      { kind: 'rule', displayName: '*smith' },
    ],
    exclude: { mailboxes: [cid.address] },
    destinations: [{ repositoryId: 'repo-2', match: [{ kind: 'mailbox', address: bob.address }] }],
  };

  test('of a job that is not saved says who is in, who is out and why, and where each goes', async () => {
    await api.insert('mailboxHeads', head(ann.id, 'repo-1'), head(bob.id, 'repo-1'));
    const answer = await api.call('POST', '/jobs/preview', { body: draft });
    expect(answer.status).toBe(200);
    expect(answer.body.totals).toEqual({ in: 3, out: 1, error: 1 });
    const shown = answer.body.items.map(
      ({ address, status, reason, repositoryName, fullBackup }: Record<string, unknown>) => [
        String(address).split('@')[0],
        ...[status, reason ?? repositoryName, fullBackup],
      ],
    );
    expect(shown).toEqual([
      ['nobody', 'error', undefined, undefined],
      ['ann', 'in', 'Main', false],
      ['bob', 'in', 'Second', true],
      ['dan', 'in', 'Main', true],
      ['cid', 'out', 'excluded-mailbox', undefined],
    ]);
    // Who changes the repository is told before it is saved; who is new makes a first backup anyway.
    expect(answer.body.warnings).toEqual([
      expect.objectContaining({ code: 'full-backup', mailboxes: { count: 1, addresses: [bob.address] } }),
    ]);
  });

  test('is read in pages, by part and by status', async () => {
    const first = await api.call('POST', '/jobs/preview?limit=2', { body: draft });
    const second = await api.call('POST', `/jobs/preview?limit=3&after=${first.body.next}`, { body: draft });
    expect([...addressesOf(first.body.items), ...addressesOf(second.body.items)]).toHaveLength(5);
    expect(second.body.next).toBeUndefined();
    const out = await api.call('POST', '/jobs/preview?show=out', { body: draft });
    expect(addressesOf(out.body.items)).toEqual(['cid']);
    const found = await api.call('POST', '/jobs/preview?search=DAN%20smith', { body: draft });
    expect(addressesOf(found.body.items)).toEqual(['dan']);
  });

  test('of a saved job, whose saving says the same of repositories; going back needs no full backup', async () => {
    const made = await api.call('POST', '/jobs', { body: job('Moving') });
    expect(made.body.warnings).toEqual([]);
    const moved = { ...job('Moving'), repositoryId: 'repo-2' };
    const put = await api.call('PUT', `/jobs/${made.body.id}`, {
      body: moved,
      headers: { 'if-match': made.headers.get('etag') ?? '' },
    });
    expect(put.body.warnings).toEqual([
      expect.objectContaining({
        code: 'full-backup',
        mailboxes: { count: 2, addresses: [ann.address, bob.address] },
      }),
    ]);
    const saved = await api.call('GET', `/jobs/${made.body.id}/preview?show=in`);
    expect(saved.body.warnings).toEqual(put.body.warnings);
    await api.insert('mailboxHeads', head(ann.id, 'repo-2'), head(bob.id, 'repo-2'));
    const back = await api.call('PUT', `/jobs/${made.body.id}`, {
      body: job('Moving'),
      headers: { 'if-match': put.headers.get('etag') ?? '' },
    });
    expect(back.body.warnings).toEqual([]);
    await api.store.collection(collections.jobs).delete(made.body.id);
  });

  test('the global exclusions count', async () => {
    const settings = api.store.collection(collections.settings);
    await settings.insert({ id: 'global', exclude: { ...noExclusions, mailboxes: [dan.address] } });
    const answer = await api.call('POST', '/jobs/preview?show=out', { body: draft });
    await settings.delete('global');
    expect(answer.body.items).toContainEqual(
      expect.objectContaining({ address: dan.address, reason: 'excluded-mailbox', global: true }),
    );
  });
});

test('coverage shows who is in no job, and who is in a disabled one only', async () => {
  await api.insert('organizations', buildOrganization({ id: 'org-2', name: 'Second' }));
  const [eve, fay, gil] = ['eve', 'fay', 'gil'].map((userId) =>
    buildMailbox({ organizationId: 'org-2', userId }),
  );
  await api.insert('mailboxes', eve!, fay!, gil!);
  const one = (name: string, address: string, enabled: boolean) =>
    api.call('POST', '/jobs', {
      body: { ...job(name), organizationId: 'org-2', enabled, sources: [{ kind: 'mailbox', address }] },
    });
  await one('Eve alone', eve!.address, true);
  await one('Fay sleeps', fay!.address, false);
  const answer = await api.call('GET', '/organizations/org-2/coverage');
  expect(answer.body).toEqual({
    totals: { mailboxes: 3, covered: 1, uncovered: 2 },
    items: [
      expect.objectContaining({ address: fay!.address, jobs: [], disabledJobs: ['Fay sleeps'] }),
      expect.objectContaining({ address: gil!.address, jobs: [], disabledJobs: [] }),
    ],
  });
  const covered = await api.call('GET', '/organizations/org-2/coverage?show=covered');
  expect(covered.body.items).toEqual([
    expect.objectContaining({ address: eve!.address, jobs: ['Eve alone'] }),
  ]);
});

describe('pools', () => {
  test('serve what is assigned to them, and a job that needs more is refused with the remedy', async () => {
    const set = await api.call('PUT', '/pools/north', {
      body: { organizationIds: ['org-1'], repositoryIds: ['repo-2'] },
    });
    expect(set.status).toBe(200);
    const refused = await api.call('POST', '/jobs', { body: job('North', { pool: 'north' }) });
    expect(refused.body.problems).toEqual([
      { field: 'pool', message: expect.stringContaining('repository repo-1') },
    ]);
    const wider = { organizationIds: ['org-1'] };
    await api.call('PUT', '/pools/north', { body: wider });
    expect((await api.call('POST', '/jobs', { body: job('North', { pool: 'north' }) })).status).toBe(201);
    const narrower = await api.call('PUT', '/pools/north', { body: { ...wider, repositoryIds: [] } });
    expect(narrower.body.problems).toEqual([
      { field: 'repositoryIds', message: expect.stringContaining('"North"') },
    ]);
    expect((await api.call('DELETE', '/pools/north')).status).toBe(409);
    const list = await api.call('GET', '/pools');
    expect(list.body.items).toContainEqual(
      expect.objectContaining({ pool: 'north', organizationIds: ['org-1'], proxiesOnline: 0 }),
    );
  });

  test('name only what is there', async () => {
    const answer = await api.call('PUT', '/pools/south', { body: { organizationIds: ['org-9'] } });
    expect(fieldsOf(answer)).toEqual(['organizationIds[0]']);
  });
});

test('a proxy is put into maintenance once, and its list says so', async () => {
  const proxy = {
    id: 'proxy-7',
    pool: 'default',
    version: '1',
    host: 'h',
    slots: 4,
    startedAt: '2026-01-01T00:00:00.000Z',
  };
  await api.insert('proxies', { ...proxy, maintenance: false } as { id: string });
  for (const _ of [1, 2]) {
    const answer = await api.call('PUT', '/proxies/proxy-7/maintenance', { body: { on: true } });
    expect(answer.body).toMatchObject({ id: 'proxy-7', maintenance: true, online: false });
  }
  const log = await api.call('GET', '/events?name=proxy.maintenance');
  expect(log.body.items).toHaveLength(1);
  expect((await api.call('PUT', '/proxies/nobody/maintenance', { body: { on: true } })).status).toBe(404);
});

describe('an organization with two applications', () => {
  const input = (name: string) => ({
    ...{ name, tenantId: 'contoso.example', clientId: 'app-1', clientSecret: 's3cret' },
    secretExpiresAt: '2026-12-31T00:00:00.000Z',
    restoreApplication: { clientId: 'app-2', clientSecret: 'other-s3cret' },
  });

  test('shows both without their secrets, is changed by If-Match, and goes back to one', async () => {
    const made = await api.call('POST', '/organizations', { body: input('Two') });
    expect(made.body).toMatchObject({
      credential: { kind: 'secret', expiresAt: '2026-12-31T00:00:00.000Z' },
      restoreApplication: { clientId: 'app-2', credential: { kind: 'secret' } },
    });
    expect(JSON.stringify(made.body)).not.toContain('sealed');
    const path = `/organizations/${made.body.id}`;
    const stale = await api.call('PATCH', path, { body: { name: 'X' }, headers: { 'if-match': '"old"' } });
    expect(stale.status).toBe(412);
    const headers = { 'if-match': made.headers.get('etag') ?? '' };
    const changed = await api.call('PATCH', path, { body: { restoreApplication: null }, headers });
    expect(changed.status).toBe(200);
    expect(changed.body.restoreApplication).toBeUndefined();
    expect(changed.body.credential.expiresAt).toBe('2026-12-31T00:00:00.000Z');
  });

  test('a verification keeps the end of the secret that Microsoft tells', async () => {
    const made = await api.call('POST', '/organizations', { body: input('Ends') });
    const end = '2026-04-01T00:00:00.000Z';
    const running = await serveQuestion(
      api.messaging,
      'default',
      'verifyOrganization',
      async ({ probe }) => ({
        checks: (['backup', 'restore'] as const).map((application) => ({
          ...{
            code: 'credential.expiry',
            name: 'End',
            result: 'warning' as const,
            meaning: `${probe}`,
            application,
          },
          ...(application === 'restore' ? { expiresAt: end } : {}),
        })),
      }),
    );
    const verified = await api.call('POST', `/organizations/${made.body.id}/verify?mailboxes=7`);
    await running.stop();
    expect(verified.body.checks[0].meaning).toBe('7');
    const one = await api.call('GET', `/organizations/${made.body.id}`);
    expect(one.body.credential.expiresAt).toBe('2026-12-31T00:00:00.000Z');
    expect(one.body.restoreApplication.credential.expiresAt).toBe(end);
  });

  test('a date belongs to a secret', async () => {
    const certificate = { certificatePem: 'x', privateKeyPem: 'y' };
    const answer = await api.call('POST', '/organizations', {
      body: { ...input('Odd'), clientSecret: undefined, certificate },
    });
    expect(fieldsOf(answer)).toContain('secretExpiresAt');
  });
});

test('the scripts of a run are shown with the end of what they wrote', async () => {
  await api.call('POST', '/jobs', { body: job('Runs scripts') });
  const { body } = await api.call('GET', '/jobs');
  const requested = await api.call('POST', `/jobs/${body.items.at(-1).id}/run`);
  const runId: string = requested.body.id;
  const record = {
    id: `${runId}.after`,
    runId,
    jobId: 'job-1',
    phase: 'after',
    state: 'failed',
    exitCode: 3,
  };
  const script = { path: '/x.sh', arguments: [], timeLimitSeconds: 60, wait: true, onFailure: 'continue' };
  await api.insert('runScripts', { ...record, script, output: 'no space\n', outputCut: false } as {
    id: string;
  });
  const answer = await api.call('GET', `/runs/${runId}/scripts`);
  expect(answer.body.items).toEqual([
    expect.objectContaining({ phase: 'after', output: 'no space\n', exitCode: 3 }),
  ]);
  expect((await api.call('GET', '/runs/run-none/scripts')).status).toBe(404);
});
