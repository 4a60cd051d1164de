import { HoldfastError } from '@holdfast/contracts';
import { describe, expect, test } from '@jest/globals';
import { refusal, type Scripted, type SeenRequest, testLine } from '../testing/scriptedTransport.ts';
import { expiryCheck } from './credentialExpiry.ts';
import { permissionChecks, rolesOf } from './permissions.ts';
import { clockCheck, headroomCheck, verifyConnection } from './verifyConnection.ts';

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

const connection = {
  clientId: 'app-1',
  credential: { kind: 'secret' as const, secret: 'abc-secret' },
  secretExpiresAt: '2099-01-01T00:00:00.000Z',
};
/** Answers the parts of a batch one by one. */
function batched(request: SeenRequest, part: (url: string) => { status: number; body: object }): Scripted {
  const { requests } = JSON.parse(String(request.body)) as { requests: { id: string; url: string }[] };
  return { body: { responses: requests.map(({ id, url }) => ({ id, ...part(url) })) } };
}
const inboxes = (request: SeenRequest) => batched(request, () => ({ status: 200, body: { id: 'inbox' } }));

function verify(answer: (request: SeenRequest) => Scripted | Error, roles: unknown = allRoles) {
  const { line } = testLine(answer, { tokens: tokens(roles), retry: { repeats: 0 } });
  return verifyConnection(line, connection);
}
const fine = (request: SeenRequest): Scripted =>
  request.url.includes('/$batch')
    ? inboxes(request)
    : request.url.includes('/applications')
      ? refusal(403, 'Authorization_RequestDenied')
      : request.url.includes('/users?')
        ? { body: users }
        : { body: { id: 'inbox' }, headers: { date: new Date(Date.UTC(2026, 0, 5)).toUTCString() } };

describe('verifying a connection', () => {
  test('a good one has a check for each thing, all successful', async () => {
    const checks = await verify(fine);
    expect(checks.map((c) => c.result)).toEqual(Array(checks.length).fill('success'));
    expect(checks.map((c) => c.name)).toEqual([
      'Sign-in service reachable',
      'Credentials accepted',
      'End of the client secret',
      'Users can be listed',
      'Permission User.Read.All',
      'Permission GroupMember.Read.All',
      'Permission Mail.Read or Mail.ReadWrite',
      'Permission Mail.ReadWrite',
      'Permission MailboxSettings.Read',
      'A mailbox can be read',
      'Mailboxes in reach',
      'Throttling headroom',
      'Clock',
    ]);
  });

  test('a wrong secret fails the credentials, an unreachable Entra the sign-in service, and nothing is thrown', async () => {
    const failing = (error: Error) => {
      const { line } = testLine(fine, {
        tokens: { token: () => Promise.reject(error), renew: () => Promise.reject(error) },
      });
      return verifyConnection(line, connection);
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
    expect(down).toEqual([
      {
        code: 'authority',
        name: 'Sign-in service reachable',
        result: 'failure',
        meaning: 'Down.',
        limits: ['backup', 'restore'],
      },
    ]);
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
      if (request.url.includes('/$batch')) {
        return batched(request, (url) =>
          url.includes('/u3/')
            ? { status: 200, body: { id: 'inbox' } }
            : { status: 404, body: { error: { code: 'MailboxNotEnabledForRESTAPI' } } },
        );
      }
      return request.url.includes('/u3/') ? fine(request) : refusal(404, 'MailboxNotEnabledForRESTAPI');
    });
    expect(checks.find((c) => c.name === 'A mailbox can be read')).toMatchObject({
      result: 'success',
      meaning: expect.stringContaining('u3@example.com'),
    });
  });
});

describe('mailboxes in and out of reach', () => {
  const people = (count: number) => ({
    value: Array.from({ length: count }, (_, at) => ({ id: `u${at}`, mail: `u${at}@example.com` })),
  });
  const partly = (isOut: (id: number) => boolean, count: number) => (request: SeenRequest) => {
    if (request.url.includes('/users?')) return { body: people(count) };
    if (request.url.includes('/$batch')) {
      return batched(request, (url) =>
        isOut(Number(/u(\d+)/.exec(url)?.[1]))
          ? { status: 403, body: { error: { code: 'ErrorAccessDenied' } } }
          : { status: 200, body: { id: 'inbox' } },
      );
    }
    if (/users\/u\d/.test(request.url) && isOut(Number(/u(\d+)/.exec(request.url)?.[1])))
      return refusal(403, 'ErrorAccessDenied');
    return fine(request);
  };
  const checkOf = async (isOut: (id: number) => boolean, count: number) => {
    const checks = await verify(partly(isOut, count));
    return Object.fromEntries(checks.map((check) => [check.code, check]));
  };

  test('a grant for a part of them is a warning that names the others', async () => {
    const { mailboxes } = await checkOf((id) => id % 3 === 0, 45);
    expect(mailboxes).toMatchObject({ result: 'warning', remedy: expect.stringContaining('scope') });
    expect(mailboxes?.mailboxes).toHaveLength(15);
    expect(mailboxes?.mailboxes).toContain('u42@example.com');
    expect(mailboxes?.meaning).toContain('30 of 45 can be read, 15 are out of reach');
  });

  test('the list is bounded, and a large directory is tried in a spread', async () => {
    const { mailboxes } = await checkOf((id) => id >= 600, 1200);
    expect(mailboxes?.mailboxes).toHaveLength(100);
    expect(mailboxes?.meaning).toContain('250 of 500 tried (1200 users) can be read, 250 are out of reach');
  });

  test('the first users may be out of reach and the connection good all the same', async () => {
    const checks = await checkOf((id) => id < 20, 30);
    expect(checks['probe-mailbox']).toMatchObject({
      result: 'success',
      meaning: expect.stringContaining('u20@example.com'),
    });
  });

  test('none in reach is a failure', async () => {
    const checks = await checkOf(() => true, 12);
    expect(checks.mailboxes?.result).toBe('failure');
    expect(checks['probe-mailbox']?.result).toBe('failure');
  });
});

describe('the end of the credential', () => {
  const endOf = async (registered: object[] | undefined, entered?: string) => {
    const { line } = testLine(
      (request) =>
        request.url.includes('/applications') && registered !== undefined
          ? { body: { value: [{ passwordCredentials: registered }] } }
          : fine(request),
      { tokens: tokens(allRoles), retry: { repeats: 0 } },
    );
    const checks = await verifyConnection(line, { ...connection, secretExpiresAt: entered });
    return checks.find(({ code }) => code === 'credential.expiry');
  };

  test('comes from the registration, by the beginning of the secret', async () => {
    const secrets = [
      { hint: 'xyz', endDateTime: '2090-01-01T00:00:00Z' },
      { hint: 'abc', endDateTime: '2080-01-01T00:00:00Z' },
    ];
    expect(await endOf(secrets, '2026-01-06T00:00:00.000Z')).toMatchObject({
      result: 'success',
      expiresAt: '2080-01-01T00:00:00.000Z',
    });
  });

  test('is the one entered where Microsoft does not tell, and unknown is a warning', async () => {
    expect(await endOf(undefined, '2085-01-01T00:00:00.000Z')).toMatchObject({
      result: 'success',
      expiresAt: '2085-01-01T00:00:00.000Z',
    });
    expect(await endOf(undefined)).toMatchObject({
      result: 'warning',
      meaning: expect.stringContaining('Nobody knows'),
    });
  });

  test.each([
    [31, 'success'],
    [29, 'warning'],
    [-1, 'failure'],
  ])('with %i days left is a %s', (days, result) => {
    const now = Date.UTC(2026, 0, 5);
    const end = new Date(now + days * 24 * 3600_000).toISOString();
    expect(expiryCheck('certificate', end, now)).toMatchObject({ result, expiresAt: end });
  });
});

test('requests that had to wait are a warning', () => {
  const statistics = { requests: 40, throttledMs: 0, bytesRead: 0, bytesSent: 0, repeats: 0 };
  expect(headroomCheck(statistics, 2_000).result).toBe('success');
  expect(headroomCheck({ ...statistics, throttledMs: 3_000 }, 5_000)).toMatchObject({
    result: 'warning',
    meaning: expect.stringContaining('3 s'),
  });
});

test('an application for restores needs to write, one for backups does not when another restores', () => {
  const names = (role: 'backup' | 'restore', roles: string[]) =>
    permissionChecks(roles, false, role).map(({ code, result }) => `${code} ${result}`);
  expect(names('restore', ['Mail.Read'])).toEqual(['permission.Mail.ReadWrite failure']);
  expect(
    names('backup', ['User.Read.All', 'GroupMember.Read.All', 'Mail.Read', 'MailboxSettings.Read']),
  ).toEqual([
    'permission.User.Read.All success',
    'permission.GroupMember.Read.All success',
    'permission.Mail.Read success',
    'permission.MailboxSettings.Read success',
  ]);
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
