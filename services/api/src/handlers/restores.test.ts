import { createHash } from 'node:crypto';
import { collections, type RestorePointRecord, restoreTaskSchema, zeroTotals } from '@holdfast/contracts';
import { createGate, serveQuestion } from '@holdfast/messaging';
import { modify } from '@holdfast/store';
import { buildMailbox, buildOrganization, buildRepository, waitFor } from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../testing/startTestApi.ts';

const point = (
  pointId: string,
  time: string,
  more: Partial<RestorePointRecord> = {},
): RestorePointRecord => ({
  id: `repo-1.${pointId}`,
  pointId,
  pointName: `name-of-${pointId}`,
  repositoryId: 'repo-1',
  organizationId: 'org-1',
  mailboxId: 'mbx-1',
  mailboxAddress: 'anna@contoso.example',
  jobId: 'job-1',
  runId: 'run-1',
  kind: 'full',
  time,
  committedAt: time,
  itemsTotal: 10,
  folders: 2,
  gapsOpen: 0,
  totals: zeroTotals,
  ...more,
});

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
  await api.insert('organizations', buildOrganization());
  await api.insert('repositories', buildRepository());
  await api.insert(
    'mailboxes',
    buildMailbox({ id: 'mbx-1', userId: 'anna', address: 'anna@contoso.example' }),
    buildMailbox({ id: 'mbx-2', userId: 'bob', address: 'bob@contoso.example' }),
    buildMailbox({ id: 'mbx-gone', userId: 'gone', address: 'gone@contoso.example', status: 'gone' }),
    buildMailbox({ id: 'mbx-empty', userId: 'empty', address: 'empty@contoso.example' }),
  );
  await api.insert(
    'restorePoints',
    point('p1', '2026-01-01T00:00:00.000Z'),
    point('p2', '2026-01-02T00:00:00.000Z'),
    point('p3', '2026-01-03T00:00:00.000Z', { kind: 'checkpoint' }),
    point('pg', '2026-01-01T00:00:00.000Z', {
      mailboxId: 'mbx-gone',
      mailboxAddress: 'gone@contoso.example',
    }),
  );
});
afterAll(() => api.stop());

const restore = (body: object, headers: Record<string, string> = {}) =>
  api.call('POST', '/restores', { body: { repositoryId: 'repo-1', mailboxId: 'mbx-1', ...body }, headers });

describe('a restore', () => {
  test('takes the newest complete point and reaches the store, the log and the queue', async () => {
    const tasks: string[] = [];
    const made = await restore({});
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      state: 'requested',
      pointId: 'p2',
      pointName: 'name-of-p2',
      targetAddress: 'anna@contoso.example',
      input: { selection: { kind: 'mailbox' }, onConflict: 'skip' },
      requestedBy: 'first administrator',
      epoch: 0,
    });
    const consumer = await api.messaging.consumeTasks({
      kind: 'restore',
      pool: 'default',
      owner: '*',
      maxAckPending: 10,
      maxDeliver: 3,
      gate: createGate(1),
      parse: (json) => restoreTaskSchema.parse(json),
      handle: async (task) => {
        tasks.push(task.sessionId);
        return { kind: 'done' };
      },
      onParked: async () => undefined,
    });
    await waitFor(() => tasks.includes(made.body.id), { what: 'the task in the queue' });
    await consumer.stop();
    const log = await api.call('GET', '/events?name=restore.requested');
    expect(log.body.items[0]).toMatchObject({ subject: made.body.id, data: { mailboxId: 'mbx-1' } });
  });

  test('goes to another mailbox and folder when told', async () => {
    const target = { mailboxAddress: 'BOB@contoso.example', folderPath: '/Restored' };
    const made = await restore({ pointId: 'repo-1.p1', target });
    expect(made.body).toMatchObject({ targetAddress: 'bob@contoso.example', pointId: 'p1' });
  });

  test.each([
    ['an unknown mailbox', { mailboxId: 'mbx-9' }, 'mailboxId'],
    ['an unknown repository', { repositoryId: 'repo-9' }, 'repositoryId'],
    ['a point of another mailbox', { pointId: 'pg' }, 'pointId'],
    ['an unknown point', { pointId: 'nope' }, 'pointId'],
    ['a mailbox that was never backed up', { mailboxId: 'mbx-empty' }, 'pointId'],
    [
      'a target that nobody knows',
      { target: { mailboxAddress: 'eve@contoso.example' } },
      'target.mailboxAddress',
    ],
    [
      'a target that is gone',
      { target: { mailboxAddress: 'gone@contoso.example' } },
      'target.mailboxAddress',
    ],
    ['the place of a mailbox that is gone', { mailboxId: 'mbx-gone' }, 'target.mailboxAddress'],
    ['a relative target folder', { target: { folderPath: 'Restored' } }, 'target.folderPath'],
    ['a policy we do not have', { onConflict: 'replace' }, 'onConflict'],
    ['changed items without a way to put them back', { only: 'missing-or-changed' }, 'onConflict'],
    [
      'an organization that nobody knows',
      { target: { organizationId: 'org-9', mailboxAddress: 'x@y.example' } },
      'target.organizationId',
    ],
    [
      'another organization without a mailbox there',
      { target: { organizationId: 'org-2' } },
      'target.mailboxAddress',
    ],
    ['a mailbox and a list of mailboxes', { sources: [{ mailboxId: 'mbx-1' }] }, 'sources'],
    [
      'no folder of a choice of folders',
      { selection: { kind: 'folders', folders: [] } },
      'selection.folders',
    ],
  ])('of or to %s is refused by the name of the field', async (_what, body, field) => {
    const before = (await api.call('GET', '/restores?limit=1000')).body.items.length;
    const answer = await restore(body);
    expect(answer.status).toBe(422);
    expect(answer.body.problems.map((problem: { field: string }) => problem.field)).toContain(field);
    expect((await api.call('GET', '/restores?limit=1000')).body.items).toHaveLength(before);
  });

  test('of a mailbox that is gone works to another one', async () => {
    const made = await restore({ mailboxId: 'mbx-gone', target: { mailboxAddress: 'bob@contoso.example' } });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      mailboxAddress: 'gone@contoso.example',
      targetAddress: 'bob@contoso.example',
    });
  });

  test('repeated with its Idempotency-Key is the same restore', async () => {
    const headers = { 'idempotency-key': 'restore-1' };
    const first = await restore({}, headers);
    const again = await restore({}, headers);
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.body.id).toBe(first.body.id);
    const other = await restore({ onConflict: 'rename' }, headers);
    expect(other.body).toMatchObject({ status: 409, code: 'idempotency-key-reused' });
  });

  test('with ten thousand chosen items fits into a request', async () => {
    const items = Array.from({ length: 10_000 }, (_, n) => ({
      folderId: 'F'.repeat(120),
      itemKey: `${n}`.padStart(150, 'K'),
    }));
    const made = await restore({ selection: { kind: 'items', items } });
    expect(made.status).toBe(201);
  });

  test('can be cancelled while at work, and not after', async () => {
    const { id } = (await restore({})).body;
    expect((await api.call('POST', `/restores/${id}/cancel`)).body.cancelRequested).toBe(true);
    await modify(api.store.collection(collections.restoreSessions), id, (session) => ({
      ...session,
      state: 'cancelled' as const,
    }));
    expect((await api.call('POST', `/restores/${id}/cancel`)).body.code).toBe('restore-ended');
    const ledger = await api.call('GET', `/restores/${id}/ledger`);
    expect(ledger.body).toEqual({ items: [] });
  });

  test('the ledger comes in the order of the plan, in pages', async () => {
    const { id } = (await restore({})).body;
    const lines = Array.from({ length: 5 }, (_, n) => ({
      id: `${id}.0000.${String(n).padStart(8, '0')}`,
      sessionId: id,
      part: 0,
      itemKey: `k${n}`,
      folderPath: '/Inbox',
      subject: `s${n}`,
      action: 'created',
      readBack: 'equal',
      differences: [],
      notRestored: [],
      at: '2026-03-01T00:00:00.000Z',
    }));
    await api.insert('restoreLedger', ...lines.toReversed());
    const first = await api.call('GET', `/restores/${id}/ledger?limit=3`);
    const rest = await api.call('GET', `/restores/${id}/ledger?limit=3&after=${first.body.next}`);
    const keys = [...first.body.items, ...rest.body.items].map((line: { itemKey: string }) => line.itemKey);
    expect(keys).toEqual(['k0', 'k1', 'k2', 'k3', 'k4']);
    expect(rest.body.next).toBeUndefined();
  });
});

describe('restore points', () => {
  test('are listed newest first, also of a mailbox the control data has forgotten', async () => {
    const list = await api.call('GET', '/mailboxes/mbx-1/restore-points?repositoryId=repo-1');
    expect(list.body.items.map((entry: { pointId: string }) => entry.pointId)).toEqual(['p3', 'p2', 'p1']);
    await api.insert('restorePoints', point('po', '2026-01-01T00:00:00.000Z', { mailboxId: 'mbx-orphan' }));
    expect((await api.call('GET', '/mailboxes/mbx-orphan/restore-points')).body.items).toHaveLength(1);
    expect((await api.call('GET', '/mailboxes/mbx-nobody/restore-points')).status).toBe(404);
    expect((await api.call('GET', '/restore-points/repo-1.p1')).body.itemsTotal).toBe(10);
  });

  test('are browsed through questions to a restore worker', async () => {
    const folders = Array.from({ length: 5 }, (_, n) => ({
      id: `f/${n}=`,
      parentId: null,
      name: `n${n}`,
      path: `/n${n}`,
      items: n,
    }));
    const asked: unknown[] = [];
    const running = [
      await serveQuestion(api.messaging, 'default', 'exploreFolders', async () => ({ folders })),
      await serveQuestion(api.messaging, 'default', 'exploreItems', async (question) => {
        asked.push(question);
        return { items: [], next: 'cursor-2' };
      }),
      await serveQuestion(api.messaging, 'default', 'exploreGaps', async () => ({ gaps: [] })),
    ];
    const first = await api.call('GET', '/restore-points/repo-1.p1/folders?limit=3');
    const rest = await api.call('GET', `/restore-points/repo-1.p1/folders?limit=3&after=${first.body.next}`);
    expect([...first.body.items, ...rest.body.items]).toEqual(folders);
    const id = encodeURIComponent('f/1=');
    const items = await api.call(
      'GET',
      `/restore-points/repo-1.p1/folders/${id}/items?limit=7&after=cursor-1`,
    );
    expect(items.body).toEqual({ items: [], next: 'cursor-2' });
    expect(asked).toEqual([
      { repositoryId: 'repo-1', pointName: 'name-of-p1', folderId: 'f/1=', limit: 7, after: 'cursor-1' },
    ]);
    expect((await api.call('GET', '/restore-points/repo-1.p1/gaps')).body).toEqual({ items: [] });
    for (const one of running) await one.stop();
  });
});

describe('the export of a message', () => {
  const whole = Buffer.from(Array.from({ length: 1_200_000 }, (_, n) => (n * 7 + (n >> 8)) & 255));
  const sliceBytes = 512 * 1024;

  const serveMime = (bytes: Buffer, sha256 = createHash('sha256').update(bytes).digest('hex')) =>
    serveQuestion(api.messaging, 'default', 'exploreMime', async ({ offset }) => ({
      size: bytes.length,
      sha256,
      data: bytes.subarray(offset, offset + sliceBytes).toString('base64'),
    }));
  const download = (itemKey: string) =>
    fetch(`${api.url}/api/v1/restore-points/repo-1.p1/folders/f/items/${encodeURIComponent(itemKey)}/mime`, {
      headers: { authorization: `Bearer ${api.token}` },
    });

  test('arrives byte for byte in slices, with its hash and a safe name', async () => {
    const running = await serveMime(whole);
    const answer = await download('key-1');
    expect(answer.headers.get('content-type')).toBe('message/rfc822');
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="key-1.eml"');
    expect(answer.headers.get('etag')).toBe(`"${createHash('sha256').update(whole).digest('hex')}"`);
    expect(Buffer.from(await answer.arrayBuffer()).equals(whole)).toBe(true);
    await running.stop();
  });

  test('an empty message is an empty answer', async () => {
    const running = await serveMime(Buffer.alloc(0));
    expect((await (await download('k')).arrayBuffer()).byteLength).toBe(0);
    await running.stop();
  });

  test.each(['../../etc/passwd', 'a"\r\nset-cookie: x=1', 'ü'.repeat(200), 'a/b\\c'])(
    'the key %j makes no dangerous file name',
    async (key) => {
      const running = await serveMime(Buffer.from('x'));
      const answer = await download(key);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-disposition')).toMatch(
        /^attachment; filename="[A-Za-z0-9_-]{1,80}\.eml"$/,
      );
      expect(answer.headers.get('set-cookie')).toBeNull();
      await running.stop();
    },
  );

  test('bytes that are not what was stored never arrive as a whole', async () => {
    const running = await serveMime(whole, '0'.repeat(64));
    const answer = await download('key-1');
    await expect(answer.arrayBuffer()).rejects.toThrow();
    await running.stop();
  });

  test('a missing item is a problem and no broken download', async () => {
    const answer = await download('key-1');
    expect(answer.status).toBe(503);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  });
});
