import { readFile, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { collections } from '@holdfast/contracts';
import { memoryMessaging } from '@holdfast/messaging/testing';
import { memoryStore } from '@holdfast/store/testing';
import { type TemporaryDirectory, temporaryDirectory, waitFor } from '@holdfast/testing';
import { afterEach, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from './testing/startTestApi.ts';

const started: TestApi[] = [];
let directory: TemporaryDirectory | undefined;
afterEach(async () => {
  for (const api of started.splice(0)) await api.stop();
  directory?.remove();
  directory = undefined;
});
const start = async (options: Parameters<typeof startTestApi>[0] = {}) => {
  const api = await startTestApi(options);
  started.push(api);
  return api;
};

describe('the first start', () => {
  test('prints the first token once, in a box, and keeps only its hash', async () => {
    const store = memoryStore();
    const first = await start({ store });
    expect(first.printed).toHaveLength(1);
    expect(first.printed[0]).toContain('╔');
    expect(first.printed[0]).toContain(first.token);
    const kept = await store.collection(collections.tokens).find({});
    expect(JSON.stringify(kept)).not.toContain(first.token);
    const second = await start({ store, messaging: memoryMessaging() });
    expect(second.printed).toEqual([]);
    expect((await second.call('GET', '/whoami', { token: first.token })).status).toBe(200);
  });

  test('writes the token to a file that only its owner reads, and then not to the terminal', async () => {
    directory = temporaryDirectory('api');
    const file = directory.at('token');
    await writeFile(file, 'an old one', { mode: 0o644 });
    const api = await start({ firstTokenFile: file });
    const token = (await readFile(file, 'utf8')).trim();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await api.call('GET', '/whoami', { token })).status).toBe(200);
    expect(api.printed.join('')).toContain(file);
    expect(api.printed.join('')).not.toContain(token);
  });

  test('by two processes at once makes one token, and the file holds the one that works', async () => {
    directory = temporaryDirectory('api');
    const store = memoryStore();
    const files = [directory.at('a'), directory.at('b')];
    const apis = await Promise.all(
      files.map((firstTokenFile) => startTestApi({ store, messaging: memoryMessaging(), firstTokenFile })),
    );
    started.push(...apis);
    expect(await store.collection(collections.tokens).count()).toBe(1);
    const written = (await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')))).filter(
      Boolean,
    );
    expect(written).toHaveLength(1);
    const answer = await apis[0]?.call('GET', '/whoami', { token: written[0]?.trim() ?? '' });
    expect(answer?.status).toBe(200);
  });

  test('with a token file in a folder that is not there fails with what to do, and leaves no token', async () => {
    const store = memoryStore();
    await expect(startTestApi({ store, firstTokenFile: '/nowhere/at/all' })).rejects.toMatchObject({
      code: 'token-file',
      remedy: expect.stringContaining('HOLDFAST_FIRST_TOKEN_FILE'),
    });
    expect(await store.collection(collections.tokens).count()).toBe(0);
  });
});

// Made for this test; it opens nothing.
const testCertificate = `-----BEGIN CERTIFICATE-----
MIIBljCCATugAwIBAgIUKhphIrsg0YrQCXKx9b0JQus/iqMwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjA2MjU0OFoYDzIxMjYxMDI5
MDYyNTQ4WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAR2PlGLbA4OfEuUQlnt/3MXwvpcQLWKxQEtCxOVe9mSXtE4VaxyTwGm
wgyBU93s7oiKR3996O1yI5A/fjt+eciSo2kwZzAdBgNVHQ4EFgQUVqV4XDxi4JwI
WjxQhVFwx85QWWcwHwYDVR0jBBgwFoAUVqV4XDxi4JwIWjxQhVFwx85QWWcwDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
SQAwRgIhAPyuPMQGT7ljEME67lCwv9cpDRtPjRQTJgCJutKRFkaHAiEAhDdLGRKT
zsaoZu36YfCXlYKuiSthppYJ+HQ33rHscd0=
-----END CERTIFICATE-----
`;
const testKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg/zBskasVvky7Ib5S
4vB0UPuU5oWFWX8vntP4luE5ajahRANCAAR2PlGLbA4OfEuUQlnt/3MXwvpcQLWK
xQEtCxOVe9mSXtE4VaxyTwGmwgyBU93s7oiKR3996O1yI5A/fjt+eciS
-----END PRIVATE KEY-----
`;

describe('the address', () => {
  test('that is taken is refused with the setting to change', async () => {
    const api = await start();
    const port = Number(new URL(api.url).port);
    await expect(startTestApi({ listen: { host: '127.0.0.1', port, tls: undefined } })).rejects.toMatchObject(
      {
        code: 'api-port',
        remedy: expect.stringContaining('HOLDFAST_API_PORT'),
      },
    );
  });

  test('with a certificate speaks HTTPS', async () => {
    const tls = { cert: testCertificate, key: testKey };
    const api = await start({ listen: { host: '127.0.0.1', port: 0, tls } });
    expect(api.url).toMatch(/^https:/);
    const status = await new Promise((resolve, reject) => {
      request(`${api.url}/healthz`, { ca: testCertificate, servername: 'localhost' }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
  });

  test('with a key that is none is refused with the settings to change', async () => {
    const listen = { host: '127.0.0.1', port: 0, tls: { cert: 'x', key: 'y' } };
    await expect(startTestApi({ listen })).rejects.toMatchObject({ code: 'tls-material' });
  });
});

describe('with the broker away', () => {
  test('what needs only the store is answered, questions say so, and events and tasks follow', async () => {
    const messaging = memoryMessaging();
    const api = await start({ messaging });
    messaging.broker.goDown();
    const body = { name: 'Kept', tenantId: 't.example', clientId: 'c', clientSecret: 's' };
    const made = await api.call('POST', '/organizations', { body });
    expect(made.status).toBe(201);
    const question = await api.call('POST', `/organizations/${made.body.id}/verify`);
    expect(question.body).toMatchObject({ status: 503, code: 'broker-away', remedy: expect.any(String) });
    const seen: string[] = [];
    messaging.broker.comeUp();
    const tail = await api.messaging.tailEvents('events.>', (event) => seen.push(event.subject));
    await waitFor(() => seen.includes(made.body.id), { what: 'the event that waited' });
    await tail.stop();
  });
});

describe('with the database away', () => {
  test('each answer is a 503 that says so, and the health route still answers', async () => {
    const store = memoryStore();
    const api = await start({ store });
    expect((await api.call('GET', '/jobs')).status).toBe(200);
    await store.close();
    const answer = await api.call('GET', '/jobs');
    expect(answer.body).toMatchObject({ status: 503, remedy: expect.any(String) });
    expect(answer.headers.get('retry-after')).toBe('5');
    expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
  });
});
