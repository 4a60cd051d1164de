import { collections, defaultAlertSettings, defaultRetentionSettings } from '@holdfast/contracts';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../testing/startTestApi.ts';

let api: TestApi;
beforeEach(async () => {
  api = await startTestApi();
});
afterEach(() => api.stop());

const mail = {
  host: 'smtp.example',
  port: 587,
  security: 'starttls',
  user: 'reports',
  from: 'backup@contoso.example',
  recipients: ['admin@contoso.example'],
};
const defaults = {
  alerts: defaultAlertSettings,
  retention: defaultRetentionSettings,
  webhooks: { allowPrivateNetworks: false },
};
const storedPassword = async () => {
  const sealed = (await api.store.collection(collections.settings).get('global'))?.doc.mail?.sealedPassword;
  return sealed === undefined ? undefined : api.sealer.open(sealed, 'settings:mail');
};

describe('settings', () => {
  test('are empty at first, and keep a password that nobody can read', async () => {
    expect((await api.call('GET', '/settings')).body).toEqual(defaults);
    const put = await api.call('PUT', '/settings', {
      body: { mail: { ...mail, password: 'p4ss' }, baseUrl: 'https://b.example' },
    });
    expect(put.status).toBe(200);
    const got = await api.call('GET', '/settings');
    expect(got.body).toEqual(put.body);
    expect(got.body.mail).toMatchObject({ host: 'smtp.example', passwordSet: true });
    expect(JSON.stringify(got.body)).not.toMatch(/sealed|p4ss/);
    expect(await storedPassword()).toBe('p4ss');
  });

  test('keep the password when it is left out for the same server, and ask for it for another', async () => {
    await api.call('PUT', '/settings', { body: { mail: { ...mail, password: 'p4ss' } } });
    const kept = await api.call('PUT', '/settings', {
      body: { mail: { ...mail, recipients: ['b@contoso.example'] } },
    });
    expect(kept.body.mail).toMatchObject({ passwordSet: true, recipients: ['b@contoso.example'] });
    const moved = await api.call('PUT', '/settings', { body: { mail: { ...mail, host: 'evil.example' } } });
    expect(moved.body).toMatchObject({ status: 422, problems: [{ field: 'mail.password' }] });
    expect(await storedPassword()).toBe('p4ss');
    const anonymous = await api.call('PUT', '/settings', { body: { mail: { ...mail, user: undefined } } });
    expect(anonymous.body.mail.passwordSet).toBe(false);
    expect((await api.call('PUT', '/settings', { body: {} })).body).toEqual(defaults);
  });

  test.each([
    ['a sender that is no address', { from: 'nobody' }, 'mail.from'],
    [
      'recipients in one text of which one is no address',
      { recipients: 'a@b.example; c' },
      'mail.recipients[1]',
    ],
    ['a time of the digest that is none', { digest: { time: '25:00', timeZone: 'UTC' } }, 'mail.digest.time'],
    ['a subject that names what is not known', { subject: '%Job%' }, 'mail.subject'],
    ['a recipient that is no address', { recipients: ['a@b.example', 'c'] }, 'mail.recipients[1]'],
    ['a kind of connection that is none', { security: 'maybe' }, 'mail.security'],
    ['an unknown field', { sealedPassword: 'sealed:mine' }, 'mail.sealedPassword'],
  ])('with %s are refused by the name of the field', async (_what, change, field) => {
    const answer = await api.call('PUT', '/settings', { body: { mail: { ...mail, ...change } } });
    expect(answer.status).toBe(422);
    expect(answer.body.problems[0].field).toBe(field);
  });

  test('of one kind change alone, and recipients may come as one text', async () => {
    await api.call('PUT', '/settings', {
      body: { mail: { ...mail, password: 'p4ss' }, baseUrl: 'https://b.example' },
    });
    const one = await api.call('PUT', '/settings/mail', {
      body: { ...mail, recipients: 'a@b.example; c@d.example' },
    });
    expect(one.body).toMatchObject({
      baseUrl: 'https://b.example',
      mail: { recipients: ['a@b.example', 'c@d.example'], passwordSet: true },
    });
    const two = await api.call('PUT', '/settings/alerts', { body: { restorePointOld: { afterHours: 24 } } });
    expect(two.body.alerts).toMatchObject({
      restorePointOld: { enabled: true, afterHours: 24 },
      allClear: true,
    });
    expect(two.body.mail).toEqual(one.body.mail);
    const three = await api.call('PUT', '/settings/webhooks', { body: { allowPrivateNetworks: true } });
    expect(three.body).toEqual({ ...two.body, webhooks: { allowPrivateNetworks: true } });
    expect(await storedPassword()).toBe('p4ss');
    expect((await api.call('DELETE', '/settings/mail')).status).toBe(204);
    expect((await api.call('GET', '/settings')).body).not.toHaveProperty('mail');
  });

  test.each([
    ['an unknown alert', { nothing: {} }, 'nothing'],
    ['a threshold that is none', { proxyOffline: { afterMinutes: 0 } }, 'proxyOffline.afterMinutes'],
    ['a recipient that is no address', { recipients: 'x' }, 'recipients[0]'],
  ])('of alerts with %s are refused by the name of the field', async (_what, body, field) => {
    const answer = await api.call('PUT', '/settings/alerts', { body });
    expect(answer).toMatchObject({ status: 422, body: { problems: [{ field }] } });
  });

  test('a test message is left for notify, once there is a server to send it by', async () => {
    expect((await api.call('POST', '/settings/mail/test')).body).toMatchObject({
      status: 409,
      code: 'no-mail-settings',
    });
    await api.call('PUT', '/settings', { body: { mail } });
    const made = await api.call('POST', '/settings/mail/test', {
      body: { recipients: ['me@contoso.example'] },
    });
    expect(made.status).toBe(202);
    expect(made.body).toMatchObject({
      kind: 'test',
      state: 'pending',
      recipients: ['me@contoso.example'],
      tries: 0,
    });
    expect((await api.call('GET', `/notifications/${made.body.id}`)).body).toEqual(made.body);
    expect((await api.call('GET', '/notifications?state=pending')).body.items).toEqual([made.body]);
    expect((await api.call('GET', '/notifications?state=sent')).body.items).toEqual([]);
  });
});

describe('the application that signs in to the mail server', () => {
  const oauth = { tenantId: 'contoso.example', clientId: 'c0ffee', clientSecret: 'hush' };
  const body = { ...mail, user: 'backup@contoso.example', oauth };
  const kept = async () => (await api.store.collection(collections.settings).get('global'))?.doc.mail?.oauth;

  test('is shown without its secret, which is kept sealed while server, user and application are the same', async () => {
    const put = await api.call('PUT', '/settings/mail', { body });
    expect(put.body.mail).toMatchObject({
      oauth: { cloud: 'global', tenantId: 'contoso.example', clientId: 'c0ffee' },
      passwordSet: false,
    });
    expect(JSON.stringify(put.body)).not.toMatch(/hush|sealed/);
    expect(api.sealer.open((await kept())?.sealedClientSecret ?? '', 'settings:mail-oauth')).toBe('hush');
    const { clientSecret: _given, ...known } = oauth;
    const again = await api.call('PUT', '/settings/mail', {
      body: { ...body, oauth: known, recipients: ['b@contoso.example'] },
    });
    expect(again.status).toBe(200);
    expect(api.sealer.open((await kept())?.sealedClientSecret ?? '', 'settings:mail-oauth')).toBe('hush');
    for (const change of [
      { host: 'evil.example' },
      { user: 'boss@contoso.example' },
      { oauth: { ...known, tenantId: 'evil.example' } },
    ]) {
      const moved = await api.call('PUT', '/settings/mail', { body: { ...body, oauth: known, ...change } });
      expect(moved.body).toMatchObject({ status: 422, problems: [{ field: 'oauth.clientSecret' }] });
    }
    const off = await api.call('PUT', '/settings/mail', { body: { ...mail, password: 'p4ss' } });
    expect(off.body.mail).not.toHaveProperty('oauth');
    expect(await kept()).toBeUndefined();
  });

  test.each([
    ['no secret', { oauth: { tenantId: 't', clientId: 'c' } }, 'oauth.clientSecret', 'is missing'],
    ['no tenant', { oauth: { ...oauth, tenantId: '' } }, 'oauth.tenantId', 'tenant'],
    ['a cloud that is none', { oauth: { ...oauth, cloud: 'moon' } }, 'oauth.cloud', 'moon'],
    ['no mailbox that sends', { user: undefined }, 'user', 'mailbox that sends'],
    ['a password as well', { password: 'p4ss' }, 'password', 'leave one of them out'],
    ['an open line', { security: 'none' }, 'security', 'starttls or tls'],
  ])('with %s is refused by the name of the field', async (_what, change, field, words) => {
    const answer = await api.call('PUT', '/settings/mail', { body: { ...body, ...change } });
    expect(answer.status).toBe(422);
    expect(answer.body.problems).toContainEqual({ field, message: expect.stringContaining(words) });
  });

  test('may use an open line to this machine', async () => {
    const local = { ...body, host: '127.0.0.1', security: 'none' };
    expect((await api.call('PUT', '/settings/mail', { body: local })).status).toBe(200);
  });
});

describe('proxies and pools', () => {
  test('show who is online, and who was', async () => {
    const record = {
      id: 'sync-1',
      pool: 'default',
      version: '0.1.0',
      host: 'h',
      slots: 4,
      startedAt: '2026-03-01T00:00:00.000Z',
    };
    await api.insert('proxies', record, { ...record, id: 'sync-2', pool: 'branch' } as never);
    const bucket = await api.messaging.keyValue('proxies', { ttlMs: 30_000, parse: (json) => json });
    await bucket.put('sync-1', {
      ...record,
      busy: 3,
      mailboxes: ['anna@contoso.example'],
      at: '2026-03-01T11:59:00.000Z',
    });
    for (;;) {
      const { items } = (await api.call('GET', '/proxies')).body;
      if (items[0].online === false) continue;
      expect(items).toMatchObject([
        {
          id: 'sync-1',
          online: true,
          busy: 3,
          mailboxes: ['anna@contoso.example'],
          lastSeen: '2026-03-01T11:59:00.000Z',
        },
        { id: 'sync-2', online: false, busy: 0, mailboxes: [] },
      ]);
      break;
    }
    const served = { description: '', proxiesInMaintenance: 0 };
    expect((await api.call('GET', '/pools')).body.items).toEqual([
      { ...served, pool: 'branch', proxiesOnline: 0, proxiesKnown: 1, slots: 0, busy: 0 },
      { ...served, pool: 'default', proxiesOnline: 1, proxiesKnown: 1, slots: 4, busy: 3 },
    ]);
    expect((await api.call('GET', '/clouds')).body.items).toHaveLength(1);
  });
});
