import { bodyJson, CursorExpired, FolderGone, type MailboxReader } from '@holdfast/exchange';
import type { FaultAction } from '@holdfast/exchange-simulator';
import { afterEach, describe, expect, test } from '@jest/globals';
import { applyRound, countingBudget, foldersOf, signal, startWorld, type World } from './exchange.support.ts';

let world: World;
afterEach(() => world.close());

/** A mailbox that was read once, with the cursors of that time. */
async function open(concurrency = 4, recoverable = false) {
  world = await startWorld();
  const { control } = world.sim;
  const [user] = await control.users();
  const ref = { userId: user!.id, address: user!.userPrincipalName };
  const connector = world.connect({ budget: countingBudget(concurrency) });
  const openReader = () => connector.reader(ref, { signal, recoverable });
  const reader = await openReader();
  const project = await control.addFolder(user!.id, 'Projekt', 'inbox');
  await control.addGenerated(user!.id, project.id, 3);
  const { folders, cursor } = await foldersOf(reader);
  const cursors = new Map<string, string>();
  for (const { id, role } of folders) {
    if (role !== 'recoverableitemsroot') cursors.set(id, await applyRound(reader, id, new Map()));
  }
  await reader.close();
  const idOf = (role: string) => folders.find((folder) => folder.role === role)!.id;
  await control.resetStatistics();
  return { control, user: user!, openReader, cursor, cursors, project: project.id, idOf };
}
type Opened = Awaited<ReturnType<typeof open>>;

async function announced({ openReader, cursor, cursors }: Opened): Promise<MailboxReader> {
  const reader = await openReader();
  reader.announce({ folders: cursor, items: cursors });
  return reader;
}

/** All that one round tells, with the bodies as text, and where it goes on. */
async function roundOf(
  reader: MailboxReader,
  folderId: string,
  cursor: string | undefined,
): Promise<unknown[]> {
  const told: unknown[] = [];
  for await (const { changes, done } of reader.itemChanges(folderId, cursor)) {
    for (const change of changes) {
      const body =
        'body' in change && change.body ? Buffer.from(bodyJson(change.body)).toString() : undefined;
      told.push({ ...change, body });
    }
    told.push(done);
  }
  return told;
}

describe('what was announced', () => {
  test('and is unchanged costs one exchange, of which each part is counted as what it is', async () => {
    const opened = await open();
    const reader = await announced(opened);
    expect((await foldersOf(reader, opened.cursor)).folders).toEqual([]);
    for (const [id, cursor] of opened.cursors) expect(await roundOf(reader, id, cursor)).toEqual([true]);
    const { exchanges, byKind, byMailbox } = await opened.control.statistics();
    const folders = opened.cursors.size;
    expect(exchanges).toBe(1);
    expect(byKind).toEqual({ batch: 1, 'folders.delta': 1, 'messages.delta': folders });
    expect(byMailbox).toEqual({ [opened.user.id]: folders + 1 });
    expect(reader.statistics.requests).toBe(folders + 1);
    await reader.close();
  });

  test('and is unchanged costs more exchanges where fewer than four may run at a time', async () => {
    const opened = await open(3);
    const reader = await announced(opened);
    await foldersOf(reader, opened.cursor);
    for (const [id, cursor] of opened.cursors) await applyRound(reader, id, new Map(), cursor);
    const { exchanges, usage, byMailbox } = await opened.control.statistics();
    expect(exchanges).toBe(Math.ceil((opened.cursors.size + 1) / 3));
    expect(byMailbox).toEqual({ [opened.user.id]: opened.cursors.size + 1 });
    expect(usage.find(({ mailbox }) => mailbox === opened.user.id)?.peakConcurrency).toBeLessThanOrEqual(3);
  });

  test('with Recoverable Items costs their list besides', async () => {
    const opened = await open(4, true);
    const reader = await announced(opened);
    expect((await foldersOf(reader, opened.cursor)).folders).toEqual([]);
    for (const [id, cursor] of opened.cursors) await applyRound(reader, id, new Map(), cursor);
    const { exchanges, byKind } = await opened.control.statistics();
    expect(exchanges).toBe(2);
    expect(byKind).toMatchObject({ batch: 1, 'folders.list': 1, 'messages.delta': opened.cursors.size });
  });

  test('is told as single requests tell it, to the byte', async () => {
    const opened = await open();
    const { control, user, cursors } = opened;
    await control.addGenerated(user.id, opened.project, 2);
    await control.churn(user.id, { new: 60, changed: 8, moved: 6, deleted: 5 });
    await control.renameFolder(user.id, opened.project, 'Projekte');
    const single = await opened.openReader();
    const together = await announced(opened);
    const [one, other] = [await foldersOf(single, opened.cursor), await foldersOf(together, opened.cursor)];
    expect(other.folders).toEqual(one.folders);
    expect(one.folders).toMatchObject([{ name: 'Projekte' }]);
    let changes = 0;
    for (const [id, cursor] of cursors) {
      const sorted = (rows: unknown[]) => rows.filter((told) => typeof told === 'object');
      const expected = sorted(await roundOf(single, id, cursor));
      expect(sorted(await roundOf(together, id, cursor))).toEqual(expected);
      changes += expected.length;
    }
    expect(changes).toBeGreaterThan(70);
    const { byKind } = await control.statistics();
    expect(byKind.batch).toBe(1);
  });
});

describe('trouble with a part', () => {
  test('an expired cursor and a folder that is gone are told of those folders alone', async () => {
    const opened = await open();
    const { control, user, project, idOf, cursors } = opened;
    await control.deleteFolder(user.id, project);
    await control.expireDeltaTokens({ mailbox: user.id, folder: idOf('inbox') });
    const reader = await announced(opened);
    const tree = reader.folderChanges(opened.cursor);
    for await (const { changes } of tree) expect(changes).toEqual([{ kind: 'removed', id: project }]);
    for (const [id, cursor] of cursors) {
      const round = roundOf(reader, id, cursor);
      if (id === project) await expect(round).rejects.toBeInstanceOf(FolderGone);
      else if (id === idOf('inbox')) await expect(round).rejects.toBeInstanceOf(CursorExpired);
      else expect(await round).toEqual([true]);
    }
    expect((await control.statistics()).exchanges).toBe(1);
  });

  test.each<[string, FaultAction, number]>([
    ['throttled', { type: 'status', status: 429, code: 'ApplicationThrottled', retryAfter: '0.2' }, 180],
    ['busy for a while', { type: 'status', status: 503, retryAfter: 0.2 }, 180],
    ['refused with the token', { type: 'expiredToken' }, 0],
  ])('a part that is %s is asked for again, and nothing else is', async (_, action, throttledMs) => {
    const opened = await open();
    await opened.control.addFault({
      ...{ kind: 'messages.delta', folder: opened.idOf('inbox'), times: 1 },
      action,
    });
    const reader = await announced(opened);
    await foldersOf(reader, opened.cursor);
    for (const [id, cursor] of opened.cursors) expect(await roundOf(reader, id, cursor)).toEqual([true]);
    const { exchanges, byKind } = await opened.control.statistics();
    expect([exchanges, byKind['messages.delta']]).toEqual([2, opened.cursors.size + 1]);
    expect(reader.statistics.throttledMs).toBeGreaterThanOrEqual(throttledMs);
  });
});

describe('trouble with a batch', () => {
  test.each<[string, FaultAction]>([
    ['cut off', { type: 'reset' }],
    ['refused for the moment', { type: 'status', status: 503 }],
  ])('that is %s is got over', async (_, action) => {
    const opened = await open();
    await opened.control.addFault({ kind: 'batch', times: 2, action });
    const reader = await announced(opened);
    await foldersOf(reader, opened.cursor);
    for (const [id, cursor] of opened.cursors) expect(await roundOf(reader, id, cursor)).toEqual([true]);
    expect((await opened.control.statistics()).exchanges).toBe(3);
  });

  test.each([400, 404, 405, 413])('that is refused with %d leaves single requests', async (status) => {
    const opened = await open();
    const { control, user, cursors } = opened;
    await control.addFault({ kind: 'batch', action: { type: 'status', status, code: 'BadRequest' } });
    await control.addGenerated(user.id, opened.project, 2);
    const reader = await announced(opened);
    await foldersOf(reader, opened.cursor);
    let changes = 0;
    for (const [id, cursor] of cursors) changes += (await roundOf(reader, id, cursor)).length - 1;
    expect(changes).toBe(2);
    const { byKind } = await control.statistics();
    expect(byKind).toEqual({ batch: 1, 'folders.delta': 1, 'messages.delta': cursors.size });
  });
});
