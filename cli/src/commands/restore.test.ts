import { writeFile } from 'node:fs/promises';
import {
  collections,
  type PlanLine,
  planPageIdOf,
  type RestorePlanSummary,
  type RestorePointRecord,
  type RestoreSession,
  zeroTotals,
} from '@holdfast/contracts';
import {
  buildMailbox,
  buildOrganization,
  buildRepository,
  buildRestorePart,
  buildRestoreSession,
  temporaryDirectory,
  waitFor,
} from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../../../services/api/src/testing/startTestApi.ts';
import { cliFor } from '../testing/startCli.ts';

const plan: RestorePlanSummary = {
  ...{ generation: 1, digest: 'digest-1', madeAt: '2026-03-01T00:00:00.000Z', items: 2, create: 1, skip: 0 },
  ...{
    overwrite: 1,
    rename: 0,
    cannot: 0,
    partly: 0,
    bytes: 2048,
    requests: 6,
    seconds: 2,
    foldersToCreate: 0,
  },
  ...{
    approvalReasons: ['overwrites'],
    warnings: [{ code: 'export-quicker', message: 'An export is quicker.' }],
  },
};

const point = (mailboxId: string): RestorePointRecord => ({
  ...{ id: `repo-1.p-${mailboxId}`, pointId: `p-${mailboxId}`, pointName: 'name', repositoryId: 'repo-1' },
  ...{ organizationId: 'org-1', mailboxId, mailboxAddress: `${mailboxId}@contoso.example`, jobId: 'job-1' },
  ...{
    runId: 'run-1',
    kind: 'full',
    time: '2026-01-01T00:00:00.000Z',
    committedAt: '2026-01-01T00:00:00.000Z',
  },
  ...{ itemsTotal: 1, folders: 1, gapsOpen: 0, totals: zeroTotals },
});

let api: TestApi;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
const cli = cliFor(() => api);
let number = 0;
beforeAll(async () => {
  api = await startTestApi();
  directory = await temporaryDirectory();
  await api.insert(
    'organizations',
    buildOrganization(),
    buildOrganization({ id: 'org-2', name: 'Fabrikam' }),
  );
  await api.insert('repositories', buildRepository());
  await api.insert(
    'mailboxes',
    buildMailbox({ id: 'mbx-1', userId: 'anna', address: 'anna@contoso.example' }),
    buildMailbox({ id: 'mbx-2', userId: 'bob', address: 'bob@contoso.example' }),
    buildMailbox({ id: 'mbx-3', organizationId: 'org-2', userId: 'carl', address: 'carl@fabrikam.example' }),
  );
  await api.insert('restorePoints', point('mbx-1'), point('mbx-2'));
});
afterAll(async () => {
  await api.stop();
  await directory.remove();
});

async function session(given: Partial<RestoreSession>): Promise<string> {
  const id = `restore-${++number}`;
  await api.insert('restoreParts', buildRestorePart({ sessionId: id }));
  await api.insert('restoreSessions', buildRestoreSession({ id, plan, ...given }));
  return id;
}
const stored = async (id: string) => (await api.store.collection(collections.restoreSessions).get(id))?.doc;
async function change(id: string, given: Partial<RestoreSession>): Promise<void> {
  const sessions = api.store.collection(collections.restoreSessions);
  const held = await sessions.get(id);
  if (held === undefined) throw new Error(`there is no session ${id}`);
  await sessions.replace({ ...held.doc, ...given }, held.version);
}
const start = (...args: string[]) => cli.json(['restore', 'start', '--repo', 'main', ...args]);

describe('restore start', () => {
  test('takes several mailboxes, policies and what not to keep', async () => {
    const two = ['--mailbox', 'anna@contoso.example', '--mailbox', 'bob@contoso.example', '--org', 'contoso'];
    const how = ['--on-conflict', 'overwrite', '--only', 'missing-or-changed', '--no-flags', '--plan'];
    const { code, document } = await start(...two, ...how);
    expect(code).toBe(0);
    expect(document).toMatchObject({
      parts: 2,
      input: {
        ...{ onConflict: 'overwrite', only: 'missing-or-changed', approve: false },
        keep: { readState: true, flags: false, categories: true },
      },
    });
  });

  test('goes to another organization', async () => {
    const target = ['--to-org', 'fabrikam', '--to', 'carl@fabrikam.example', '--into', '/Old'];
    const { document } = await start('--mailbox', 'anna@contoso.example', '--org', 'contoso', ...target);
    expect(document).toMatchObject({ targetOrganizationId: 'org-2', targetAddress: 'carl@fabrikam.example' });
  });

  test('takes the items of a search from a file', async () => {
    const file = directory.at('found.json');
    const items = ['mbx-1', 'mbx-2'].map((mailboxId) => ({
      mailboxId,
      folderId: 'f',
      itemKey: 'k',
      subject: 's',
    }));
    await writeFile(file, JSON.stringify({ items }));
    const { document } = await start('--items-file', file);
    expect(document).toMatchObject({ parts: 2, input: { selection: { kind: 'search' } } });
    await writeFile(file, 'nonsense');
    const wrong = await cli.run(['restore', 'start', '--repo', 'main', '--items-file', file]);
    expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('is no JSON') });
  });
});

test('an export is shown as what it wrote, not as what it restored', async () => {
  const exported = {
    ...{ items: 3, failed: 0, bytes: 2048, volumes: 1, worker: 'restore-1', folder: 'export-9' },
    expiresAt: '2026-03-08T00:00:00.000Z',
  };
  const exportOptions = { format: 'zip' as const, splitBytes: 1024 ** 3, withProperties: false };
  const id = await session({ kind: 'export', state: 'success', plan: undefined, exported, exportOptions });
  const { out } = await cli.run(['restore', 'show', id]);
  expect(out).toContain(`export ${id}: success`);
  expect(out).toContain('1 volume in export-9 of restore-1');
  for (const word of ['overwritten', 'requests', 'folders made']) expect(out).not.toContain(word);
});

test('the list says what was chosen, and where it went', async () => {
  const selection = { kind: 'folders' as const, folders: ['/Inbox/Plans'], withSubfolders: true };
  const input = { ...buildRestoreSession().input, selection };
  const id = await session({ input, targetAddress: 'carl@fabrikam.example' });
  const { out } = await cli.run(['restore', 'list', '--limit', '100']);
  const line = out.split('\n').find((one) => one.includes(`${id} `));
  expect(line).toContain('folder /Inbox/Plans');
  expect(line).toContain('carl@fabrikam.example');
  expect(out).toContain('files (zip)');
});

describe('a restore that waits', () => {
  test('is watched until it waits, and says how it goes on', async () => {
    const id = await session({ state: 'planned' });
    const { code, out, err } = await cli.run(['restore', 'watch', id]);
    expect(code).toBe(0);
    expect(out).toContain('1 create, 1 overwrite');
    expect(out).toContain(`holdfast restore approve ${id} --confirm digest-1`);
    expect(out + err).toContain('An export is quicker.');
  });

  test('shows its plan line by line, and is approved by its digest only', async () => {
    const id = await session({ state: 'planned' });
    const line: PlanLine = {
      ...{ part: 0, position: 0, itemKey: 'k', folderPath: '/Inbox', targetPath: '/Posteingang' },
      ...{
        subject: 'Plan',
        action: 'overwrite',
        size: 2048,
        notes: ['attachment x: It is a link, not a file.'],
      },
    };
    await api.insert('restorePlan', {
      id: planPageIdOf(id, 1, 0, 0),
      sessionId: id,
      generation: 1,
      lines: [line],
    } as {
      id: string;
    });
    const shown = await cli.run(['restore', 'plan', id]);
    for (const part of ['/Inbox', 'Plan', 'overwrite', '/Posteingang', 'It is a link'])
      expect(shown.out).toContain(part);
    const blind = await cli.run(['restore', 'approve', id]);
    expect(blind).toMatchObject({ code: 2, err: expect.stringContaining('digest-1') });
    expect(await cli.run(['restore', 'approve', id, '--confirm', 'x'])).toMatchObject({ code: 1 });
    expect((await cli.run(['restore', 'approve', id, '--confirm', 'digest-1'])).code).toBe(0);
    expect(await stored(id)).toMatchObject({ state: 'approved' });
    const other = await session({ state: 'planned' });
    const following = cli.run(['restore', 'approve', other, '--confirm', 'digest-1', '--watch']);
    await waitFor(async () => (await stored(other))?.state === 'approved', { what: 'it is approved' });
    await change(other, { state: 'success' });
    const followed = await following;
    expect(followed).toMatchObject({ code: 0, out: expect.stringContaining(`restore ${other}: success`) });
  });

  test('is paused, resumed and cancelled', async () => {
    const id = await session({ state: 'running' });
    expect((await cli.run(['restore', 'pause', id])).out).toContain('Pausing');
    expect(await stored(id)).toMatchObject({ pauseRequested: true });
    expect((await cli.run(['restore', 'resume', id])).code).toBe(0);
    expect((await cli.run(['restore', 'cancel', id])).code).toBe(0);
    expect(await stored(id)).toMatchObject({ pauseRequested: false, cancelRequested: true });
    expect((await cli.run(['restore', 'parts', id])).out).toContain('mbx-1@contoso.example');
  });
});

test('token add makes one with a role', async () => {
  const { document } = await cli.json(['token', 'add', 'helpdesk', '--role', 'restore-operator']);
  expect(document).toMatchObject({ name: 'helpdesk', role: 'restore-operator' });
  const refused = await cli.run(['job', 'list'], { env: { HOLDFAST_TOKEN: document.token } });
  expect(refused).toMatchObject({
    code: expect.any(Number),
    err: expect.stringContaining('restore-operator'),
  });
  expect(refused.code).not.toBe(0);
  expect((await cli.run(['restore', 'list'], { env: { HOLDFAST_TOKEN: document.token } })).code).toBe(0);
});
