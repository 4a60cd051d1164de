import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ensureNatsServer, simulatedCloud, startWorld, type World } from '@holdfast/embedded';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { SMTPServer } from 'smtp-server';
import { cliFor } from '../../cli/src/testing/startCli.ts';

jest.setTimeout(180_000);

const sender = 'backup@contoso.example';
let world: World;
let dataDir: string;
let server: SMTPServer;
let port: number;
/** What the tokens said that were taken. */
const claims: Record<string, unknown>[] = [];
const received: string[][] = [];
const cli = cliFor(() => ({ url: world.stack.apiUrl, token: world.stack.adminToken }));

async function signingKeys(): Promise<JSONWebKeySet> {
  const { url, tenantId, caFile } = world.tenant;
  const answer = get(`${url}/${tenantId}/discovery/v2.0/keys`, { ca: readFileSync(caFile) });
  const [body] = await once(answer, 'response');
  return JSON.parse(await text(body)) as JSONWebKeySet;
}

/** A mail server that takes tokens of the tenant for Exchange Online and nothing else. */
async function startServer(): Promise<void> {
  const keys = createLocalJWKSet(await signingKeys());
  server = new SMTPServer({
    authMethods: ['XOAUTH2'],
    disabledCommands: ['STARTTLS'],
    closeTimeout: 100,
    onAuth({ username, accessToken }, _session, done) {
      jwtVerify(accessToken ?? '', keys, { audience: 'https://outlook.office365.com' }).then(
        ({ payload }) => {
          claims.push(payload);
          const isSender = username === sender;
          done(null, isSender ? { user: username } : { data: { status: '400', schemes: 'bearer' } });
        },
        () => done(null, { data: { status: '401', schemes: 'bearer' } }),
      );
    },
    onData(stream, session, done) {
      stream.resume();
      stream.once('end', () => {
        received.push(session.envelope.rcptTo.map(({ address }) => address));
        done();
      });
    },
  });
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  port = (server.server.address() as AddressInfo).port;
}

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'holdfast-mail-oauth-'));
  world = await startWorld({
    dataDir,
    natsServer: await ensureNatsServer((line) => process.stderr.write(`${line}\n`)),
    workers: 1,
    tenant: { mailboxes: 1, messages: 1, seed: 5, profile: 'small' },
  });
  await startServer();
});

afterAll(async () => {
  await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
  await world?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

const set = (secret: string, ...more: string[]) =>
  cli.run(['settings', 'mail', ...more], { env: { HOLDFAST_MAIL_CLIENT_SECRET: secret } });

test('a test message is sent by an application with a token of the tenant, and refusals say what to do', async () => {
  const { clientId, clientSecret, tenantId } = world.tenant;
  const flags = [
    ...['--host', '127.0.0.1', '--port', String(port), '--security', 'none', '--user', sender],
    ...['--from', sender, '--to', 'it@contoso.example; boss@contoso.example'],
    ...['--oauth-tenant', tenantId, '--oauth-client-id', clientId, '--oauth-cloud', simulatedCloud],
  ];
  expect((await set(clientSecret, ...flags)).out).toContain(`a token for the application ${clientId}`);
  expect(await cli.run(['settings', 'test-mail'])).toMatchObject({ code: 0 });
  expect(received).toEqual([['it@contoso.example', 'boss@contoso.example']]);
  expect(claims).toMatchObject([{ appid: clientId, tid: tenantId }]);

  // The secret stays where nothing that matters changes.
  expect(await cli.run(['settings', 'mail', '--to', 'it@contoso.example'])).toMatchObject({ code: 0 });
  expect(await cli.run(['settings', 'test-mail'])).toMatchObject({ code: 0 });
  expect(received.at(-1)).toEqual(['it@contoso.example']);

  await set('wrong', '--oauth-client-id', clientId);
  const wrong = await cli.json(['settings', 'test-mail']);
  expect(wrong.code).not.toBe(0);
  expect(wrong.document).toMatchObject({ state: 'pending', error: { code: 'client-secret-wrong' } });

  await set(clientSecret, '--user', 'boss@contoso.example');
  const foreign = await cli.json(['settings', 'test-mail']);
  expect(foreign.document).toMatchObject({
    error: { code: 'mail-sign-in', remedy: expect.stringContaining('SMTP.SendAsApp') },
  });
  expect(received).toHaveLength(2);
});
