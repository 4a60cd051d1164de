import { readFile, stat } from 'node:fs/promises';
import { connectMessaging } from '@holdfast/messaging';
import {
  type NatsServer,
  type ServiceProcess,
  startNatsServer,
  startProcess,
  type TemporaryDirectory,
  temporaryDirectory,
  waitFor,
} from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';

jest.setTimeout(180_000);

let nats: NatsServer;
let directory: TemporaryDirectory;
let service: ServiceProcess | undefined;
beforeAll(async () => {
  directory = temporaryDirectory('api-main');
  nats = await startNatsServer();
});
afterAll(async () => {
  await service?.stop();
  await nats.stop();
  directory.remove();
});

const env = (more: Record<string, string> = {}) => ({
  HOLDFAST_NATS_URL: nats.url,
  HOLDFAST_STORE: `sqlite:${directory.at('holdfast.db')}`,
  HOLDFAST_SECRET_KEY_FILE: directory.at('secret.key'),
  HOLDFAST_FIRST_TOKEN_FILE: directory.at('token'),
  HOLDFAST_API_PORT: '0',
  ...more,
});

const urlOf = (process: ServiceProcess): string => {
  const line = process.logs().find(({ message }) => message === 'serving the REST API');
  return line === undefined ? '' : String(line.url);
};

const start = async (): Promise<string> => {
  service = await startProcess('services/api/src/main.ts', env());
  return waitFor(() => service !== undefined && urlOf(service), { what: 'the address in the log' });
};

const call = async (url: string, method: string, path: string, body?: object) => {
  const token = (await readFile(directory.at('token'), 'utf8')).trim();
  const answer = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, string> };
};

const organization = (name: string) => ({
  name,
  tenantId: 't.example',
  clientId: 'c',
  clientSecret: 'VERY-SECRET',
});

describe('the API as a process, with a real broker and a real database', () => {
  test('killed at once after an answer, loses neither what it acknowledged nor its event (P4)', async () => {
    const url = await start();
    expect((await stat(directory.at('token'))).mode & 0o777).toBe(0o600);
    expect((await stat(directory.at('secret.key'))).mode & 0o777).toBe(0o600);
    const messaging = await connectMessaging({ servers: [nats.url], prefix: 'holdfast', name: 'test' });
    const seen: string[] = [];
    const tail = await messaging.tailEvents('events.>', (event) => seen.push(event.subject));
    await nats.stop();
    const made = await call(url, 'POST', '/organizations', organization('Kept'));
    expect(made.status).toBe(201);
    const question = await call(url, 'POST', `/organizations/${made.body.id}/verify`);
    expect(question).toMatchObject({ status: 503, body: { code: 'broker-away' } });
    const logs = service?.stderr ?? '';
    await service?.kill('SIGKILL');
    expect(logs).not.toContain('VERY-SECRET');

    await nats.restart();
    // A tail sees what is published while it listens: it must be back before the API is.
    await waitFor(() => messaging.connected, { what: 'the listener is back' });
    const again = await start();
    expect((await call(again, 'GET', `/organizations/${made.body.id}`)).body.name).toBe('Kept');
    await waitFor(() => seen.includes(made.body.id ?? ''), {
      what: 'the event, relayed after the restart',
    });
    await tail.stop();
    await messaging.close();
    expect(await service?.stop()).toMatchObject({ code: 0 });
    service = undefined;
  });

  test.each([
    ['no store', { HOLDFAST_STORE: '' }, 'HOLDFAST_STORE'],
    ['a port that is none', { HOLDFAST_API_PORT: 'many' }, 'HOLDFAST_API_PORT'],
    ['half of what HTTPS needs', { HOLDFAST_API_TLS_CERT_FILE: '/x.pem' }, 'HOLDFAST_API_TLS_KEY_FILE'],
    ['a file of clouds that is not there', { HOLDFAST_CLOUDS_FILE: '/nowhere.json' }, 'HOLDFAST_CLOUDS_FILE'],
  ])('with %s does not start, and names the setting', async (_what, change, name) => {
    await expect(startProcess('services/api/src/main.ts', env(change))).rejects.toThrow(name);
  });
});
