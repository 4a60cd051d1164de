import { spawn } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeJwt, importPKCS8, SignJWT } from 'jose';
import { generate } from 'selfsigned';
import { DEFAULT_CLIENT, DEFAULT_SECRET, DEFAULT_TENANT } from '../options.ts';
import { openSession, type Session } from '../testing/session.ts';

const CERTIFIED = 'cccccccc-0000-4000-8000-000000000001';
let session: Session;
let key: string;
let certificate: string;

beforeAll(async () => {
  session = await openSession();
  const made = await generate([{ name: 'commonName', value: 'backup' }], {
    keySize: 2048,
    algorithm: 'sha256',
  });
  key = made.private;
  certificate = made.cert;
  await session.control.addApplication({
    clientId: CERTIFIED,
    certificates: [certificate],
    roles: ['User.Read.All', 'Mail.ReadWrite'],
  });
});
afterAll(() => session.close());

const thumbprint = (algorithm: string) =>
  createHash(algorithm).update(new X509Certificate(certificate).raw).digest('base64url');

async function assertion(
  change: { audience?: string; header?: Record<string, string>; expiresIn?: number; issuer?: string } = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ jti: 'x' })
    .setProtectedHeader({ alg: 'RS256', ...(change.header ?? { 'x5t#S256': thumbprint('sha256') }) })
    .setIssuer(change.issuer ?? CERTIFIED)
    .setSubject(CERTIFIED)
    .setAudience(change.audience ?? `${session.simulator.httpUrl}/${DEFAULT_TENANT}/oauth2/v2.0/token`)
    .setExpirationTime(now + (change.expiresIn ?? 300))
    .sign(await importPKCS8(key, 'RS256'));
}

const withAssertion = (client_assertion: string) =>
  session.signIn({
    client_id: CERTIFIED,
    client_secret: '',
    client_assertion,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  });

describe('the token endpoint', () => {
  test('gives a token that names tenant, application, audience and roles', async () => {
    const answer = await session.signIn();
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599 });
    const claims = decodeJwt(answer.json.access_token);
    expect(claims).toMatchObject({
      appid: DEFAULT_CLIENT,
      tid: DEFAULT_TENANT,
      aud: 'https://graph.microsoft.com',
      idtyp: 'app',
    });
    expect(claims.roles).toContain('Mail.ReadWrite');
  });

  test.each([
    ['a wrong secret', { client_secret: 'guess' }, 401, 'invalid_client', 7000215],
    ['an expired secret', { client_secret: 'old-secret' }, 401, 'invalid_client', 7000222],
    [
      'an unknown application',
      { client_id: '00000000-0000-4000-8000-000000000000' },
      400,
      'unauthorized_client',
      700016,
    ],
    ['no .default scope', { scope: 'https://graph.microsoft.com/Mail.Read' }, 400, 'invalid_scope', 1002012],
    ['another grant', { grant_type: 'password' }, 400, 'unsupported_grant_type', 70003],
  ])('refuses %s', async (_, form, status, error, number) => {
    const answer = await session.signIn(form);
    expect([answer.status, answer.json.error, answer.json.error_codes]).toEqual([status, error, [number]]);
    expect(answer.json.error_description).toMatch(new RegExp(`^AADSTS${number}: `));
    expect(answer.json.correlation_id).toEqual(expect.any(String));
  });

  test('refuses an unknown tenant', async () => {
    const answer = await fetch(
      `${session.simulator.httpUrl}/22222222-0000-4000-8000-000000000000/oauth2/v2.0/token`,
      { method: 'POST', body: 'grant_type=client_credentials' },
    );
    expect([answer.status, ((await answer.json()) as { error_codes: number[] }).error_codes]).toEqual([
      400,
      [90002],
    ]);
  });

  test('takes a certificate by either thumbprint', async () => {
    for (const header of [{ 'x5t#S256': thumbprint('sha256') }, { x5t: thumbprint('sha1') }]) {
      const form = {
        client_id: CERTIFIED,
        client_assertion: await assertion({ header }),
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        scope: 'https://graph.microsoft.com/.default',
        grant_type: 'client_credentials',
      };
      const answer = await fetch(`${session.simulator.httpUrl}/${DEFAULT_TENANT}/oauth2/v2.0/token`, {
        method: 'POST',
        body: new URLSearchParams(form),
      });
      expect(answer.status).toBe(200);
    }
  });

  test.each([
    ['for another endpoint', { audience: 'https://elsewhere.example/token' }],
    ['that names another certificate', { header: { x5t: 'AAAA' } }],
    ['that has expired', { expiresIn: -3600 }],
    ['of another application', { issuer: DEFAULT_CLIENT }],
  ])('refuses an assertion %s', async (_, change) => {
    const body = new URLSearchParams({
      client_id: CERTIFIED,
      client_assertion: await assertion(change),
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      scope: 'https://graph.microsoft.com/.default',
      grant_type: 'client_credentials',
    });
    const answer = await fetch(`${session.simulator.httpUrl}/${DEFAULT_TENANT}/oauth2/v2.0/token`, {
      method: 'POST',
      body,
    });
    expect([answer.status, ((await answer.json()) as { error_codes: number[] }).error_codes]).toEqual([
      401,
      [700027],
    ]);
  });

  test('an empty secret beside an assertion is a wrong secret', async () => {
    expect((await withAssertion(await assertion())).json.error_codes).toEqual([7000215]);
  });
});

describe('access tokens', () => {
  test('expire with the clock', async () => {
    const own = await openSession({ tokenLifetimeSeconds: 600 });
    try {
      expect((await own.get('/users')).status).toBe(200);
      await own.control.advanceClock(601_000);
      const late = await own.get('/users');
      expect([late.status, late.json.error.code]).toEqual([401, 'InvalidAuthenticationToken']);
      const fresh = await own.signIn();
      expect((await own.get('/users', { authorization: `Bearer ${fresh.json.access_token}` })).status).toBe(
        200,
      );
    } finally {
      await own.close();
    }
  });

  test('for another audience are refused', async () => {
    const { json } = await session.signIn({ scope: 'https://graph.microsoft.us/.default' });
    expect((await session.get('/users', { authorization: `Bearer ${json.access_token}` })).status).toBe(401);
  });

  test.each([
    ['User.Read.All', 403, 'ErrorAccessDenied'],
    ['Mail.ReadBasic.All', 200, undefined],
    ['Mail.Read', 200, undefined],
  ])('with %s alone read a list of messages: %s', async (role, status, code) => {
    const own = await openSession({ roles: [role] });
    try {
      const answer = await own.get(`/users/${own.users[0]}/mailFolders/inbox/messages?$top=1`);
      expect([answer.status, answer.json.error?.code]).toEqual([status, code]);
      if (role === 'Mail.ReadBasic.All') expect(Object.keys(answer.json.value[0])).not.toContain('body');
      expect((await own.post(`/users/${own.users[0]}/mailFolders`, { displayName: 'x' })).status).toBe(403);
      expect((await own.get('/users')).json.error?.code).toBe(
        role === 'User.Read.All' ? undefined : 'Authorization_RequestDenied',
      );
    } finally {
      await own.close();
    }
  });
});

function foreignClient(task: unknown): Promise<{ result?: Record<string, unknown>; error?: string }> {
  const script = resolve(import.meta.dirname, '../testing/foreignClient.ts');
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: session.simulator.caFile, NODE_OPTIONS: '' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stdin.end(JSON.stringify(task));
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', () => done(JSON.parse(Buffer.concat(chunks).toString())));
  });
}

describe("Microsoft's own clients", () => {
  const base = () => ({ url: session.simulator.url, tenant: DEFAULT_TENANT });

  test('sign in by secret, list, follow changes, create and read MIME', async () => {
    const { result, error } = await foreignClient({
      ...base(),
      clientId: DEFAULT_CLIENT,
      secret: DEFAULT_SECRET,
      read: true,
    });
    expect(error).toBeUndefined();
    expect(result).toMatchObject({ users: 2, page: 5 });
    expect(result?.mime).toContain('Subject: from a foreign client');
  });

  test('sign in by certificate', async () => {
    const { result, error } = await foreignClient({
      ...base(),
      clientId: CERTIFIED,
      certificate: {
        thumbprintSha256: createHash('sha256').update(new X509Certificate(certificate).raw).digest('hex'),
        privateKey: key,
      },
    });
    expect(error).toBeUndefined();
    expect(result).toMatchObject({ tokenType: 'Bearer' });
  });

  test('tell a wrong secret', async () => {
    expect((await foreignClient({ ...base(), clientId: DEFAULT_CLIENT, secret: 'wrong' })).error).toContain(
      '7000215',
    );
  });
});
