import { type Running, serveQuestion } from '@holdfast/messaging';
import { buildMailbox, buildOrganization, buildRepository } from '@holdfast/testing';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../../../services/api/src/testing/startTestApi.ts';
import { cliFor } from '../testing/startCli.ts';

let api: TestApi;
const running: Running[] = [];
const cli = cliFor(() => api);
const point = { pointId: '00112233445566778899aabb', pointName: 'n', time: '2026-01-01T00:00:00.000Z' };

beforeAll(async () => {
  api = await startTestApi();
  await api.insert('organizations', buildOrganization({ name: 'Contoso' }));
  await api.insert('repositories', buildRepository({ name: 'main' }));
  await api.insert(
    'mailboxes',
    buildMailbox({ id: 'mbx-1', userId: 'anna', address: 'anna@contoso.example' }),
  );
  running.push(
    await serveQuestion(api.messaging, 'default', 'searchCatalog', async ({ query, mailboxIds, cursor }) => ({
      items: [
        {
          ...{ organizationId: 'org-1', repositoryId: 'repo-1', mailboxId: mailboxIds?.[0] ?? 'mbx-1' },
          ...{ mailboxKey: 'a'.repeat(32), address: 'anna@contoso.example', itemKey: `k-${cursor ?? '0'}` },
          ...{ folderId: 'f', folderPath: '/Inbox', time: point.time, size: 10, kind: 'message' },
          ...{ subject: `for ${query}`, from: 'bo@x', hasAttachments: false, attachments: [], state: {} },
          ...{ validFrom: point, validTo: point, status: 'deleted' as const, places: 1 },
          snippets: [
            { field: 'body' as const, text: 'the invoice is', marks: [[4, 11] as [number, number]] },
          ],
        },
      ],
      ...(cursor === undefined ? { next: '1' } : {}),
      behind: { points: 3, since: point.time },
    })),
    await serveQuestion(api.messaging, 'default', 'rebuildCatalog', async () => ({ mailboxes: 7 })),
  );
});
afterAll(async () => {
  for (const one of running) await one.stop();
  await api.stop();
});

test('a search shows where and when, what was found, and how far the catalog is behind', async () => {
  const shown = await cli.run(['search', '*nvoic*', 'from:bo', '--mailbox', 'anna@contoso.example']);
  expect(shown.code).toBe(0);
  for (const text of [
    '/Inbox',
    'deleted',
    `repo-1.${point.pointId}`,
    'the [invoice] is',
    'for *nvoic* from:bo',
  ])
    expect(shown.out).toContain(text);
  expect(shown.err).toContain('3 restore points behind');
  const { document } = await cli.json(['search', 'x', '--limit', '2']);
  expect(document.items.map(({ itemKey }: { itemKey: string }) => itemKey)).toEqual(['k-0', 'k-1']);
});

test('the catalog of a repository is made anew', async () => {
  expect((await cli.run(['catalog', 'rebuild', 'main'])).out).toContain('7 mailboxes');
});
