import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { collections, type RestorePointRecord, zeroTotals } from '@holdfast/contracts';
import { type Running, serveQuestion } from '@holdfast/messaging';
import { modify } from '@holdfast/store';
import {
  buildJob,
  buildMailbox,
  buildOrganization,
  buildRepository,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../../../services/api/src/testing/startTestApi.ts';
import { cliFor } from '../testing/startCli.ts';

let api: TestApi;
let directory: TemporaryDirectory;
const cli = cliFor(() => api);

beforeAll(async () => {
  directory = temporaryDirectory('cli');
  api = await startTestApi();
  await api.insert('organizations', buildOrganization());
  await api.insert('repositories', buildRepository());
  await api.insert('jobs', buildJob());
  await api.insert(
    'mailboxes',
    buildMailbox({ id: 'mbx-1', userId: 'anna', address: 'anna@contoso.example' }),
  );
});
afterAll(async () => {
  await api.stop();
  directory.remove();
});

describe('restore points and exports', () => {
  const point: RestorePointRecord = {
    id: 'repo-1.p1',
    pointId: 'p1',
    pointName: 'n',
    repositoryId: 'repo-1',
    organizationId: 'org-1',
    mailboxId: 'mbx-1',
    mailboxAddress: 'anna@contoso.example',
    jobId: 'job-1',
    runId: 'run-1',
    kind: 'full',
    time: '2026-01-01T00:00:00.000Z',
    committedAt: '2026-01-01T00:00:00.000Z',
    itemsTotal: 3,
    folders: 1,
    gapsOpen: 0,
    totals: zeroTotals,
  };
  const subjects: Record<string, string> = {
    k1: 'Hello',
    k2: '../../../../tmp/evil\u0000\r\nX: y',
    k3: `${'long '.repeat(100)}`,
    k4: 'CON',
  };
  const contents: Record<string, Buffer> = {
    k1: Buffer.from('Subject: Hello\r\n\r\nbody\r\n'),
    k2: Buffer.from([0, 255, 13, 10, 26, 200]),
    k3: Buffer.alloc(700_000, 'x'),
    k4: Buffer.alloc(0),
  };
  const running: Running[] = [];

  beforeAll(async () => {
    await api.insert('restorePoints', point);
    const folder = { id: 'F/1=', parentId: null, name: 'Inbox', path: '/Inbox', items: 4 };
    running.push(
      await serveQuestion(api.messaging, 'default', 'exploreFolders', async () => ({ folders: [folder] })),
      await serveQuestion(api.messaging, 'default', 'exploreItems', async ({ after }) => {
        const keys = after === undefined ? ['k1', 'k2'] : ['k3', 'k4'];
        const items = keys.map((itemKey) => ({
          itemKey,
          folderId: folder.id,
          time: '2026-01-01T08:00:00.000Z',
          size: contents[itemKey]?.length ?? 0,
          subject: subjects[itemKey] ?? '',
          from: 'bob@contoso.example',
          hasAttachments: false,
        }));
        return after === undefined ? { items, next: 'more' } : { items };
      }),
      await serveQuestion(api.messaging, 'default', 'exploreMime', async ({ itemKey, offset }) => {
        const bytes = contents[itemKey] ?? Buffer.alloc(0);
        const sha256 = createHash('sha256').update(bytes).digest('hex');
        return {
          size: bytes.length,
          sha256,
          data: bytes.subarray(offset, offset + 512 * 1024).toString('base64'),
        };
      }),
    );
  });
  afterAll(async () => {
    for (const one of running) await one.stop();
  });

  test('are found by mailbox, browsed by path', async () => {
    expect((await cli.run(['point', 'list', 'anna@contoso.example'])).out).toContain('repo-1.p1');
    expect((await cli.json(['point', 'folders', 'anna@contoso.example'])).document.items).toHaveLength(1);
    const items = await cli.json(['point', 'items', 'repo-1.p1', '/inbox']);
    expect(items.document.items.map((item: { itemKey: string }) => item.itemKey)).toEqual([
      'k1',
      'k2',
      'k3',
      'k4',
    ]);
  });

  test('a folder is exported byte for byte, under names that stay in the folder', async () => {
    const target = directory.at('export');
    const result = await cli.json(['point', 'export', 'repo-1.p1', '/Inbox', '-o', target]);
    expect(result.code).toBe(0);
    const files = await readdir(target);
    expect(files).toHaveLength(4);
    for (const { file, itemKey } of result.document.exported) {
      expect(file.startsWith(`${target}/2026-01-01 `)).toBe(true);
      expect((await readFile(file)).equals(contents[itemKey] ?? Buffer.alloc(1))).toBe(true);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
    }
    for (const file of files) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that none is there is the point
      expect(file).not.toMatch(/[\u0000-\u001f/\\:*?"<>|]|\.\.\/|\.partial$/);
      expect(Buffer.byteLength(file)).toBeLessThan(200);
    }
  });

  test('one message goes to stdout as it is', async () => {
    const result = await cli.run(['point', 'export', 'repo-1.p1', '/Inbox', 'k1', '-o', '-'], {
      asProcess: true,
    });
    expect(result).toMatchObject({ code: 0, out: contents.k1?.toString() });
  });

  test('an item that is not there is named, and what is there is exported', async () => {
    const result = await cli.json([
      'point',
      'export',
      'repo-1.p1',
      '/Inbox',
      'k1',
      'k9',
      '-o',
      directory.at('some'),
    ]);
    expect(result.code).toBe(3);
    expect(result.document).toMatchObject({ exported: [{ itemKey: 'k1' }], failed: [{ itemKey: 'k9' }] });
  });

  test('a restore is started by mailbox, watched to its end, and its ledger shown', async () => {
    const args = [
      'restore',
      'start',
      '--mailbox',
      'anna@contoso.example',
      '--folder',
      '/Inbox',
      '--into',
      '/Back',
    ];
    const made = await cli.json(args);
    expect(made.code).toBe(0);
    expect(made.document.input).toMatchObject({
      selection: { kind: 'folders', folders: ['/Inbox'], withSubfolders: true },
      target: { folderPath: '/Back' },
    });
    const watching = cli.run(['restore', 'watch', 'latest']);
    await modify(api.store.collection(collections.restoreSessions), made.document.id, (session) => ({
      ...session,
      state: 'success' as const,
      progress: { ...session.progress, itemsTotal: 4, itemsDone: 4, created: 4 },
    }));
    const watched = await watching;
    expect(watched.code).toBe(0);
    expect(watched.out).toMatch(/created\s+4/);
    expect(watched.out).toContain('100%');
    expect((await cli.run(['restore', 'ledger', made.document.id])).out).toContain('(none)');
    expect((await cli.run(['restore', 'cancel', made.document.id])).code).toBe(1);
  });
});
