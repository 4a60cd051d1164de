import { type Role, roles } from '@holdfast/contracts';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../testing/startTestApi.ts';

interface Operation {
  method: string;
  path: string;
  tag: string;
  allowed: Role[] | undefined;
}

let api: TestApi;
const tokens = new Map<Role, string>();
let operations: Operation[] = [];
beforeAll(async () => {
  api = await startTestApi();
  for (const role of roles) {
    tokens.set(role, (await api.call('POST', '/tokens', { body: { name: role, role } })).body.token);
  }
  const { body } = await api.call('GET', '/openapi.json');
  operations = Object.entries(body.paths as Record<string, Record<string, Record<string, unknown>>>).flatMap(
    ([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        ...{ method, path, tag: (operation.tags as string[])[0] ?? '' },
        allowed: operation['x-roles'] as Role[] | undefined,
      })),
  );
});
afterAll(() => api.stop());

const as = (role: Role) => ({ token: tokens.get(role) ?? '' });
const concrete = (path: string) => path.replaceAll(/\{\w+\}/g, 'x');
const mayCall = (role: Role, method: string, path: string) =>
  operations.find((one) => one.method === method && one.path === path)?.allowed?.includes(role);

describe('roles', () => {
  test('each route refuses each role that it does not name, before anything else', async () => {
    expect(operations.length).toBeGreaterThan(40);
    const wrong: string[] = [];
    for (const { method, path, allowed } of operations) {
      if (allowed === undefined) continue;
      for (const role of roles) {
        if (allowed.includes(role)) continue;
        const body = method === 'get' ? {} : { body: { a: 1 } };
        const answer = await api.call(method.toUpperCase(), concrete(path), { ...as(role), ...body });
        if (answer.status !== 403 || answer.body.code !== 'role-not-allowed')
          wrong.push(`${role} ${method} ${path}: ${answer.status}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('a route lets in the roles that it names', async () => {
    const wrong: string[] = [];
    // Bodies that no route takes, so that nothing is done; streams do not end by themselves.
    for (const { method, path, allowed } of operations) {
      if (allowed === undefined || path.endsWith('/stream')) continue;
      if (method === 'get' || method === 'delete') continue;
      for (const role of allowed) {
        if (role === 'administrator') continue;
        const answer = await api.call(method.toUpperCase(), concrete(path), { ...as(role), body: { a: 1 } });
        if (answer.status === 403 || answer.status === 401)
          wrong.push(`${role} ${method} ${path}: ${answer.status}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('administrators may do everything', () => {
    expect(
      operations.filter(({ allowed }) => allowed !== undefined && !allowed.includes('administrator')),
    ).toEqual([]);
  });

  test('a restore operator explores and restores, and sees nothing else', () => {
    const seen = operations.filter(({ allowed }) => allowed?.includes('restore-operator'));
    const changes = seen.filter(({ method }) => method !== 'get').map(({ tag }) => tag);
    const own = ['restore points', 'explore', 'search', 'catalog', 'restores', 'exports'];
    expect(changes.filter((tag) => !own.includes(tag))).toEqual([]);
    const names = ['organizations', 'mailboxes', 'repositories', 'system'];
    expect(seen.map(({ tag }) => tag).filter((tag) => !own.includes(tag) && !names.includes(tag))).toEqual(
      [],
    );
    for (const [method, path] of [
      ['post', '/restores'],
      ['get', '/restores/{sessionId}/plan'],
      ['post', '/restores/{sessionId}/approve'],
      ['get', '/restore-points/{pointId}/folders'],
    ] as const)
      expect([path, mayCall('restore-operator', method, path)]).toEqual([path, true]);
    for (const [method, path] of [
      ['get', '/jobs'],
      ['get', '/tokens'],
      ['get', '/settings'],
      ['get', '/runs'],
      ['post', '/organizations'],
    ] as const)
      expect([path, mayCall('restore-operator', method, path)]).toEqual([path, false]);
  });

  test('a viewer changes nothing and reads no mail', () => {
    const seen = operations.filter(({ allowed }) => allowed?.includes('viewer'));
    expect(seen.filter(({ method }) => method !== 'get')).toEqual([]);
    expect(seen.filter(({ tag }) => ['restore points', 'restores', 'search'].includes(tag))).toEqual([]);
    expect(mayCall('viewer', 'get', '/runs')).toBe(true);
  });

  test('only administrators make tokens, and a token says what it may', async () => {
    expect((await api.call('POST', '/tokens', { ...as('operator'), body: { name: 'x' } })).status).toBe(403);
    expect((await api.call('GET', '/whoami', as('viewer'))).body).toMatchObject({
      name: 'viewer',
      role: 'viewer',
    });
    const wrong = await api.call('POST', '/tokens', { body: { name: 'x', role: 'king' } });
    expect(wrong.body.problems[0].field).toBe('role');
  });
});
