import { request as httpRequest } from 'node:http';
import { makeEvent } from '@holdfast/contracts';
import { connectMessaging, type Messaging } from '@holdfast/messaging';
import {
  type NatsServer,
  type ServiceProcess,
  startNatsServer,
  startProcess,
  waitFor,
} from '@holdfast/testing';
import { afterEach, expect, jest, test } from '@jest/globals';
import { secretText, signatureHeaders } from '../../services/notify/src/domain/signature.ts';

jest.setTimeout(180_000);

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const lines = ({ stdout }: ServiceProcess): Record<string, unknown>[] =>
  stdout
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line));
const eventsOf = (process: ServiceProcess) => lines(process).filter(({ id }) => id !== undefined);

const jobChanged = (n: number) =>
  makeEvent('job.changed', {
    ...{ source: 'test', subject: `job-${n}`, key: `job-${n}`, time: new Date().toISOString() },
    data: { jobId: `job-${n}`, organizationId: 'org-1', change: 'added' },
  });

async function brokerWithStreams(): Promise<{ nats: NatsServer; messaging: Messaging }> {
  const nats = await startNatsServer();
  closers.push(() => nats.stop());
  const messaging = await connectMessaging({ servers: [nats.url], prefix: 'holdfast', name: 'examples' });
  closers.push(() => messaging.close());
  return { nats, messaging };
}

test('the subscriber gets what it asked for, and after an absence what it missed', async () => {
  const { nats, messaging } = await brokerWithStreams();
  const start = () =>
    startProcess('examples/subscriber.ts', {}, { args: [nats.url, 'job.changed'], readyTimeoutMs: 60_000 });
  const first = await start();
  closers.push(() => first.stop());
  await messaging.publishEvent(jobChanged(1));
  await messaging.publishEvent(
    makeEvent('repository.attached', {
      ...{ source: 'test', subject: 'repo-1', key: 'repo-1', time: new Date().toISOString() },
      data: { repositoryId: 'repo-1', name: 'Main' },
    }),
  );
  await waitFor(() => eventsOf(first).length > 0, { what: 'the first event is printed', timeoutMs: 60_000 });
  await first.stop();
  await messaging.publishEvent(jobChanged(2));
  const second = await start();
  closers.push(() => second.stop());
  await waitFor(() => eventsOf(second).length > 0, {
    what: 'the missed event is printed',
    timeoutMs: 60_000,
  });
  expect(eventsOf(first).map(({ id }) => id)).toEqual([jobChanged(1).id]);
  expect(eventsOf(second).map(({ id, data }) => [id, data])).toEqual([
    [jobChanged(2).id, jobChanged(2).data],
  ]);
});

test('the webhook receiver believes what is signed and new, once, and nothing else', async () => {
  const key = Buffer.alloc(32, 5);
  const receiver = await startProcess(
    'examples/webhookReceiver.ts',
    { WEBHOOK_SECRET: secretText(key) },
    { args: ['0'], readyTimeoutMs: 60_000 },
  );
  closers.push(() => receiver.stop());
  const post = (body: string, headers: Record<string, string>): Promise<number> =>
    new Promise((resolve, reject) => {
      const request = httpRequest(
        { host: '127.0.0.1', port: Number(receiver.ready.port), method: 'POST', headers },
        (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        },
      );
      request.once('error', reject);
      request.end(body);
    });
  const now = Math.floor(Date.now() / 1000);
  const event = jobChanged(1);
  const body = JSON.stringify(event);
  const sign = (timestampSeconds: number, secret: Buffer) =>
    signatureHeaders({ id: event.id, body, timestampSeconds }, [
      secretText(Buffer.alloc(32, 6)),
      secretText(secret),
    ]);
  expect(await post(body, sign(now, key))).toBe(204);
  expect(await post(body, sign(now, key))).toBe(204);
  expect(await post(body, sign(now, Buffer.alloc(32, 7)))).toBe(401);
  expect(await post(body.replace('added', 'removed'), sign(now, key))).toBe(401);
  expect(await post(body, sign(now - 3600, key))).toBe(401);
  expect(await post(body, {})).toBe(401);
  await waitFor(() => lines(receiver).length === 6, { what: 'all are told', timeoutMs: 60_000 });
  expect(eventsOf(receiver)).toEqual([{ id: event.id, name: 'job.changed', data: event.data }]);
});
