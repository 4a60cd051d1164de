import { collections, type WebhookDelivery } from '@holdfast/contracts';
import { buildJob, buildOrganization } from '@holdfast/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../testing/startTestApi.ts';

let api: TestApi;
beforeEach(async () => {
  api = await startTestApi();
  await api.insert('organizations', buildOrganization());
  await api.insert('jobs', buildJob());
});
afterEach(() => api.stop());

const input = { name: 'Tickets', url: 'https://hooks.example.com/holdfast', events: ['run.*'] };
const add = async (given: object = {}) => api.call('POST', '/webhooks', { body: { ...input, ...given } });

describe('webhooks', () => {
  test('show their secret once, and keep it sealed', async () => {
    const made = await add({ jobId: 'job-1' });
    expect(made).toMatchObject({
      status: 201,
      body: { ...input, jobId: 'job-1', secret: expect.stringMatching(/^whsec_.{44}$/) },
    });
    const { secret, ...shown } = made.body;
    expect((await api.call('GET', `/webhooks/${shown.id}`)).body).toEqual(shown);
    expect((await api.call('GET', '/webhooks')).body.items).toEqual([shown]);
    const stored = (await api.store.collection(collections.webhooks).get(shown.id))?.doc;
    expect(api.sealer.open(stored?.sealedSecret ?? '', `webhook:${shown.id}`)).toBe(secret);
    expect(JSON.stringify(stored)).not.toContain(secret);
    const rotated = await api.call('POST', `/webhooks/${shown.id}/rotate-secret`);
    expect(rotated.body).toMatchObject({ previousSecretUntil: '2026-03-02T12:00:00.000Z' });
    expect(rotated.body.secret).not.toBe(secret);
    expect(JSON.stringify(rotated.body)).not.toContain('sealed');
    expect((await api.call('DELETE', `/webhooks/${shown.id}`)).status).toBe(204);
    expect((await api.call('GET', `/webhooks/${shown.id}`)).status).toBe(404);
  });

  test.each([
    ['an address over http', { url: 'http://hooks.example.com/' }, 'url'],
    ['an address that is none', { url: 'hooks.example.com' }, 'url'],
    ['an address of a metadata service', { url: 'https://169.254.169.254/' }, 'url'],
    ['an address of a private network', { url: 'https://10.0.0.7/' }, 'url'],
    ['an address with a password', { url: 'https://me:secret@hooks.example.com/' }, 'url'],
    ['a filter that fits no event', { events: ['run.*', 'runn.*'] }, 'events[1]'],
    ['no filter at all', { events: [] }, 'events'],
    ['an organization that is not there', { organizationId: 'org-9' }, 'organizationId'],
    ['a job that is not there', { jobId: 'job-9' }, 'jobId'],
    ['an unknown field', { secret: 'mine' }, 'secret'],
  ])('with %s are refused by the name of the field', async (_what, given, field) => {
    expect(await add(given)).toMatchObject({ status: 422, body: { problems: [{ field }] } });
  });

  test('may go to private networks once the settings say so, and to this machine without', async () => {
    expect((await add({ url: 'http://127.0.0.1:9000/' })).status).toBe(201);
    await api.call('PUT', '/settings/webhooks', { body: { allowPrivateNetworks: true } });
    expect((await add({ name: 'B', url: 'http://10.0.0.7/' })).status).toBe(201);
    expect((await add({ name: 'C', url: 'http://169.254.169.254/' })).status).toBe(422);
  });

  test('a name is taken once', async () => {
    await add();
    expect(await add()).toMatchObject({ status: 409, body: { code: 'name-taken' } });
  });

  test('a changed filter counts from the change, another name does not; null takes a limit away', async () => {
    const { id } = (await add({ organizationId: 'org-1' })).body;
    await api.clock.advance(60_000);
    const patch = async (body: object) => (await api.call('PATCH', `/webhooks/${id}`, { body })).body;
    expect(await patch({ name: 'Other' })).toMatchObject({
      name: 'Other',
      eventsFrom: '2026-03-01T12:00:00.000Z',
    });
    const changed = await patch({ organizationId: null, events: ['*'] });
    expect(changed).toMatchObject({ events: ['*'], eventsFrom: '2026-03-01T12:01:00.000Z' });
    expect(changed).not.toHaveProperty('organizationId');
    const bad = await api.call('PATCH', `/webhooks/${id}`, { body: { url: 'http://a.example' } });
    expect(bad).toMatchObject({ status: 422, body: { problems: [{ field: 'url' }] } });
  });
});

describe('deliveries', () => {
  const rows = () => api.store.collection(collections.webhookDeliveries);

  test('a test is written down for notify, with an event that wakes it', async () => {
    const { id } = (await add()).body;
    const made = await api.call('POST', `/webhooks/${id}/test`);
    expect(made).toMatchObject({
      status: 202,
      body: { webhookId: id, eventName: 'webhook.tested', state: 'pending', tries: 0 },
    });
    expect((await api.call('GET', `/webhooks/${id}/deliveries/${made.body.id}`)).body).toEqual(made.body);
    const log = (await api.call('GET', '/events?name=webhook.tested')).body.items;
    expect(log).toMatchObject([{ id: made.body.eventId, data: { webhookId: id } }]);
    expect((await api.call('GET', `/webhooks/hook-9/deliveries/${made.body.id}`)).status).toBe(404);
  });

  test('dead letters are listed and replayed, one or all, with the same event id', async () => {
    const { id } = (await add()).body;
    const dead = (await api.call('POST', `/webhooks/${id}/test`)).body as WebhookDelivery;
    const end = async (one: WebhookDelivery) => {
      const found = await rows().get(one.id);
      await rows().replace(
        { ...one, state: 'dead', tries: 30, endedAt: api.clock.iso(), error: 'x' },
        found?.version ?? 0,
      );
    };
    await end(dead);
    expect((await api.call('GET', `/webhooks/${id}/deliveries?state=dead`)).body.items).toHaveLength(1);
    expect((await api.call('GET', `/webhooks/${id}/deliveries?state=pending`)).body.items).toEqual([]);
    await api.clock.advance(60_000);
    const again = await api.call('POST', `/webhooks/${id}/deliveries/${dead.id}/replay`);
    expect(again).toMatchObject({
      status: 202,
      body: { eventId: dead.eventId, state: 'pending', tries: 0, startedAt: api.clock.iso() },
    });
    await end(dead);
    expect((await api.call('POST', `/webhooks/${id}/replay`)).body).toEqual({ replayed: 1, more: false });
    expect((await api.call('POST', `/webhooks/${id}/replay`)).body).toEqual({ replayed: 0, more: false });
    await api.call('PATCH', `/webhooks/${id}`, { body: { enabled: false } });
    expect(await api.call('POST', `/webhooks/${id}/replay`)).toMatchObject({
      status: 409,
      body: { code: 'webhook-off' },
    });
  });
});

test('alerts are listed newest first, by state and kind', async () => {
  const alert = (id: string, state: 'open' | 'cleared', raisedAt: string) => ({
    ...{
      id,
      kind: 'proxy-offline',
      about: id,
      state,
      message: 'm',
      remedy: 'r',
      details: [],
      since: raisedAt,
      raisedAt,
    },
  });
  await api.insert(
    'alerts',
    alert('a-1', 'cleared', '2026-01-01T00:00:00.000Z'),
    alert('a-2', 'open', '2026-01-02T00:00:00.000Z'),
  );
  const ids = async (query: string) =>
    (await api.call('GET', `/alerts${query}`)).body.items.map(({ id }: { id: string }) => id);
  expect(await ids('')).toEqual(['a-2', 'a-1']);
  expect(await ids('?state=open')).toEqual(['a-2']);
  expect(await ids('?kind=job-overdue')).toEqual([]);
  expect((await api.call('GET', '/alerts/a-1')).body).toMatchObject({ state: 'cleared' });
  expect((await api.call('GET', '/alerts?kind=nothing')).status).toBe(422);
});
