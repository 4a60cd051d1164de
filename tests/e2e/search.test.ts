import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  CatalogHitView,
  Comparison,
  ListedItem,
  Preview,
  RestorePointRecord,
} from '@holdfast/contracts';
import {
  addJob,
  addOrganization,
  addRepository,
  ensureNatsServer,
  listAll,
  runJob,
  startWorld,
  type World,
} from '@holdfast/embedded';
import { waitFor } from '@holdfast/testing';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';

jest.setTimeout(300_000);

let work: string;
let world: World;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'holdfast-search-'));
  world = await startWorld({
    dataDir: work,
    natsServer: await ensureNatsServer(() => undefined),
    workers: 1,
    env: { HOLDFAST_CATALOG_POLL_SECONDS: '0.5' },
    tenant: { mailboxes: 2, messages: 30, seed: 5, limits: { enabled: false } },
  });
});

afterAll(async () => {
  await world?.stop();
  await rm(work, { recursive: true, force: true });
});

interface Found {
  items: CatalogHitView[];
  behind: { points: number };
}

test('a message is found by a part of a word, looked at, and still found after it was deleted', async () => {
  const organization = await addOrganization(world);
  const repository = await addRepository(world, join(work, 'repository'));
  const job = await addJob(world, { organizationId: organization.id, repositoryId: repository.id });
  expect((await runJob(world, job.id)).state).toBe('success');
  const search = (query: string, more: object = {}) =>
    world.api.post<Found>('/search', { organizationIds: [organization.id], query, ...more });
  const everythingIsThere = () =>
    waitFor(
      async () => {
        const status = await world.api.get<{
          items: { indexedPoints: number }[];
          behind: { points: number };
        }>('/catalog');
        return status.items.length === 2 && status.behind.points === 0;
      },
      { what: 'the catalog', timeoutMs: 120_000 },
    );
  await everythingIsThere();

  // Neither folder nor date are known: only a part of a word out of some mail's text.
  const [mailbox] = await listAll<{ id: string; userId: string; address: string }>(
    world,
    `/organizations/${organization.id}/mailboxes`,
  );
  const pointsOf = (id: string) => listAll<RestorePointRecord>(world, `/mailboxes/${id}/restore-points`);
  const [first] = await pointsOf(mailbox!.id);
  const folders = await listAll<{ id: string; items: number }>(world, `/restore-points/${first!.id}/folders`);
  const filled = folders.find(({ items }) => items > 0)!;
  const path = `/restore-points/${first!.id}/folders/${encodeURIComponent(filled.id)}/items`;
  const [known] = await listAll<ListedItem>(world, path);
  const preview = await world.api.get<Preview>(`${path}/${encodeURIComponent(known!.itemKey)}/preview`);
  const word = /\p{L}{6,20}/u.exec(preview.text)?.[0];
  expect(word).toBeDefined();
  const part = word!.slice(1, -1);
  const hits = await search(`body:*${part}*`);
  const hit = hits.items.find(({ itemKey }) => itemKey === known!.itemKey);
  expect(hit).toMatchObject({
    status: 'present',
    subject: known!.subject,
    validTo: { pointId: first!.pointId },
  });
  expect(hit!.snippets[0]!.marks.length).toBeGreaterThan(0);
  const html = (await world.api.bytes(`${path}/${encodeURIComponent(known!.itemKey)}/html`)).toString();
  expect(html).toContain('</html>');

  // Deleted at the source: the next backup has it no more, the catalog still finds it.
  await world.tenant.control.deleteMessage(mailbox!.userId, known!.itemKey, 'hard');
  expect((await runJob(world, job.id)).state).toBe('success');
  await waitFor(async () => (await pointsOf(mailbox!.id)).length === 2, { what: 'the second point' });
  await everythingIsThere();
  const after = (await search(`body:*${part}*`)).items.find(({ itemKey }) => itemKey === known!.itemKey);
  expect(after).toMatchObject({ status: 'deleted', validTo: { pointId: first!.pointId } });
  const now = await search(`body:*${part}*`, { asOf: 'latest' });
  expect(now.items.map(({ itemKey }) => itemKey)).not.toContain(known!.itemKey);
  const then = await search(`body:*${part}*`, { asOf: first!.pointId });
  expect(then.items.map(({ itemKey }) => itemKey)).toContain(known!.itemKey);
  const [second] = await pointsOf(mailbox!.id);
  for (const other of [second!.id, 'live']) {
    const compared = await world.api.get<Comparison>(`/restore-points/${first!.id}/compare?with=${other}`);
    expect(compared.items.map(({ change, itemKey }) => [change, itemKey])).toEqual([
      ['deleted', known!.itemKey],
    ]);
  }
});
