import { HoldfastError } from '@holdfast/contracts';
import { describe, expect, test } from '@jest/globals';
import { refusal, type Scripted, type SeenRequest, testLine } from '../testing/scriptedTransport.ts';
import { clockCheck, permissionChecks, rolesOf, verifyConnection } from './verifyConnection.ts';

const allRoles = ['User.Read.All', 'GroupMember.Read.All', 'Mail.ReadWrite', 'MailboxSettings.Read'];
const tokenWith = (roles: unknown) => `x.${Buffer.from(JSON.stringify({ roles })).toString('base64url')}.y`;
const tokens = (roles: unknown) => ({
  token: () => Promise.resolve(tokenWith(roles)),
  renew: () => Promise.resolve(tokenWith(roles)),
});
const users = {
  value: [
    { id: 'u1', mail: 'ann@example.com' },
    { id: 'u2', mail: null },
  ],
};

function verify(answer: (request: SeenRequest) => Scripted | Error, roles: unknown = allRoles) {
  const { line } = testLine(answer, { tokens: tokens(roles), retry: { repeats: 0 } });
  return verifyConnection(line);
}
const fine = (request: SeenRequest): Scripted =>
  request.url.includes('/users?')
    ? { body: users }
    : { body: { id: 'inbox' }, headers: { date: new Date(Date.UTC(2026, 0, 5)).toUTCString() } };

describe('verifying a connection', () => {
  test('a good one has a check for each thing, all successful', async () => {
    const checks = await verify(fine);
    expect(checks.map((c) => c.result)).toEqual(Array(checks.length).fill('success'));
    expect(checks.map((c) => c.name)).toEqual([
      'Sign-in service reachable',
      'Credentials accepted',
      'Users can be listed',
      'Permission User.Read.All',
      'Permission GroupMember.Read.All',
      'Permission Mail.Read or Mail.ReadWrite',
      'Permission Mail.ReadWrite',
      'Permission MailboxSettings.Read',
      'A mailbox can be read',
      'Clock',
    ]);
  });

  test('a wrong secret fails the credentials, an unreachable Entra the sign-in service, and nothing is thrown', async () => {
    const failing = (error: Error) => {
      const { line } = testLine(fine, {
        tokens: { token: () => Promise.reject(error), renew: () => Promise.reject(error) },
      });
      return verifyConnection(line);
    };
    const wrong = await failing(
      new HoldfastError('client-secret-wrong', 'configuration', 'Wrong.', { remedy: 'Enter it.' }),
    );
    expect(wrong.map((c) => [c.name, c.result])).toEqual([
      ['Sign-in service reachable', 'success'],
      ['Credentials accepted', 'failure'],
    ]);
    expect(wrong[1]).toMatchObject({ meaning: 'Wrong.', remedy: 'Enter it.' });
    const down = await failing(new HoldfastError('sign-in-unreachable', 'transient', 'Down.'));
    expect(down).toEqual([{ name: 'Sign-in service reachable', result: 'failure', meaning: 'Down.' }]);
  });

  test('a refused directory and mailbox are failures with the cause and the remedy', async () => {
    const checks = await verify(() => refusal(403, 'Authorization_RequestDenied'), []);
    const failed = checks.filter((c) => c.result === 'failure');
    expect(failed.map((c) => c.name)).toEqual([
      'Users can be listed',
      'Permission User.Read.All',
      'Permission Mail.Read or Mail.ReadWrite',
    ]);
    for (const check of failed) expect(check.remedy).toMatch(/consent|permission/i);
  });

  test('users without a mailbox are passed over until one can be read', async () => {
    const many = { value: ['u1', 'u2', 'u3'].map((id) => ({ id, mail: `${id}@example.com` })) };
    const checks = await verify((request) => {
      if (request.url.includes('/users?')) return { body: many };
      return request.url.includes('/u3/') ? fine(request) : refusal(404, 'MailboxNotEnabledForRESTAPI');
    });
    expect(checks.find((c) => c.name === 'A mailbox can be read')).toMatchObject({
      result: 'success',
      meaning: expect.stringContaining('u3@example.com'),
    });
  });
});

describe('permissions', () => {
  test('each missing one says which jobs it limits', () => {
    const checks = permissionChecks(['User.Read.All', 'Mail.Read'], true);
    const missing = checks.filter((c) => c.result !== 'success');
    expect(missing.map((c) => [c.name, c.result])).toEqual([
      ['Permission GroupMember.Read.All', 'warning'],
      ['Permission Mail.ReadWrite', 'warning'],
      ['Permission MailboxSettings.Read', 'warning'],
    ]);
    expect(missing[1]?.meaning).toContain('not restored');
  });

  test('a larger one counts for a smaller', () => {
    expect(
      permissionChecks(['Directory.Read.All', 'Mail.ReadWrite', 'MailboxSettings.ReadWrite'], false).every(
        (c) => c.result === 'success',
      ),
    ).toBe(true);
  });

  test('a mailbox that can be read without the grant is RBAC for Applications, a remark only', () => {
    const check = permissionChecks(['User.Read.All'], true).find((c) =>
      c.name.startsWith('Permission Mail.Read or'),
    );
    expect(check).toMatchObject({ result: 'warning', meaning: expect.stringContaining('RBAC') });
  });

  test('a token that is none has no roles', () => {
    expect(rolesOf('opaque')).toEqual([]);
    expect(rolesOf(`x.${Buffer.from('not json').toString('base64url')}.y`)).toEqual([]);
    expect(rolesOf(tokenWith(undefined))).toEqual([]);
  });
});

test.each([
  [2_000, 'success'],
  [-90_000, 'warning'],
  [600_000, 'failure'],
])('a clock that differs by %d ms is a %s', (skewMs, result) => {
  const now = Date.UTC(2026, 0, 5);
  expect(clockCheck(new Date(now + skewMs).toUTCString(), now).result).toBe(result);
});
