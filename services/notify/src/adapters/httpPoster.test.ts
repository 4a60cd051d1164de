import type { LookupAddress, LookupOptions } from 'node:dns';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type HookReceiver, startHookReceiver } from '../testing/hookReceiver.ts';
import { createHttpPoster, type HttpPosterOptions } from './httpPoster.ts';

let receiver: HookReceiver;
beforeEach(async () => {
  receiver = await startHookReceiver();
});
afterEach(() => receiver.stop());

/** A name service that answers everything with these addresses. */
const names = (...addresses: string[]): NonNullable<HttpPosterOptions['lookup']> =>
  ((_name: string, _options: LookupOptions, done: (error: null, found: LookupAddress[]) => void) =>
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )) as never;
const poster = (given: Partial<HttpPosterOptions> = {}) =>
  createHttpPoster({ limitMs: 60_000, now: () => performance.now(), ...given });
const request = (url: string) => ({ url, headers: {}, body: '{"id":"evt-1","name":"run.completed"}' });

test.each([
  ['a metadata service', ['169.254.169.254']],
  ['a private network', ['10.0.0.1']],
  ['both', ['192.168.1.1', 'fe80::1']],
])('a harmless name that leads to %s is refused before anything is sent', async (_what, addresses) => {
  const result = await poster({ lookup: names(...addresses) }).post(
    request('https://hooks.example.com/x'),
    undefined,
  );
  expect(result).toMatchObject({
    kind: 'failed',
    error: expect.stringContaining('hooks.example.com may not be used'),
  });
});

test('of several addresses only those are used that may be', async () => {
  const { port } = new URL(receiver.url);
  const lookup = names('169.254.169.254', '127.0.0.1');
  const result = await poster({ lookup }).post(request(`http://localhost:${port}/x`), undefined);
  expect(result).toMatchObject({ kind: 'answered', status: 204 });
});

test('a receiver that never answers is given up in time', async () => {
  receiver.answer = () => undefined;
  const result = await poster({ limitMs: 300 }).post(request(receiver.url), undefined);
  expect(result).toMatchObject({ kind: 'failed', error: expect.stringContaining('no answer within 300 ms') });
});

test('a status that came counts, however its body ends', async () => {
  receiver.answer = (_hook, response) => {
    response.writeHead(200, { 'retry-after': '7' });
    response.write('part', () => response.destroy());
  };
  expect(await poster().post(request(receiver.url), undefined)).toMatchObject({
    ...{ kind: 'answered', status: 200, retryAfterMs: 7_000 },
  });
});

test('nobody listening is said in words', async () => {
  await receiver.stop();
  const result = await poster().post(request(receiver.url), undefined);
  expect(result).toMatchObject({ kind: 'failed', error: expect.stringContaining('nobody listens there') });
  receiver = await startHookReceiver();
});
