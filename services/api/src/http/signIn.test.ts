import { collections } from '@holdfast/contracts';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../testing/startTestApi.ts';

let api: TestApi;
beforeEach(async () => {
  api = await startTestApi();
});
afterEach(() => api.stop());

const wrong = `hf_${'A'.repeat(43)}`;

describe('signing in', () => {
  test.each([
    ['no token', {}],
    ['a wrong token', { authorization: `Bearer ${wrong}` }],
    ['a token of another shape', { authorization: 'Bearer admin' }],
    ['another scheme', { authorization: 'Basic YWRtaW46YWRtaW4=' }],
    ['two tokens', { authorization: `Bearer ${wrong} ${wrong}` }],
    ['an endless token', { authorization: `Bearer hf_${'A'.repeat(8000)}` }],
  ])('with %s is refused with what to do', async (_what, headers) => {
    const answer = await api.call('GET', '/jobs', { token: null, headers });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toContain('Bearer');
    expect(answer.body.remedy).toContain('Authorization');
    expect(JSON.stringify(answer.body)).not.toContain(wrong);
  });

  test('hides what exists: an unknown route asks for a token as well', async () => {
    expect((await api.call('GET', '/nothing', { token: null })).status).toBe(401);
  });

  test('is slowed down after ten failures, while a token in use goes on working', async () => {
    expect((await api.call('GET', '/whoami')).status).toBe(200);
    for (let n = 0; n < 10; n += 1)
      expect((await api.call('GET', '/jobs', { token: wrong })).status).toBe(401);
    const blocked = await api.call('GET', '/jobs', { token: wrong });
    expect(blocked.status).toBe(429);
    expect(Number(blocked.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await api.call('GET', '/whoami')).status).toBe(200);
    await api.clock.advance(60_001);
    expect((await api.call('GET', '/jobs', { token: wrong })).status).toBe(401);
    expect((await api.call('GET', '/whoami')).status).toBe(200);
  });
});

describe('the life of a token', () => {
  test('it is made, shown once, used, listed without itself, removed, and useless at once', async () => {
    const made = await api.call('POST', '/tokens', { body: { name: 'robot' } });
    expect(made.status).toBe(201);
    const { id, token } = made.body;
    expect((await api.call('GET', '/whoami', { token })).body).toEqual({
      tokenId: id,
      name: 'robot',
      role: 'administrator',
    });
    const list = await api.call('GET', '/tokens');
    expect(list.body.items.map((entry: object) => Object.keys(entry).sort())).toEqual([
      ['createdAt', 'id', 'name', 'role'],
      ['createdAt', 'id', 'name', 'role'],
    ]);
    const stored = await api.store.collection(collections.tokens).get(id);
    expect(JSON.stringify(stored)).not.toContain(token);
    expect((await api.call('DELETE', `/tokens/${id}`)).status).toBe(204);
    expect((await api.call('GET', '/whoami', { token })).status).toBe(401);
  });

  test('one that another process removed works for five seconds at most', async () => {
    const { id, token } = (await api.call('POST', '/tokens', { body: { name: 'robot' } })).body;
    expect((await api.call('GET', '/whoami', { token })).status).toBe(200);
    await api.store.collection(collections.tokens).delete(id);
    await api.clock.advance(5_001);
    expect((await api.call('GET', '/whoami', { token })).status).toBe(401);
  });

  test('the last one of an administrator cannot be removed, whatever others there are', async () => {
    await api.call('POST', '/tokens', { body: { name: 'eve', role: 'operator' } });
    const answer = await api.call('DELETE', '/tokens/token-first');
    expect(answer.body).toMatchObject({ status: 409, code: 'last-token' });
  });
});
