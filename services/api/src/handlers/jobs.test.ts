import { collections } from '@holdfast/contracts';
import { modify } from '@holdfast/store';
import {
  buildMailbox,
  buildOrganization,
  buildRepository,
  buildRun,
  buildRunTask,
  waitFor,
} from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../testing/startTestApi.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
  await api.insert('organizations', buildOrganization());
  await api.insert('repositories', buildRepository());
  await api.insert(
    'mailboxes',
    buildMailbox({ id: 'mbx-1' }),
    buildMailbox({ id: 'mbx-2', organizationId: 'org-2' }),
  );
});
afterAll(() => api.stop());

const input = (name: string) => ({
  name,
  organizationId: 'org-1',
  repositoryId: 'repo-1',
  sources: [{ kind: 'organization' }],
});
const daily = { kind: 'daily', start: '21:30', timeZone: 'Europe/Berlin' };

const add = async (name: string, more: object = {}) => {
  const made = await api.call('POST', '/jobs', { body: { ...input(name), ...more } });
  expect(made.status).toBe(201);
  return made;
};

describe('a job', () => {
  test('gets defaults, an id and the time of its next fire', async () => {
    const made = await add('Nightly', { schedules: [daily] });
    expect(made.body).toMatchObject({
      retention: { keepLast: 30 },
      options: { concurrency: 3, attempts: 3 },
      enabled: true,
      nextFire: '2026-03-01T20:30:00.000Z',
    });
    const off = await add('Off', { schedules: [daily], enabled: false });
    expect(off.body.nextFire).toBeNull();
    const list = await api.call('GET', '/jobs');
    expect(list.body.items.map((job: { name: string }) => job.name)).toEqual(['Nightly', 'Off']);
  });

  test.each([
    [
      'an unknown time zone',
      { schedules: [{ ...daily, timeZone: 'Mars/Olympus' }] },
      'schedules[0].timeZone',
    ],
    ['a wrong time', { schedules: [{ ...daily, start: '25:00' }] }, 'schedules[0].start'],
    ['a schedule of no known kind', { schedules: [{ kind: 'sometimes' }] }, 'schedules[0].kind'],
    ['retention that keeps nothing', { retention: { keepLast: 0 } }, 'retention.keepLast'],
    ['no source', { sources: [] }, 'sources'],
    ['a source without address', { sources: [{ kind: 'mailbox' }] }, 'sources[0].address'],
    ['a recipient that is no address', { recipients: ['nobody'] }, 'recipients[0]'],
    ['no mailbox at a time', { options: { concurrency: 0 } }, 'options.concurrency'],
    ['an unknown organization', { organizationId: 'org-9' }, 'organizationId'],
    ['an unknown repository', { repositoryId: 'repo-9' }, 'repositoryId'],
    ['an unknown field deep inside', { options: { turbo: true } }, 'options.turbo'],
    ['a missing name', { name: undefined }, 'name'],
  ])('with %s is refused by the name of the field', async (_what, change, field) => {
    const answer = await api.call('POST', '/jobs', { body: { ...input('Malformed'), ...change } });
    expect(answer.status).toBe(422);
    expect(answer.body.problems.map((problem: { field: string }) => problem.field)).toContain(field);
    expect(answer.body.detail).toContain(field);
  });

  test('is changed only by who has seen it as it is', async () => {
    const made = await add('Contended');
    const path = `/jobs/${made.body.id}`;
    const etag = made.headers.get('etag') ?? '';
    const change = { ...input('Contended'), retention: { keepLast: 7 } };
    expect((await api.call('PUT', path, { body: change })).status).toBe(428);
    const first = await api.call('PUT', path, { body: change, headers: { 'if-match': etag } });
    expect(first.status).toBe(200);
    expect(first.body.retention.keepLast).toBe(7);
    const second = await api.call('PUT', path, { body: change, headers: { 'if-match': etag } });
    expect(second.status).toBe(412);
    expect(second.body).toMatchObject({
      code: 'stale-version',
      remedy: expect.stringContaining('Read it again'),
    });
    expect(second.headers.get('etag')).toBe(first.headers.get('etag'));
  });

  test('is not stale because the scheduler counted a run', async () => {
    const schedules = [{ id: 'nightly', ...daily }];
    const made = await add('Counted', { schedules });
    const jobs = api.store.collection(collections.jobs);
    await modify(jobs, made.body.id, (job) => ({
      ...job,
      lastRunNumber: 5,
      lastFires: { nightly: '2026-04-01T00:00:00.000Z' },
    }));
    const headers = { 'if-match': made.headers.get('etag') ?? '' };
    const answer = await api.call('PUT', `/jobs/${made.body.id}`, {
      body: { ...input('Counted'), schedules, recipients: ['ops@contoso.example'] },
      headers,
    });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      recipients: ['ops@contoso.example'],
      lastRunNumber: 5,
      lastFires: { nightly: '2026-04-01T00:00:00.000Z' },
    });
  });

  test('cannot be removed while it runs', async () => {
    const made = await add('Busy');
    await api.insert('runs', buildRun({ id: 'run-busy', jobId: made.body.id, state: 'running' }));
    expect((await api.call('DELETE', `/jobs/${made.body.id}`)).status).toBe(409);
    await modify(api.store.collection(collections.runs), 'run-busy', (run) => ({
      ...run,
      state: 'success' as const,
    }));
    expect((await api.call('DELETE', `/jobs/${made.body.id}`)).status).toBe(204);
  });
});

describe('running a job', () => {
  test('stores a requested run and then tells the scheduler', async () => {
    const job = await add('Runs');
    const seen: string[] = [];
    const tail = await api.messaging.tailEvents('events.>', (event) =>
      seen.push(`${event.name} ${event.subject}`),
    );
    const made = await api.call('POST', `/jobs/${job.body.id}/run`);
    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toBe(`runs/${made.body.id}`);
    expect(made.body).toMatchObject({
      state: 'requested',
      trigger: 'manual',
      requestedBy: 'first administrator',
    });
    await waitFor(() => seen.includes(`run.requested ${made.body.id}`), { what: 'the event' });
    await tail.stop();
    expect((await api.call('GET', `/runs/${made.body.id}`)).body).toEqual(made.body);
  });

  test('twice with one Idempotency-Key makes one run', async () => {
    const job = await add('Once');
    const path = `/jobs/${job.body.id}/run`;
    const headers = { 'idempotency-key': 'key-1' };
    const answers = await Promise.all(Array.from({ length: 5 }, () => api.call('POST', path, { headers })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 201]);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect((await api.call('GET', `/jobs/${job.body.id}/runs`)).body.items).toHaveLength(1);
    const other = await api.call('POST', path, { headers, body: { mailboxIds: ['mbx-1'] } });
    expect(other.body.code).toBe('idempotency-key-reused');
  });

  test('for chosen mailboxes takes those of its organization only', async () => {
    const job = await add('Chosen');
    const path = `/jobs/${job.body.id}/run`;
    const refused = await api.call('POST', path, { body: { mailboxIds: ['mbx-1', 'mbx-2', 'mbx-3'] } });
    expect(refused.body.problems.map((problem: { field: string }) => problem.field)).toEqual([
      'mailboxIds[1]',
      'mailboxIds[2]',
    ]);
    const made = await api.call('POST', path, { body: { mailboxIds: ['mbx-1'] } });
    expect(made.body.onlyMailboxes).toEqual(['mbx-1']);
  });

  test('can be stopped while it is at work, and not after', async () => {
    await api.insert('runs', buildRun({ id: 'run-stop', state: 'running' }));
    const stopping = await api.call('POST', '/runs/run-stop/stop');
    expect(stopping.status).toBe(202);
    expect(stopping.body.stopRequested).toBe(true);
    expect((await api.call('POST', '/runs/run-stop/stop')).status).toBe(202);
    await modify(api.store.collection(collections.runs), 'run-stop', (run) => ({
      ...run,
      state: 'stopped' as const,
    }));
    const late = await api.call('POST', '/runs/run-stop/stop');
    expect(late.body).toMatchObject({ status: 409, code: 'run-ended' });
  });
});

describe('the lists of a run', () => {
  const gap = (n: number) => ({
    itemKey: `item-${n}`,
    folderId: 'f',
    folderPath: '/Inbox',
    code: 'corrupt',
    reason: 'cannot be read',
    firstSeen: '2026-03-01T00:00:00.000Z',
    lastTried: '2026-03-01T00:00:00.000Z',
    tries: 1,
    nextTry: '2026-03-02T00:00:00.000Z',
  });
  const states = ['success', 'failed', 'success', 'warning', 'success', 'failed', 'queued'] as const;

  beforeAll(async () => {
    await api.insert('runs', buildRun({ id: 'run-lists', state: 'running' }));
    await api.insert(
      'runTasks',
      ...states.map((state, position) =>
        buildRunTask({
          runId: 'run-lists',
          mailboxId: `m-${position}`,
          position,
          state,
          ...(state === 'warning' ? { gaps: [0, 1, 2, 3, 4].map(gap) } : {}),
          ...(position === 4 ? { gaps: [gap(9)] } : {}),
        }),
      ),
    );
  });

  const readAll = async (path: string) => {
    const items: Record<string, unknown>[] = [];
    let after = '';
    for (let pages = 0; pages < 20; pages += 1) {
      const page = await api.call('GET', `${path}${after}`);
      expect(page.status).toBe(200);
      items.push(...page.body.items);
      if (page.body.next === undefined) return items;
      after = `&after=${page.body.next}`;
    }
    throw new Error('the pages do not end');
  };

  test.each([1, 2, 3, 100])('tasks come in order, or with problems first, in pages of %i', async (limit) => {
    const inOrder = await readAll(`/runs/run-lists/tasks?limit=${limit}`);
    expect(inOrder.map((task) => task.position)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    const first = await readAll(`/runs/run-lists/tasks?problems=first&limit=${limit}`);
    expect(first.map((task) => task.state)).toEqual([
      ...['failed', 'failed', 'warning', 'queued', 'success', 'success', 'success'],
    ]);
    expect(first.every((task) => task.gaps === undefined)).toBe(true);
  });

  test.each([1, 2, 4, 100])('gaps come with their mailbox, in pages of %i', async (limit) => {
    const gaps = await readAll(`/runs/run-lists/gaps?limit=${limit}`);
    expect(gaps.map(({ itemKey }) => itemKey)).toEqual([
      ...['item-0', 'item-1', 'item-2', 'item-3', 'item-4', 'item-9'],
    ]);
    expect(gaps[0]).toMatchObject({ mailboxId: 'm-3', taskId: 'run-lists.m-3' });
  });

  test('a cursor of another list is refused', async () => {
    const answer = await api.call('GET', '/runs/run-lists/gaps?after=bm9uc2Vuc2U');
    expect(answer.body).toMatchObject({ status: 422, problems: [{ field: 'after' }] });
  });

  test('progress shows the counters of this run and no other', async () => {
    const progress = await api.messaging.keyValue('progress', { ttlMs: 60_000, parse: (json) => json });
    const entry = {
      kind: 'sync',
      label: 'x',
      done: 3,
      total: 9,
      bytes: 10,
      phase: 'items',
      at: '2026-03-01T12:00:00.000Z',
    };
    await progress.put('t1', { ...entry, id: 't1', owner: 'run-lists' });
    await progress.put('t2', { ...entry, id: 't2', owner: 'run-other' });
    await waitFor(async () => (await api.call('GET', '/runs/run-lists/progress')).body.items.length === 1, {
      what: 'one entry',
    });
  });

  test('runs are filtered by state and job', async () => {
    const stopped = await api.call('GET', '/runs?state=stopped');
    expect(stopped.body.items.map((run: { id: string }) => run.id)).toEqual(['run-stop']);
    expect((await api.call('GET', '/runs?state=sleeping')).status).toBe(422);
    expect((await api.call('GET', '/jobs/job-none/runs')).status).toBe(404);
  });
});
