import { type Running, serveQuestion } from '@holdfast/messaging';
import { buildMailbox, buildOrganization, buildRepository } from '@holdfast/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../testing/startTestApi.ts';
import { dispositionOf } from './preview.ts';

const pointId = '00112233445566778899aabb';
const mailboxKey = 'ab'.repeat(16);
const pointName = `points/${mailboxKey}/20260101T000000000Z.full.${pointId}.0.01234567`;
const timelinePoint = {
  ...{ id: `repo-1.${pointId}`, pointId, pointName, mailboxKey, time: '2026-01-01T00:00:00.000Z' },
  ...{ completeness: 'complete' as const, kind: 'full' as const, items: 1, folders: 1, gaps: 0 },
  ...{ new: 1, changed: 0, removed: 0, bytes: 10 },
};

let api: TestApi;
const running: Running[] = [];
const serve: typeof serveQuestion = async (...args) => {
  const one = await serveQuestion(...args);
  running.push(one);
  return one;
};

beforeAll(async () => {
  api = await startTestApi();
  await api.insert('organizations', buildOrganization());
  await api.insert('repositories', buildRepository());
  await api.insert(
    'mailboxes',
    buildMailbox({ id: 'mbx-1', userId: 'anna', address: 'anna@contoso.example' }),
  );
});
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});
afterAll(() => api.stop());

describe('a search', () => {
  test('reaches the catalog by words and by filters', async () => {
    const asked: unknown[] = [];
    await serve(api.messaging, 'default', 'searchCatalog', async (input) => {
      asked.push(input);
      return { items: [], behind: { points: 2, since: '2026-01-01T00:00:00.000Z' } };
    });
    const found = await api.call(
      'GET',
      '/search?q=*nvoic*&organizationId=org-1&asOf=latest&limit=5&recoverable=false',
    );
    expect(found.body).toEqual({ items: [], behind: { points: 2, since: '2026-01-01T00:00:00.000Z' } });
    await api.call('POST', '/search', {
      body: { mailboxIds: ['mbx-1'], terms: [{ text: 'x', in: ['subject'] }] },
    });
    expect(asked).toMatchObject([
      { query: '*nvoic*', organizationIds: ['org-1'], asOf: 'latest', limit: 5, recoverable: false },
      { mailboxIds: ['mbx-1'], terms: [{ text: 'x', in: ['subject'], match: 'word' }], asOf: 'ever' },
    ]);
  });

  test('in an organization that is not in the catalog is told so, until it is', async () => {
    await serve(api.messaging, 'default', 'searchCatalog', async () => ({
      items: [],
      behind: { points: 0 },
    }));
    const path = '/organizations/org-1/catalog';
    expect((await api.call('PUT', path, { body: { enabled: false } })).body).toEqual({ enabled: false });
    const refused = await api.call('GET', '/search?q=x&organizationId=org-1');
    expect(refused.body.code).toBe('catalog-off');
    expect((await api.call('GET', '/search?q=x&mailboxId=mbx-1')).body.code).toBe('catalog-off');
    await api.call('PUT', path, { body: { enabled: true } });
    expect((await api.call('GET', '/search?q=x&organizationId=org-1')).status).toBe(200);
  });

  test('with an unknown organization or a wrong filter names the field', async () => {
    const unknown = await api.call('GET', '/search?q=x&organizationId=org-9');
    expect(unknown.body.problems).toEqual([
      { field: 'organizationIds.0', message: 'there is no such organization' },
    ]);
    const wrong = await api.call('POST', '/search', { body: { organizationIds: ['org-1'], larger: -1 } });
    expect(wrong.body.problems.map(({ field }: { field: string }) => field)).toEqual(['larger']);
  });
});

describe('an item', () => {
  const item = `/restore-points/repo-1.${pointId}/folders/f%2F1/items/k%2F1`;

  test('of a point that only the repository knows is shown safely', async () => {
    await serve(api.messaging, 'default', 'findPoint', async () => ({ point: timelinePoint }));
    await serve(api.messaging, 'default', 'itemContent', async ({ content, offset, pointName: name }) => {
      expect(name).toBe(pointName);
      const whole = Buffer.from(content.kind === 'html' ? '<p>hello</p>' : 'x'.repeat(1000));
      const data = whole.subarray(offset, offset + 700).toString('base64');
      const attachment = {
        path: 'a0',
        name: 'a"\r\nb é.html',
        contentType: 'text/html',
        size: 1000,
        inline: false,
      };
      return { data, end: offset + 700 >= whole.length, ...(content.kind === 'html' ? {} : { attachment }) };
    });
    const page = await api.call('GET', `${item}/html`);
    expect(page.body).toBe('<p>hello</p>');
    expect(page.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; img-src data:;.*sandbox/,
    );
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    const file = await api.call('GET', `${item}/attachments/a0`);
    expect(file.body).toBe('x'.repeat(1000));
    expect(file.headers.get('content-type')).toBe('application/octet-stream');
    expect(file.headers.get('content-disposition')).toMatch(
      /^attachment; filename="a___b e_\.html"; filename\*=UTF-8''/,
    );
  });

  test('of a point that nobody knows is not found', async () => {
    await serve(api.messaging, 'default', 'findPoint', async () => ({}));
    expect((await api.call('GET', `${item}/preview`)).status).toBe(404);
    expect((await api.call('GET', '/restore-points/nonsense/folders/f/items/k/preview')).status).toBe(404);
  });

  test('a file name never leaves its header', () => {
    const header = dispositionOf('x"; filename=evil\r\nSet-Cookie: a=b\ud800.exe');
    expect(header).not.toMatch(/[\r\n]/);
    expect(header.match(/"/g)).toHaveLength(2);
  });
});

describe('a repository', () => {
  test('tells its mailboxes and their points, by its own key of a mailbox', async () => {
    const mailbox = {
      ...{ mailboxKey, mailboxId: 'mbx-1', organizationId: 'org-gone', address: 'anna@contoso.example' },
      ...{ points: 1, checkpoints: 0, oldest: timelinePoint.time, newest: timelinePoint.time },
    };
    await serve(api.messaging, 'default', 'repositoryMailboxes', async () => ({ items: [mailbox] }));
    await serve(api.messaging, 'default', 'repositoryPoints', async () => ({ items: [timelinePoint] }));
    expect((await api.call('GET', '/repositories/repo-1/mailboxes')).body.items).toEqual([mailbox]);
    const points = await api.call('GET', `/repositories/repo-1/mailboxes/${mailboxKey}/points`);
    expect(points.body.items).toEqual([timelinePoint]);
    expect((await api.call('GET', '/repositories/repo-1/mailboxes/mbx-unknown/points')).status).toBe(404);
    expect((await api.call('GET', '/repositories/repo-9/mailboxes')).status).toBe(404);
  });
});
