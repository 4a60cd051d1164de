import { connect } from 'node:net';
import { HoldfastError, InvalidInput } from '@holdfast/contracts';
import { buildJob } from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../testing/startTestApi.ts';
import { problemOf } from './problem.ts';

let api: TestApi;
const lines: { level: string; fields: object; message: string }[] = [];
const logger = {
  debug: () => undefined,
  info: (fields: object, message: string) => lines.push({ level: 'info', fields, message }),
  warn: (fields: object, message: string) => lines.push({ level: 'warn', fields, message }),
  error: (fields: object, message: string) => lines.push({ level: 'error', fields, message }),
  child: () => logger,
};
beforeAll(async () => {
  api = await startTestApi({ logger: logger as never });
  await api.insert('jobs', buildJob());
});
afterAll(() => api.stop());

describe('a request that cannot be served is told why and what to do', () => {
  test.each([
    ['malformed JSON', 'POST', '/jobs', { raw: '{"name":' }, 400, 'malformed-json'],
    ['JSON that is no object', 'POST', '/jobs', { raw: '"text"' }, 400, 'malformed-json'],
    ['an array for an object', 'POST', '/jobs', { raw: '[]' }, 422, 'invalid-input'],
    ['no body', 'POST', '/jobs', {}, 422, 'invalid-input'],
    [
      'a form',
      'POST',
      '/jobs',
      { raw: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      415,
      'unsupported-media-type',
    ],
    [
      'no content type',
      'POST',
      '/jobs',
      { raw: '{}', headers: { 'content-type': '' } },
      415,
      'unsupported-media-type',
    ],
    [
      'an unknown charset',
      'POST',
      '/jobs',
      { raw: '{}', headers: { 'content-type': 'application/json; charset=klingon' } },
      415,
      'unsupported-charset',
    ],
    [
      'a body that is too large',
      'POST',
      '/jobs',
      { raw: JSON.stringify({ name: 'x'.repeat(300_000) }) },
      413,
      'body-too-large',
    ],
    ['an unknown route', 'GET', '/nothing', {}, 404, 'not-found'],
    ['a route outside the API', 'GET', '/api/v2/jobs', {}, 404, 'not-found'],
    ['an unknown id', 'GET', '/jobs/job-9', {}, 404, 'not-found'],
    ['an id of a thousand characters', 'GET', `/jobs/${'x'.repeat(1000)}`, {}, 422, 'invalid-input'],
    ['an id with dots and slashes', 'GET', '/jobs/..%2f..%2fetc', {}, 422, 'invalid-input'],
    ['a broken escape in the address', 'GET', '/jobs/%E0%A4%A', {}, 400, 'bad-request'],
    ['an unknown query parameter', 'GET', '/jobs?colour=red', {}, 422, 'invalid-input'],
    ['a repeated query parameter', 'GET', '/runs?jobId=a&jobId=b', {}, 422, 'invalid-input'],
    ['a limit that is no number', 'GET', '/jobs?limit=many', {}, 422, 'invalid-input'],
    ['a limit out of bounds', 'GET', '/jobs?limit=1001', {}, 422, 'invalid-input'],
    ['a cursor that is none', 'GET', '/jobs?after=x', {}, 422, 'invalid-input'],
    [
      'a key with a line break',
      'POST',
      '/jobs/job-1/run',
      { headers: { 'idempotency-key': 'ä' } },
      400,
      'bad-idempotency-key',
    ],
  ] as const)('%s', async (_what, method, path, options, status, code) => {
    const answer = await api.call(method, path, options);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.body).toMatchObject({
      type: `urn:holdfast:problem:${code}`,
      status,
      title: expect.any(String),
      detail: expect.any(String),
      remedy: expect.any(String),
      instance: `urn:holdfast:request:${answer.headers.get('x-request-id')}`,
    });
    if (status === 422) expect(answer.body.problems.length).toBeGreaterThan(0);
    expect(JSON.stringify(answer.body).length).toBeLessThan(2_000);
  });

  test('a wrong method, with those that are right', async () => {
    const answer = await api.call('PATCH', '/jobs/job-1', { body: {} });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('DELETE, GET, PUT, HEAD');
  });

  test('fields that are not known, each by name, and not without end', async () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`field${n}`, n]));
    const answer = await api.call('POST', '/tokens', { body: { name: 'x', ...many, ['k'.repeat(5000)]: 1 } });
    expect(answer.body.problems).toHaveLength(20);
    expect(answer.body.problems[0]).toEqual({ field: 'field0', message: 'is not known here' });
  });

  test('a prototype smuggled in as a field is only a field', async () => {
    const answer = await api.call('POST', '/tokens', { raw: '{"name":"x","__proto__":{"admin":true}}' });
    expect(answer.status).toBe(422);
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
  });

  test('a header injected through an id reaches no header', async () => {
    const answer = await api.call('GET', '/jobs/x%0d%0aset-cookie:a=b');
    expect(answer.status).toBe(422);
    expect(answer.headers.get('set-cookie')).toBeNull();
  });

  test('a request line that is no HTTP ends the connection and not the server', async () => {
    const { hostname, port } = new URL(api.url);
    const text = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), hostname, () => socket.write('NONSENSE\r\n\r\n'));
      let all = '';
      socket.on('data', (chunk) => {
        all += String(chunk);
      });
      socket.on('close', () => resolve(all));
    });
    expect(text).toContain('400 Bad Request');
    expect((await api.call('GET', '/version')).status).toBe(200);
  });
});

describe('what nobody expected', () => {
  test('is a 500 that tells the id of the log line and nothing else', () => {
    const answer = problemOf(new Error('password=hunter2 at /srv/secret'), 'req-1');
    expect(answer.status).toBe(500);
    expect(JSON.stringify(answer.body)).not.toMatch(/hunter2|srv/);
    expect(answer.body.remedy).toContain('req-1');
  });

  test.each([
    [new InvalidInput([{ field: 'a', message: 'b' }]), 422],
    [new HoldfastError('x', 'throttled', 'slow down'), 503],
    [new HoldfastError('x', 'permanent-mailbox', 'no'), 422],
    [new HoldfastError('x', 'ours', 'oops'), 500],
    ['a text', 500],
    [undefined, 500],
  ])('each thrown value has its status', (thrown, status) => {
    const answer = problemOf(thrown, 'r');
    expect(answer.status).toBe(status);
    expect(answer.headers['retry-after'] !== undefined).toBe(status === 503);
  });
});

describe('every answer', () => {
  test('has the headers that keep browsers out of trouble, and a request id', async () => {
    const answer = await api.call('GET', '/version', { headers: { 'x-request-id': 'mine-1' } });
    expect(answer.headers.get('x-request-id')).toBe('mine-1');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('x-powered-by')).toBeNull();
    const forged = await api.call('GET', '/version', { headers: { 'x-request-id': 'a b\tc' } });
    expect(forged.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('leaves one log line with the route, without token, query or secret', async () => {
    lines.length = 0;
    await api.call('GET', '/jobs/job-1?secret=1');
    await api.call('POST', '/organizations', {
      body: { name: 'a', tenantId: 't', clientId: 'c', clientSecret: 'TOPSECRET' },
    });
    const requests = lines.filter(({ message }) => message === 'request');
    expect(requests.map(({ fields }) => fields)).toMatchObject([
      { method: 'GET', route: '/jobs/{jobId}', status: 422, caller: 'first administrator' },
      { method: 'POST', route: '/organizations', status: 201 },
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/TOPSECRET|secret=1|hf_/);
  });

  test('the health route and the landing page need no token', async () => {
    expect(await (await fetch(`${api.url}/healthz`)).json()).toEqual({ status: 'alive' });
    expect(await (await fetch(api.url)).text()).toContain('/api/v1/openapi.json');
  });
});
