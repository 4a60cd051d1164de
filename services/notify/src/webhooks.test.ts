import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Job, makeEvent, type Webhook } from '@holdfast/contracts';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { secretText } from './domain/signature.ts';
import { type HookReceiver, type ReceivedHook, startHookReceiver } from './testing/hookReceiver.ts';
import { type NotifyWorld, notifyWorld } from './testing/notifyWorld.ts';
import { noAlerts } from './testing/samples.ts';

jest.setTimeout(120_000);

let world: NotifyWorld;
let receiver: HookReceiver;
beforeEach(async () => {
  world = notifyWorld();
  receiver = await startHookReceiver();
  await world.settings({ alerts: noAlerts });
});
afterEach(async () => {
  await world.stop();
  await receiver.stop();
});

const key = Buffer.alloc(32, 9);
const hourMs = 3_600_000;

async function addWebhook(given: Partial<Webhook> = {}): Promise<Webhook> {
  const id = given.id ?? 'hook-1';
  const webhook: Webhook = {
    ...{ id, name: id, url: receiver.url, events: ['job.*'], enabled: true },
    sealedSecret: world.sealer.seal(secretText(key), `webhook:${id}`),
    ...{ createdAt: '2026-11-01T00:00:00.000Z', eventsFrom: '2026-11-01T00:00:00.000Z' },
    ...given,
  };
  await world.insert('webhooks', webhook);
  return webhook;
}

const jobChanged = (n: number, given: Partial<Pick<Job, 'organizationId'>> = {}) => {
  const jobId = `job-${n}`;
  const data = { jobId, organizationId: 'org-1', change: 'changed' as const, ...given };
  return makeEvent('job.changed', {
    source: 'test',
    subject: jobId,
    key: jobId,
    time: world.clock.iso(),
    data,
  });
};
const publish = (...events: ReturnType<typeof jobChanged>[]) => {
  const messaging = world.messaging();
  return Promise.all(events.map((event) => messaging.publishEvent(event)));
};
const deliveries = () => world.rows('webhookDeliveries');
const stateOf = async (id: string) => (await deliveries()).find((one) => one.id === id)?.state;

/** What docs/events.md tells receivers to do. */
function isSigned({ headers, body }: ReceivedHook, secret: Buffer): boolean {
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const expected = createHmac('sha256', secret).update(signed).digest();
  return String(headers['webhook-signature'])
    .split(' ')
    .some((one) => {
      const given = Buffer.from(one.replace(/^v1,/, ''), 'base64');
      return given.length === expected.length && timingSafeEqual(given, expected);
    });
}

describe('an event', () => {
  test('goes to each webhook that wants it, signed, as it stands in the log', async () => {
    await addWebhook();
    await addWebhook({ id: 'hook-2', events: ['run.*'] });
    await addWebhook({ id: 'hook-3', organizationId: 'org-2' });
    await addWebhook({ id: 'hook-4', jobId: 'job-1', events: ['*'] });
    await addWebhook({ id: 'hook-5', enabled: false });
    await addWebhook({ id: 'hook-6', eventsFrom: '2027-01-01T00:00:00.000Z' });
    await world.start();
    const event = jobChanged(1);
    await publish(event, jobChanged(2));
    await world.until('three are delivered', () => receiver.received.length === 3);
    await world.clock.advance(hourMs);
    expect((await deliveries()).map(({ id, state }) => [id, state]).sort()).toEqual(
      [
        [`hook-1.${event.id}`, 'delivered'],
        [`hook-1.${jobChanged(2).id}`, 'delivered'],
        [`hook-4.${event.id}`, 'delivered'],
      ].sort(),
    );
    const [hook] = receiver.received.filter(({ id }) => id === event.id);
    expect(JSON.parse(hook?.body ?? '')).toEqual(event);
    expect(hook?.headers).toMatchObject({
      'content-type': 'application/cloudevents+json; charset=utf-8',
      'webhook-id': event.id,
      'webhook-attempt': '1',
    });
    expect(receiver.received.every((one) => isSigned(one, key))).toBe(true);
    expect(isSigned(receiver.received[0] as ReceivedHook, Buffer.alloc(32, 8))).toBe(false);
  });

  test('that comes twice, or is found in the log as well, is delivered once', async () => {
    await addWebhook();
    const event = jobChanged(1);
    const { id, time, name, subject } = event;
    await world.insert('events', { id, time, name, subject, pending: false, event: { ...event } as never });
    await world.start();
    await world.start();
    await publish(event);
    await world.until('delivered', () => receiver.received.length === 1);
    await world.clock.advance(hourMs);
    expect(receiver.received).toHaveLength(1);
  });

  test('that the broker lost is found in the log', async () => {
    await addWebhook();
    await world.start();
    await world.clock.advance(1_000);
    const event = jobChanged(1);
    const { id, time, name, subject } = event;
    await world.insert('events', { id, time, name, subject, pending: false, event: { ...event } as never });
    await world.until('delivered', () => receiver.received.length === 1);
  });

  test('is signed with both secrets while one is being replaced, and with the new one afterwards', async () => {
    const before = Buffer.alloc(32, 1);
    const previousSecret = {
      sealedSecret: world.sealer.seal(secretText(before), 'webhook:hook-1'),
      until: new Date(world.clock.now() + hourMs).toISOString(),
    };
    await addWebhook({ previousSecret });
    await world.start();
    await publish(jobChanged(1));
    await world.until('the first', () => receiver.received.length === 1);
    await world.clock.advance(2 * hourMs);
    await publish(jobChanged(2));
    await world.until('the second', () => receiver.received.length === 2);
    const [both, one] = receiver.received as [ReceivedHook, ReceivedHook];
    expect([isSigned(both, key), isSigned(both, before)]).toEqual([true, true]);
    expect([isSigned(one, key), isSigned(one, before)]).toEqual([true, false]);
  });
});

describe('a receiver that is difficult', () => {
  test('is tried again with growing pauses, and says why in the record', async () => {
    await addWebhook();
    let failures = 3;
    receiver.answer = (_hook, response) => {
      failures -= 1;
      response.writeHead(failures >= 0 ? 503 : 200).end(failures >= 0 ? 'not yet' : 'thanks');
    };
    await world.start();
    const event = jobChanged(1);
    await publish(event);
    await world.until('tried once', async () => (await deliveries())[0]?.error !== undefined, 100);
    expect((await deliveries())[0]).toMatchObject({
      ...{ state: 'pending', tries: 1, status: 503, answer: 'not yet', error: 'the receiver answered 503' },
    });
    expect((await world.rows('webhooks'))[0]?.failingSince).toBeDefined();
    await world.until('delivered', async () => (await stateOf(`hook-1.${event.id}`)) === 'delivered');
    expect(receiver.received.map(({ headers }) => headers['webhook-attempt'])).toEqual(['1', '2', '3', '4']);
    expect(new Set(receiver.received.map(({ id }) => id))).toEqual(new Set([event.id]));
    await world.until(
      'it counts as well again',
      async () => (await world.rows('webhooks'))[0]?.failingSince === undefined,
    );
  });

  test('for more than a day: a dead letter, kept, and delivered when it is replayed', async () => {
    await addWebhook();
    receiver.answer = (_hook, response) => response.writeHead(500).end();
    await world.start();
    const event = jobChanged(1);
    const id = `hook-1.${event.id}`;
    await publish(event);
    await world.until('given up', async () => (await stateOf(id)) === 'dead', 60_000);
    const [dead] = await deliveries();
    expect(new Date(dead?.endedAt ?? 0).getTime() - new Date(dead?.startedAt ?? 0).getTime()).toBeGreaterThan(
      22 * hourMs,
    );
    const tries = receiver.received.length;
    expect(tries).toBeGreaterThan(20);
    await world.clock.advance(3 * hourMs);
    expect(receiver.received).toHaveLength(tries);
    receiver.answer = (_hook, response) => response.writeHead(204).end();
    const now = world.clock.iso();
    await world.change('webhookDeliveries', id, { state: 'pending', tries: 0, startedAt: now, nextTry: now });
    await world.until('delivered', async () => (await stateOf(id)) === 'delivered');
  });

  test('that says Gone is not tried again', async () => {
    await addWebhook();
    receiver.answer = (_hook, response) => response.writeHead(410).end();
    await world.start();
    await publish(jobChanged(1));
    await world.until('given up', async () => (await deliveries())[0]?.state === 'dead');
    expect(receiver.received).toHaveLength(1);
  });

  test('that hangs does not keep the others waiting', async () => {
    await addWebhook({ id: 'hook-0', url: `${receiver.url}?hang` });
    const other = await startHookReceiver();
    await addWebhook({ id: 'hook-9', url: other.url });
    receiver.answer = () => undefined;
    await world.start();
    await publish(...Array.from({ length: 20 }, (_, n) => jobChanged(n)));
    await world.until('the other has all', () => other.received.length === 20);
    expect(receiver.received.length).toBeLessThanOrEqual(4);
    receiver.answer = (_hook, response) => response.writeHead(204).end();
    await receiver.stop();
    await other.stop();
  });

  test('that sends an endless answer is read a little', async () => {
    await addWebhook();
    receiver.answer = (_hook, response) => {
      response.writeHead(200);
      const more = () => {
        while (response.write('x'.repeat(10_000)));
        response.once('drain', more);
      };
      response.on('error', () => undefined);
      more();
    };
    await world.start();
    await publish(jobChanged(1));
    await world.until('delivered', async () => (await deliveries())[0]?.state === 'delivered');
    expect((await deliveries())[0]?.answer).toHaveLength(1_024);
  });

  test('that redirects is not followed: it could lead to where webhooks may not go', async () => {
    const other = await startHookReceiver();
    await addWebhook();
    receiver.answer = (_hook, response) => response.writeHead(307, { location: other.url }).end();
    await world.start();
    await publish(jobChanged(1));
    await world.until('tried', async () => (await deliveries())[0]?.error !== undefined, 100);
    expect((await deliveries())[0]?.error).toContain('redirects are not followed');
    expect(other.received).toEqual([]);
    await other.stop();
  });

  test('for five days: suspended, told by an event, and nothing more is kept for it', async () => {
    const failingSince = new Date(world.clock.now() - 5 * 24 * hourMs).toISOString();
    await addWebhook({ failingSince, lastError: 'the receiver answered 500' });
    receiver.answer = (_hook, response) => response.writeHead(500).end();
    await world.start();
    await publish(jobChanged(1));
    await world.until('suspended', async () => (await world.rows('webhooks'))[0]?.suspendedAt !== undefined);
    await world.until('told', async () => (await world.events('webhook.changed')).length === 1);
    expect((await world.events('webhook.changed'))[0]?.data).toEqual({
      webhookId: 'hook-1',
      change: 'suspended',
    });
    await world.clock.advance(5_000);
    await publish(jobChanged(2));
    await world.clock.advance(hourMs);
    expect(await deliveries()).toHaveLength(1);
  });
});

test.each(['http://169.254.169.254/latest/meta-data', 'http://10.1.2.3/', 'http://hooks.example.com/'])(
  'an address where webhooks may not go is refused at the delivery too: %s',
  async (url) => {
    await addWebhook({ url });
    await world.start();
    await publish(jobChanged(1));
    await world.until('tried', async () => (await deliveries())[0]?.error !== undefined, 100);
    expect((await deliveries())[0]).toMatchObject({ state: 'pending', tries: 1 });
    expect((await deliveries())[0]?.error).toMatch(/never go there|private network|must begin with https/);
  },
);

test('a test goes to its webhook alone, whatever the filter, and to one that is off', async () => {
  await addWebhook({ events: ['run.completed'], enabled: false });
  await addWebhook({ id: 'hook-2', events: ['*'] });
  await world.start();
  const data = { webhookId: 'hook-1', requestedBy: 'admin' };
  const at = { source: 'api', subject: 'hook-1', key: 'test-1', time: world.clock.iso() };
  await world.messaging().publishEvent(makeEvent('webhook.tested', { ...at, data }));
  await world.until('delivered', () => receiver.received.length === 1);
  await world.clock.advance(hourMs);
  expect(receiver.received.map(({ name }) => name)).toEqual(['webhook.tested']);
  expect((await deliveries()).map(({ webhookId }) => webhookId)).toEqual(['hook-1']);
});
