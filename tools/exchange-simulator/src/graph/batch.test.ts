import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openSession, type Session } from '../testing/session.ts';

let session: Session;
let user: string;

beforeAll(async () => {
  session = await openSession();
  user = session.users[0]!;
});
afterAll(() => session.close());

interface Part {
  readonly id: string;
  readonly status: number;
  readonly headers: Record<string, string>;
  // biome-ignore lint/suspicious/noExplicitAny: bodies of any shape
  readonly body: any;
}
async function batch(
  requests: unknown,
): Promise<{ status: number; parts: Map<string, Part>; error?: string }> {
  const answer = await session.post('/$batch', { requests });
  const parts = new Map<string, Part>((answer.json?.responses ?? []).map((one: Part) => [one.id, one]));
  return { status: answer.status, parts, error: answer.json?.error?.message };
}
const get = (id: string, url: string, more: object = {}) => ({ id, method: 'GET', url, ...more });

describe('a batch', () => {
  test('answers each part for itself, with its own preferences', async () => {
    const { status, parts } = await batch([
      get('1', `/users/${user}/mailFolders/inbox/messages?$top=1&$select=id`, {
        headers: { Prefer: 'IdType="ImmutableId"' },
      }),
      get('2', `users/${user}/messages/nonsense`),
      {
        id: '3',
        method: 'POST',
        url: `/users/${user}/mailFolders`,
        headers: { 'Content-Type': 'application/json' },
        body: { displayName: 'By batch' },
      },
    ]);
    expect(status).toBe(200);
    expect([...parts.values()].map((one) => [one.id, one.status]).sort()).toEqual([
      ['1', 200],
      ['2', 400],
      ['3', 201],
    ]);
    expect(parts.get('1')?.body.value[0].id).toMatch(/^AAkALg/);
    expect(parts.get('2')?.body.error.code).toBe('ErrorInvalidIdMalformed');
  });

  test('gives MIME as base64', async () => {
    const id = (await session.get(`/users/${user}/mailFolders/inbox/messages?$top=1&$select=id`)).json
      .value[0].id;
    const { parts } = await batch([get('m', `/users/${user}/messages/${id}/$value`)]);
    const direct = await session.get(`/users/${user}/messages/${id}/$value`);
    expect(Buffer.from(parts.get('m')?.body, 'base64').equals(direct.bytes)).toBe(true);
    expect(parts.get('m')?.headers['Content-Type']).toBe('text/plain');
  });

  test('stops a chain at its first failure', async () => {
    const { parts } = await batch([
      get('1', `/users/${user}/mailFolders/inbox`),
      get('2', '/planets', { dependsOn: ['1'] }),
      get('3', `/users/${user}/mailFolders/inbox`, { dependsOn: ['2'] }),
    ]);
    expect([parts.get('1')?.status, parts.get('2')?.status, parts.get('3')?.status]).toEqual([200, 400, 424]);
  });

  test.each([
    ['more than 20 parts', Array.from({ length: 21 }, (_, at) => get(String(at), '/users'))],
    ['repeated ids', [get('1', '/users'), get('1', '/users')]],
    ['an unknown dependency', [get('1', '/users', { dependsOn: ['9'] })]],
    ['a body without content type', [{ id: '1', method: 'POST', url: '/users', body: {} }]],
    ['no parts', []],
  ])('with %s is refused as a whole', async (_, requests) => {
    expect((await batch(requests)).status).toBe(400);
  });

  test('of 20 parts on one mailbox passes, two at once exceed its concurrency part by part', async () => {
    const parts = Array.from({ length: 20 }, (_, at) => get(String(at), `/users/${user}/mailFolders/inbox`));
    const alone = await batch(parts);
    expect([...alone.parts.values()].every((one) => one.status === 200)).toBe(true);
    await session.control.addFault({ kind: 'folder.get', times: 4, action: { type: 'hold' } });
    const first = batch(parts);
    while ((await session.control.held()) < 4) await new Promise((resolve) => setImmediate(resolve));
    const second = await batch(parts);
    await session.control.releaseHeld();
    const both = [await first, second];
    const throttled = both.flatMap((one) => [...one.parts.values()]).filter((one) => one.status === 429);
    expect(both.map((one) => one.status)).toEqual([200, 200]);
    expect(throttled).toHaveLength(20);
    expect(throttled[0]).toMatchObject({
      headers: { 'Retry-After': '10' },
      body: { error: { code: 'ApplicationThrottled' } },
    });
  });

  test('gives changes as a single request does: preferences, tokens and their strictness for each part', async () => {
    const path = `/users/${user}/mailFolders/inbox/messages/delta?$select=subject,body`;
    const Prefer = 'IdType="ImmutableId", odata.maxpagesize=3';
    const alone = await session.get(path, { prefer: Prefer });
    const link = String(alone.json['@odata.nextLink']);
    const below = link.slice(link.indexOf('/users/'));
    const { parts } = await batch([
      get('first', path, { headers: { Prefer } }),
      get('next', below, { headers: { Prefer: 'odata.maxpagesize=2' } }),
      get('more', `${below}&$select=subject`),
      get('whole', link),
      get('size', path, { headers: { Prefer: 'odata.maxpagesize=x' } }),
    ]);
    expect(parts.get('first')?.body.value).toEqual(alone.json.value);
    const next = parts.get('next')?.body.value.map(({ id }: { id: string }) => id);
    const single = await session.get(below, { prefer: 'odata.maxpagesize=2' });
    expect(next).toEqual(single.json.value.map(({ id }: { id: string }) => id));
    expect(next).toHaveLength(2);
    expect(['more', 'whole', 'size'].map((id) => parts.get(id)?.status)).toEqual([400, 400, 400]);
    await session.control.expireDeltaTokens({});
    const later = await batch([get('old', below), get('new', path)]);
    expect(later.parts.get('old')).toMatchObject({
      status: 410,
      headers: { Location: expect.stringContaining('$deltatoken=') },
      body: { error: { code: 'SyncStateNotFound' } },
    });
    expect(later.parts.get('new')?.status).toBe(200);
  });

  test('is counted, and each part as what it is; faults strike parts by their kind, and the whole by its own', async () => {
    const parts = [
      get('1', `/users/${user}/mailFolders/inbox`),
      get('2', `/users/${user}/mailFolders/delta`),
    ];
    await session.control.resetStatistics();
    const action = { type: 'status', status: 503, retryAfter: 2 } as const;
    await session.control.addFault({ kind: 'folders.delta', times: 1, action });
    const struck = await batch(parts);
    expect(struck.parts.get('2')).toMatchObject({ status: 503, headers: { 'Retry-After': '2' } });
    expect(struck.parts.get('1')?.status).toBe(200);
    const { byKind, byMailbox } = await session.control.statistics();
    expect(byKind).toEqual({ batch: 1, 'folder.get': 1, 'folders.delta': 1 });
    expect(byMailbox).toEqual({ [user]: 2 });
    await session.control.addFault({ kind: 'batch', times: 1, action });
    expect((await batch(parts)).status).toBe(503);
    await session.control.addFault({ kind: 'folder.get', times: 1, action: { type: 'reset' } });
    await expect(batch(parts)).rejects.toThrow();
    expect((await batch(parts)).status).toBe(200);
  });
});
