import {
  type PlanLine,
  planPageIdOf,
  type RestorePlanSummary,
  type RestorePointRecord,
  type RestoreSession,
  restoreTaskSchema,
  zeroTotals,
} from '@holdfast/contracts';
import { createGate } from '@holdfast/messaging';
import {
  buildMailbox,
  buildOrganization,
  buildRepository,
  buildRestoreSession,
  waitFor,
} from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../testing/startTestApi.ts';

const point = (
  pointId: string,
  mailboxId: string,
  time = '2026-01-01T00:00:00.000Z',
): RestorePointRecord => ({
  ...{ id: `repo-1.${pointId}`, pointId, pointName: `name-of-${pointId}`, repositoryId: 'repo-1' },
  ...{ organizationId: 'org-1', mailboxId, mailboxAddress: `${mailboxId}@contoso.example` },
  ...{ jobId: 'job-1', runId: 'run-1', kind: 'full', time, committedAt: time, itemsTotal: 10, folders: 2 },
  ...{ gapsOpen: 0, totals: zeroTotals },
});

const plan: RestorePlanSummary = {
  ...{ generation: 1, digest: 'digest-1', madeAt: '2026-03-01T00:00:00.000Z', items: 5, create: 3, skip: 2 },
  ...{
    overwrite: 0,
    rename: 0,
    cannot: 0,
    partly: 0,
    bytes: 100,
    requests: 6,
    seconds: 2,
    foldersToCreate: 0,
  },
  ...{ approvalReasons: ['asked-for'], warnings: [] },
};

let api: TestApi;
const tasks: string[] = [];
let number = 0;
beforeAll(async () => {
  api = await startTestApi();
  await api.insert(
    'organizations',
    buildOrganization(),
    buildOrganization({ id: 'org-2', name: 'Fabrikam' }),
  );
  await api.insert('repositories', buildRepository());
  await api.insert(
    'mailboxes',
    buildMailbox({ id: 'mbx-1', userId: 'anna', address: 'anna@contoso.example' }),
    buildMailbox({ id: 'mbx-2', userId: 'bob', address: 'bob@contoso.example' }),
    buildMailbox({ id: 'mbx-9', userId: 'gone', address: 'gone@contoso.example', status: 'gone' }),
    buildMailbox({ id: 'mbx-3', organizationId: 'org-2', userId: 'carl', address: 'carl@fabrikam.example' }),
  );
  await api.insert(
    'restorePoints',
    ...[point('p1', 'mbx-1'), point('p2', 'mbx-1', '2026-01-05T00:00:00.000Z')],
    ...[point('q1', 'mbx-2'), point('g1', 'mbx-9')],
  );
  await api.messaging.consumeTasks({
    ...{
      kind: 'restore',
      pool: 'default',
      owner: '*',
      maxAckPending: 10,
      maxDeliver: 3,
      gate: createGate(1),
    },
    parse: (json) => restoreTaskSchema.parse(json),
    handle: async (task) => {
      tasks.push(task.sessionId);
      return { kind: 'done' };
    },
    onParked: async () => undefined,
  });
});
afterAll(() => api.stop());

/** A session as the worker left it. */
async function session(given: Partial<RestoreSession>): Promise<string> {
  const id = `session-${++number}`;
  await api.insert('restoreSessions', buildRestoreSession({ id, plan, ...given }));
  return id;
}
const act = (id: string, what: string, body?: object) =>
  api.call('POST', `/restores/${id}/${what}`, body === undefined ? {} : { body });
const start = (body: object) => api.call('POST', '/restores', { body: { repositoryId: 'repo-1', ...body } });
const partsOf = async (id: string) => (await api.call('GET', `/restores/${id}/parts`)).body.items;

describe('a planned restore', () => {
  test('is approved by the digest of its plan and by nothing else', async () => {
    const id = await session({ state: 'planned' });
    const wrong = await act(id, 'approve', { confirm: 'digest-2' });
    expect([wrong.status, wrong.body.code]).toEqual([409, 'other-plan']);
    expect((await act(id, 'approve', {})).status).toBe(422);
    const approved = await act(id, 'approve', { confirm: 'digest-1' });
    expect(approved).toMatchObject({
      status: 202,
      body: { state: 'approved', approvedBy: 'first administrator' },
    });
    await waitFor(() => tasks.includes(id), { what: 'the task' });
    expect((await act(id, 'approve', { confirm: 'digest-1' })).body.code).toBe('restore-state');
    const log = await api.call('GET', '/events?name=restore.approved');
    expect(log.body.items[0]).toMatchObject({ subject: id, data: { digest: 'digest-1' } });
  });

  test('shows its lines in pages, also of one action only', async () => {
    const id = await session({ state: 'planned' });
    const line = (n: number): PlanLine => ({
      ...{ part: 0, position: n, itemKey: `k${n}`, folderPath: '/Inbox', targetPath: '/Inbox' },
      ...{ subject: `s${n}`, action: n % 3 === 0 ? 'create' : 'skip', size: 1, notes: [] },
    });
    const page = (generation: number, from: number) => ({
      ...{ id: planPageIdOf(id, generation, 0, from / 4), sessionId: id, generation },
      lines: [0, 1, 2, 3].map((n) => line(from + n)),
    });
    // A planning that was cut short has left a page.
    await api.insert('restorePlan', page(0, 0), page(1, 0), page(1, 4), page(1, 8));
    const all = async (query: string) => {
      const keys: string[] = [];
      let after: string | undefined;
      do {
        const more = after === undefined ? '' : `&after=${encodeURIComponent(after)}`;
        const { body } = await api.call('GET', `/restores/${id}/plan?${query}${more}`);
        keys.push(...body.items.map((one: PlanLine) => one.itemKey));
        after = body.next;
      } while (after !== undefined);
      return keys;
    };
    expect(await all('limit=5')).toEqual(Array.from({ length: 12 }, (_, n) => `k${n}`));
    expect(await all('limit=3&action=create')).toEqual(['k0', 'k3', 'k6', 'k9']);
    expect(
      (await api.call('GET', `/restores/${await session({ state: 'requested' })}/plan`)).body.items,
    ).toEqual([]);
  });

  test('can be cancelled; one that has ended cannot', async () => {
    const id = await session({ state: 'planned' });
    expect(await act(id, 'cancel')).toMatchObject({ status: 202, body: { cancelRequested: true } });
    await waitFor(() => tasks.includes(id), { what: 'the task that ends it' });
    expect((await act(id, 'approve', { confirm: 'digest-1' })).status).toBe(409);
    expect((await act(await session({ state: 'success' }), 'cancel')).body.code).toBe('restore-ended');
  });
});

describe('a restore at work', () => {
  test('is paused and goes on', async () => {
    const id = await session({ state: 'running' });
    expect(await act(id, 'pause')).toMatchObject({ status: 202, body: { pauseRequested: true } });
    expect(await act(id, 'resume')).toMatchObject({
      status: 202,
      body: { state: 'running', pauseRequested: false },
    });
    const paused = await session({ state: 'paused' });
    expect((await act(paused, 'pause')).status).toBe(409);
    expect(await act(paused, 'resume')).toMatchObject({ body: { state: 'approved' } });
    await waitFor(() => tasks.includes(paused), { what: 'the task' });
    expect((await act(await session({ state: 'planned' }), 'resume')).status).toBe(409);
  });
});

describe('a restore of several mailboxes', () => {
  test('has a part for each, with the newest point of its time', async () => {
    const made = await start({
      sources: [{ mailboxId: 'mbx-1' }, { mailboxId: 'mbx-2', pointId: 'q1' }],
      asOf: '2026-01-03T00:00:00.000Z',
    });
    expect(made).toMatchObject({ status: 201, body: { parts: 2, mailboxId: 'mbx-1', pointId: 'p1' } });
    expect(await partsOf(made.body.id)).toMatchObject([
      { part: 0, mailboxId: 'mbx-1', pointId: 'p1', targetAddress: 'anna@contoso.example', targetFolder: [] },
      { part: 1, mailboxId: 'mbx-2', pointId: 'q1', targetAddress: 'bob@contoso.example' },
    ]);
  });

  test('into one mailbox gives each a folder of its own', async () => {
    const target = { mailboxAddress: 'bob@contoso.example', folderPath: '/Old mail\\/2025/x' };
    const made = await start({ sources: [{ mailboxId: 'mbx-1' }, { mailboxId: 'mbx-2' }], target });
    expect(
      (await partsOf(made.body.id)).map((part: { targetFolder: string[] }) => part.targetFolder),
    ).toEqual([
      ['Old mail/2025', 'x', 'anna@contoso.example'],
      ['Old mail/2025', 'x', 'bob@contoso.example'],
    ]);
  });

  test('from a search has a part for each mailbox and restore point of its items', async () => {
    const item = (mailboxId: string, pointId?: string) => ({
      ...{ mailboxId, folderId: 'f', itemKey: 'k' },
      ...(pointId === undefined ? {} : { pointId }),
    });
    const items = [item('mbx-1', 'p1'), item('mbx-2'), item('mbx-1', 'repo-1.p2'), item('mbx-1', 'p1')];
    const made = await start({ selection: { kind: 'search', items } });
    expect(
      (await partsOf(made.body.id)).map((part: { mailboxId: string; pointId: string }) => [
        part.mailboxId,
        part.pointId,
      ]),
    ).toEqual([
      ['mbx-1', 'p1'],
      ['mbx-2', 'q1'],
      ['mbx-1', 'p2'],
    ]);
    const wrong = await start({ selection: { kind: 'search', items: [item('mbx-1', 'q1')] } });
    expect(wrong.body.problems[0].field).toBe('selection.items.0.pointId');
  });
});

describe('the target of a restore', () => {
  test('may be a mailbox of another organization', async () => {
    const target = { organizationId: 'org-2', mailboxAddress: 'carl@fabrikam.example' };
    const made = await start({ mailboxId: 'mbx-1', target });
    expect(made.body).toMatchObject({ organizationId: 'org-1', targetOrganizationId: 'org-2' });
    // Also when the mailbox is gone.
    expect((await start({ mailboxId: 'mbx-9', target })).status).toBe(201);
  });

  test('as the original place of a mailbox that is gone is refused with the choices that remain', async () => {
    const refused = await start({ mailboxId: 'mbx-9' });
    expect(refused.status).toBe(422);
    const [problem] = refused.body.problems;
    expect(problem.field).toBe('target.mailboxAddress');
    for (const choice of ['another mailbox', 'another organization', 'export']) {
      expect(problem.message).toContain(choice);
    }
  });
});

test('the activities show who asked for what, and how it stands', async () => {
  const at = '2026-02-02T00:00:00.000Z';
  const id = await session({ state: 'paused', mailboxId: 'mbx-7', requestedBy: 'eve', requestedAt: at });
  const found = async (query: string) =>
    (await api.call('GET', `/restores?${query}`)).body.items.map((one: RestoreSession) => one.id);
  expect(await found('requestedBy=eve')).toEqual([id]);
  expect(await found('mailboxId=mbx-7&state=paused')).toEqual([id]);
  expect(await found('mailboxId=mbx-7&state=failed')).toEqual([]);
  expect(await found('since=2026-02-01T00:00:00.000Z&until=2026-02-03T00:00:00.000Z')).toEqual([id]);
});
