import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  broken,
  hastyClock,
  type Scripted,
  scriptedTransport,
  testCloud,
} from '../testing/scriptedTransport.ts';
import { type ConnectorCredential, createTokenSource } from './credentials.ts';
import { tokenErrorTable } from './tokenErrors.ts';

const metadata = {
  issuer: 'https://login.test/tenant-1/v2.0',
  authorization_endpoint: 'https://login.test/tenant-1/oauth2/v2.0/authorize',
  token_endpoint: 'https://login.test/tenant-1/oauth2/v2.0/token',
  end_session_endpoint: 'https://login.test/tenant-1/oauth2/v2.0/logout',
  jwks_uri: 'https://login.test/tenant-1/discovery/v2.0/keys',
};
const granted = (token: string): Scripted => ({
  body: { token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599, access_token: token },
});
const refused = (number: number, status = 401): Scripted => ({
  status,
  body: {
    error: 'invalid_client',
    error_description: `AADSTS${number}: words. Trace ID: x`,
    error_codes: [number],
  },
});

function source(
  answer: (posts: number, body: string) => Scripted | Error,
  credential: ConnectorCredential = { kind: 'secret', secret: 's3cr3t-value' },
) {
  let posts = 0;
  const transport = scriptedTransport((request) =>
    request.method === 'GET' ? { body: metadata } : answer(posts++, request.body),
  );
  // msal looks at the machine's own clock for its cache, so this one must agree with it.
  const clock = hastyClock(Date.now());
  const tokens = createTokenSource({
    cloud: testCloud,
    tenantId: 'tenant-1',
    clientId: 'client-1',
    credential,
    clock,
    transport,
  });
  return { tokens, clock, posts: () => posts };
}

describe('signing in', () => {
  test('one token serves until shortly before its end, parallel callers share the request', async () => {
    const { tokens, clock, posts } = source((n) => granted(`token-${n}`));
    expect(await Promise.all([tokens.token(), tokens.token(), tokens.token()])).toEqual(
      Array(3).fill('token-0'),
    );
    clock.advance(50 * 60_000);
    expect(await tokens.token()).toBe('token-0');
    clock.advance(6 * 60_000);
    expect(await tokens.token()).toBe('token-1');
    expect(posts()).toBe(2);
  });

  test('a refused token is replaced once for all that were refused', async () => {
    const { tokens, posts } = source((n) => granted(`token-${n}`));
    const first = await tokens.token();
    expect(await Promise.all([tokens.renew(first), tokens.renew(first)])).toEqual(['token-1', 'token-1']);
    expect(await tokens.renew(first)).toBe('token-1');
    expect(posts()).toBe(2);
  });

  test.each(tokenErrorTable.flatMap((row) => row.numbers.map((number) => ({ number, row }))))(
    'AADSTS$number is told as $row.code',
    async ({ number, row }) => {
      const { tokens } = source(() => refused(number, 400));
      await expect(tokens.token()).rejects.toMatchObject({
        code: row.code,
        errorClass: row.errorClass,
        remedy: row.remedy,
      });
    },
  );

  test('a reason that nobody knows is quoted, still as a matter of settings', async () => {
    const { tokens } = source(() => refused(123456));
    await expect(tokens.token()).rejects.toMatchObject({
      code: 'sign-in-refused',
      errorClass: 'configuration',
    });
  });

  test('the secret is in no error', async () => {
    const { tokens } = source(() => refused(7000215));
    const error: unknown = await tokens.token().catch((e: unknown) => e);
    expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain('s3cr3t-value');
  });

  test.each([
    ['no connection', broken('ECONNREFUSED')],
    ['a server error', { status: 503, body: '{}' }],
    ['throttling', { status: 429, body: '{}' }],
  ])('%s is transient and names the host', async (_, trouble) => {
    const { tokens } = source(() => trouble);
    await expect(tokens.token()).rejects.toMatchObject({
      code: 'sign-in-unreachable',
      errorClass: 'transient',
      message: expect.stringContaining('login.test'),
    });
  });

  test.each([
    ['an empty answer', { body: {} }],
    ['a page of something on the way', { body: { welcome: 'please sign in to the network' } }],
  ])('%s is no refusal: tried again by itself', async (_, answer) => {
    const { tokens } = source(() => answer);
    await expect(tokens.token()).rejects.toMatchObject({ code: 'sign-in-unclear', errorClass: 'transient' });
  });

  test('after a failure the next call asks again', async () => {
    const { tokens } = source((n) => (n === 0 ? { status: 503, body: '{}' } : granted('later')));
    await expect(tokens.token()).rejects.toBeDefined();
    expect(await tokens.token()).toBe('later');
  });

  test('a tenant that does not exist is found out when its metadata is asked for', async () => {
    const transport = scriptedTransport(() => refused(90002, 400));
    const tokens = createTokenSource({
      cloud: testCloud,
      tenantId: 'nowhere',
      clientId: 'client-1',
      credential: { kind: 'secret', secret: 'x' },
      clock: hastyClock(),
      transport,
    });
    await expect(tokens.token()).rejects.toMatchObject({ code: 'tenant-unknown' });
  });
});

function selfSigned(days: number): { certificatePem: string; privateKeyPem: string } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-certificate-'));
  try {
    const key = join(folder, 'key.pem');
    const certificate = join(folder, 'certificate.pem');
    const dates =
      days > 0
        ? ['-days', String(days)]
        : ['-not_before', '20200101000000Z', '-not_after', '20200201000000Z'];
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-subj',
        '/CN=holdfast',
        '-keyout',
        key,
        '-out',
        certificate,
        ...dates,
      ],
      { stdio: 'pipe' },
    );
    return { certificatePem: readFileSync(certificate, 'utf8'), privateKeyPem: readFileSync(key, 'utf8') };
  } catch (error) {
    process.stdout.write(`openssl cannot make this certificate here: ${String(error).slice(0, 120)}\n`);
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('by certificate', () => {
  const pair = selfSigned(30);

  test('a signed assertion goes out instead of a secret', async () => {
    if (pair === undefined) return;
    const { tokens } = source(
      (_, body) => {
        const form = new URLSearchParams(body);
        expect(form.get('client_secret')).toBeNull();
        const [header = ''] = (form.get('client_assertion') ?? '').split('.');
        expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toHaveProperty('x5t#S256');
        return granted('by-certificate');
      },
      { kind: 'certificate', ...pair },
    );
    expect(await tokens.token()).toBe('by-certificate');
  });

  test('what cannot work is told before Entra is asked', async () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    });
    const { tokens, posts } = source(() => granted('x'), {
      kind: 'certificate',
      certificatePem: 'not a certificate',
      privateKeyPem: String(other),
    });
    await expect(tokens.token()).rejects.toMatchObject({ code: 'certificate-unreadable' });
    if (pair !== undefined) {
      const mismatch = source(() => granted('x'), {
        kind: 'certificate',
        certificatePem: pair.certificatePem,
        privateKeyPem: String(other),
      });
      await expect(mismatch.tokens.token()).rejects.toMatchObject({ code: 'certificate-key-mismatch' });
      const late = source(() => granted('x'), { kind: 'certificate', ...pair });
      late.clock.advance(31 * 24 * 3_600_000);
      await expect(late.tokens.token()).rejects.toMatchObject({ code: 'certificate-expired' });
    }
    expect(posts()).toBe(0);
  });
});
