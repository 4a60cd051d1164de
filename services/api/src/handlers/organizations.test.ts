import { collections, HoldfastError } from '@holdfast/contracts';
import { serveQuestion } from '@holdfast/messaging';
import { buildJob, buildMailbox, waitFor } from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../testing/startTestApi.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const input = (name: string) => ({
  name,
  tenantId: 'contoso.example',
  clientId: 'app-1',
  clientSecret: 's3cret-value',
});

const add = async (name: string): Promise<string> => {
  const made = await api.call('POST', '/organizations', { body: input(name) });
  expect(made.status).toBe(201);
  return made.body.id;
};

describe('an organization', () => {
  test('is added with a sealed secret that no answer shows', async () => {
    const made = await api.call('POST', '/organizations', { body: input('Sealed') });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ name: 'Sealed', cloud: 'global', credential: { kind: 'secret' } });
    const id: string = made.body.id;
    const one = await api.call('GET', `/organizations/${id}`);
    const list = await api.call('GET', '/organizations');
    for (const answer of [made, one, list]) {
      expect(JSON.stringify(answer.body)).not.toContain('sealed');
      expect(JSON.stringify(answer.body)).not.toContain('s3cret');
    }
    const stored = await api.store.collection(collections.organizations).get(id);
    const credential = stored?.doc.credential;
    expect(JSON.stringify(stored)).not.toContain('s3cret');
    if (credential?.kind !== 'secret') throw new Error('expected a secret');
    expect(api.sealer.open(credential.sealedSecret, `organization:${id}`)).toBe('s3cret-value');
  });

  test('tells of itself in an event that reaches the log and the broker', async () => {
    const seen: string[] = [];
    const tail = await api.messaging.tailEvents('events.>', (event) =>
      seen.push(`${event.name} ${event.subject}`),
    );
    const id = await add('Announced');
    await waitFor(() => seen.includes(`organization.changed ${id}`), { what: 'the event at the broker' });
    await tail.stop();
    const log = await api.call('GET', '/events?name=organization.changed');
    const entry = log.body.items.find((event: { subject: string }) => event.subject === id);
    expect(entry.data).toEqual({ organizationId: id, change: 'added' });
  });

  test.each([
    ['no credential', { clientSecret: undefined }, 'clientSecret'],
    ['an unknown field', { colour: 'red' }, 'colour'],
    ['a wrong tenant', { tenantId: 'a b' }, 'tenantId'],
    ['an unknown cloud', { cloud: 'moon' }, 'cloud'],
    [
      'a certificate that is none',
      { clientSecret: undefined, certificate: { certificatePem: 'x', privateKeyPem: 'y' } },
      'certificate.certificatePem',
    ],
  ])('is refused with %s, by the name of the field', async (_what, change, field) => {
    const answer = await api.call('POST', '/organizations', { body: { ...input('Wrong'), ...change } });
    expect(answer.status).toBe(422);
    expect(answer.body.problems.map((problem: { field: string }) => problem.field)).toContain(field);
    expect((await api.call('GET', '/organizations')).body.items).not.toContainEqual(
      expect.objectContaining({ name: 'Wrong' }),
    );
  });

  test('cannot take the name of another', async () => {
    await add('Twice');
    const again = await api.call('POST', '/organizations', { body: input('Twice') });
    expect(again.status).toBe(409);
    expect(again.body).toMatchObject({ code: 'name-taken', remedy: expect.stringContaining('another name') });
  });

  test('gets a new secret by PATCH, and what was verified before counts no more', async () => {
    const id = await add('Rotated');
    const running = await serveQuestion(api.messaging, 'default', 'verifyOrganization', async () => ({
      checks: [{ code: 'token', name: 'token', result: 'success', meaning: 'fine' }],
    }));
    expect((await api.call('POST', `/organizations/${id}/verify`)).status).toBe(200);
    await running.stop();
    expect((await api.call('GET', `/organizations/${id}`)).body.verification.checks).toHaveLength(1);
    const renamed = await api.call('PATCH', `/organizations/${id}`, { body: { name: 'Renamed' } });
    expect(renamed.body.verification).toBeDefined();
    const changed = await api.call('PATCH', `/organizations/${id}`, { body: { clientSecret: 'next' } });
    expect(changed.body).toMatchObject({ name: 'Renamed' });
    expect(changed.body.verification).toBeUndefined();
  });

  test('cannot move to another tenant', async () => {
    const id = await add('Rooted');
    const answer = await api.call('PATCH', `/organizations/${id}`, { body: { tenantId: 'other.example' } });
    expect(answer.status).toBe(422);
    expect(answer.body.problems).toEqual([{ field: 'tenantId', message: 'is not known here' }]);
  });

  test('cannot be removed while a job uses it', async () => {
    const id = await add('Used');
    await api.insert('jobs', buildJob({ id: 'job-used', name: 'uses it', organizationId: id }));
    const refused = await api.call('DELETE', `/organizations/${id}`);
    expect(refused.status).toBe(409);
    expect(refused.body.detail).toContain('uses it');
    await api.store.collection(collections.jobs).delete('job-used');
    expect((await api.call('DELETE', `/organizations/${id}`)).status).toBe(204);
    expect((await api.call('GET', `/organizations/${id}`)).status).toBe(404);
  });
});

describe('a question to a proxy', () => {
  test('without any proxy is answered with 503 and what to do', async () => {
    const id = await add('Lonely');
    const answer = await api.call('POST', `/organizations/${id}/verify`);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('5');
    expect(answer.body).toMatchObject({
      code: 'no-proxy-online',
      remedy: expect.stringContaining('Start a worker'),
    });
  });

  test.each([
    ['configuration', 422],
    ['forbidden', 403],
    ['transient', 503],
    ['vanished', 404],
    ['ours', 500],
  ] as const)('that fails as %s is answered with %i and the facts', async (errorClass, status) => {
    const id = await add(`Fails ${errorClass}`);
    const running = await serveQuestion(api.messaging, 'default', 'verifyOrganization', async () => {
      throw new HoldfastError('wrong-thing', errorClass, 'the secret was wrong', {
        remedy: 'Enter it anew.',
      });
    });
    const answer = await api.call('POST', `/organizations/${id}/verify`);
    await running.stop();
    expect(answer.status).toBe(status);
    if (status === 500) expect(JSON.stringify(answer.body)).not.toContain('the secret was wrong');
    else
      expect(answer.body).toMatchObject({
        code: 'wrong-thing',
        detail: 'the secret was wrong',
        remedy: 'Enter it anew.',
      });
  });
});

describe('mailboxes', () => {
  test('are found by parts of address and name, in pages', async () => {
    const id = await add('Peopled');
    const people = ['anna', 'bernd', 'bert', 'berta', 'carl'].map((name) =>
      buildMailbox({
        organizationId: id,
        userId: name,
        address: `${name}@contoso.example`,
        displayName: `${name} Müller`,
      }),
    );
    await api.insert('mailboxes', ...people);
    const found: string[] = [];
    let after = '';
    for (let pages = 0; pages < 5; pages += 1) {
      const page = await api.call('GET', `/organizations/${id}/mailboxes?search=bert%20MÜLL&limit=1${after}`);
      found.push(...page.body.items.map((entry: { address: string }) => entry.address));
      if (page.body.next === undefined) break;
      after = `&after=${page.body.next}`;
    }
    expect(found).toEqual(['bert@contoso.example', 'berta@contoso.example']);
    const exact = await api.call('GET', `/organizations/${id}/mailboxes?address=carl@contoso.example`);
    expect(exact.body.items).toHaveLength(1);
  });
});
