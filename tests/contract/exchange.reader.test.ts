import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { CursorExpired, DeltaUnavailable, FolderGone, type ItemUpsert } from '@holdfast/exchange';
import { waitFor } from '@holdfast/testing';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  applyRound,
  countingBudget,
  foldersOf,
  signal,
  startWorld,
  tenantWith,
  type World,
  whole,
} from './exchange.support.ts';

let world: World;
afterEach(() => world.close());

async function open(options: Parameters<typeof startWorld>[0] = {}, budget = countingBudget()) {
  world = await startWorld(options);
  const connector = world.connect({ budget });
  const users = await world.sim.control.users();
  const user = users[0]!;
  const reader = await connector.reader({ userId: user.id, address: user.userPrincipalName }, { signal });
  return { connector, control: world.sim.control, user, users, reader, budget };
}
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const ids = (items: Map<string, ItemUpsert>) => [...items.keys()].sort();

describe('a mailbox of the simulator', () => {
  test('is read completely: folders with roles, every message byte for byte', async () => {
    const { reader, control, user } = await open();
    const snapshot = await control.snapshot(user.id);
    const { folders } = await foldersOf(reader);
    const visible = snapshot.folders.filter((f) => folders.some((own) => own.id === f.id));
    for (const folder of visible.filter((f) => f.wellKnownName !== null)) {
      expect(folders.find((own) => own.id === folder.id)?.role).toBe(folder.wellKnownName);
    }
    const hashes = new Map<string, string>();
    for (const folder of folders) {
      const items = new Map<string, ItemUpsert>();
      await applyRound(reader, folder.id, items);
      expect(items.size).toBe(folder.itemCount);
      for (const item of items.values())
        hashes.set(item.id, sha256(await whole((await reader.content(item)).mime)));
    }
    const expected = snapshot.messages.filter((m) => folders.some((f) => f.id === m.folderId));
    expect(hashes.size).toBe(expected.length);
    for (const message of expected) expect(hashes.get(message.id)).toBe(message.mimeSha256);
  });

  test('unchanged costs one request for the folders and one for each folder, nothing else', async () => {
    const { reader, control } = await open();
    const { folders, cursor } = await foldersOf(reader);
    const cursors = new Map<string, string>();
    for (const folder of folders) cursors.set(folder.id, await applyRound(reader, folder.id, new Map()));
    await control.resetStatistics();
    const again = await foldersOf(reader, cursor);
    for (const folder of folders) await applyRound(reader, folder.id, new Map(), cursors.get(folder.id));
    expect(again.folders).toEqual([]);
    expect((await control.statistics()).requests).toBe(1 + folders.length);
  });

  test('follows a day of changes through chaos: duplicates, replays, empty and random pages', async () => {
    const { reader, control, user } = await open(
      tenantWith({ mailboxes: 1, messagesPerMailbox: 150, profile: 'small' }),
    );
    await control.setChaos({ duplicates: 0.2, replays: 0.5, emptyPages: 0.3, randomPageSizes: true });
    const { folders } = await foldersOf(reader);
    const state = new Map(folders.map((f) => [f.id, { items: new Map<string, ItemUpsert>(), cursor: '' }]));
    for (const folder of folders) {
      const own = state.get(folder.id)!;
      own.cursor = await applyRound(reader, folder.id, own.items);
    }
    for (let day = 0; day < 3; day++) {
      await control.churn(user.id, { new: 10, changed: 8, moved: 6, deleted: 5 });
      for (const own of state) own[1].cursor = await applyRound(reader, own[0], own[1].items, own[1].cursor);
      const { messages } = await control.snapshot(user.id);
      for (const [folderId, { items }] of state) {
        const expected = messages.filter((m) => m.folderId === folderId);
        expect(ids(items)).toEqual(expected.map((m) => m.id).sort());
        for (const message of expected) {
          expect(items.get(message.id)?.state).toMatchObject({
            isRead: message.isRead,
            categories: message.categories,
          });
        }
      }
    }
  });

  test('a flipped read flag needs no content, a changed body does; a move keeps id and content key', async () => {
    const { reader, control, user } = await open();
    const inbox = (await foldersOf(reader)).folders.find((f) => f.role === 'inbox')!;
    const items = new Map<string, ItemUpsert>();
    const cursor = await applyRound(reader, inbox.id, items);
    const [first, second, third] = [...items.values()] as [ItemUpsert, ItemUpsert, ItemUpsert];
    await control.changeState(user.id, first.id, {
      isRead: first.state.isRead !== true,
      categories: ['Red'],
    });
    await control.changeBody(user.id, second.id);
    await control.moveMessage(user.id, third.id, 'archive');
    const changed = new Map<string, ItemUpsert>();
    for await (const batch of reader.itemChanges(inbox.id, cursor)) {
      for (const change of batch.changes) if (change.kind === 'upsert') changed.set(change.id, change);
    }
    expect(changed.get(first.id)).toMatchObject({
      contentKey: first.contentKey,
      state: { categories: ['Red'] },
    });
    expect(changed.get(second.id)?.contentKey).not.toBe(second.contentKey);
    expect(changed.has(third.id)).toBe(false);
    expect((await reader.item(third.id)).contentKey).toBe(third.contentKey);
  });

  test('the inventory of a folder agrees with its change tracking', async () => {
    const { reader } = await open();
    const inbox = (await foldersOf(reader)).folders.find((f) => f.role === 'inbox')!;
    const items = new Map<string, ItemUpsert>();
    await applyRound(reader, inbox.id, items);
    const listed: ItemUpsert[] = [];
    for await (const page of reader.inventory(inbox.id)) listed.push(...page);
    expect(listed.map((i) => [i.id, i.contentKey]).sort()).toEqual(
      [...items.values()].map((i) => [i.id, i.contentKey]).sort(),
    );
  });

  test('classes of folders are read: in a full list, and by themselves for what changes tell', async () => {
    const { reader, control, user, connector } = await open();
    const folderClass = 'IPF.Note.OutlookHomepage';
    const writer = await connector.writer({ userId: user.id, address: '' }, { signal });
    const { id } = await writer.ensureFolder(null, 'Feeds', { folderClass });
    const { folders, cursor } = await foldersOf(reader);
    expect(folders.find((one) => one.id === id)?.folderClass).toBe(folderClass);
    expect(folders.find((one) => one.role === 'inbox')?.folderClass).toBe('IPF.Note');
    await control.renameFolder(user.id, id, 'News');
    const later = await foldersOf(reader, cursor);
    expect(later.folders).toMatchObject([{ id, name: 'News' }]);
    expect(later.folders[0]?.folderClass).toBeUndefined();
    expect([...(await reader.folderClasses([id]))]).toEqual([[id, folderClass]]);
  });

  test('Recoverable Items are read when they are asked for, for one request more', async () => {
    const { control, user, connector, reader } = await open();
    const [first] = (await control.snapshot(user.id)).messages;
    await control.deleteMessage(user.id, first!.id, 'soft');
    const isRecoverable = ({ role }: { role?: string }) => role?.startsWith('recoverable') === true;
    expect((await foldersOf(reader)).folders.filter(isRecoverable)).toEqual([]);
    expect((await reader.folders()).filter(isRecoverable)).toEqual([]);
    const ref = { userId: user.id, address: user.userPrincipalName };
    const curious = await connector.reader(ref, { signal, recoverable: true });
    const { folders, cursor } = await foldersOf(curious);
    const found = folders.filter(isRecoverable).map(({ role, name }) => `${role} ${name}`);
    expect(found).toEqual([
      'recoverableitemsroot Recoverable Items',
      'recoverableitemsdeletions Deletions',
      'recoverableitemspurges Purges',
    ]);
    const items = new Map<string, ItemUpsert>();
    const { id } = folders.find(({ role }) => role === 'recoverableitemsdeletions')!;
    const at = await applyRound(curious, id, items);
    expect(ids(items)).toEqual([first!.id]);
    await control.resetStatistics();
    expect((await foldersOf(curious, cursor)).folders).toEqual([]);
    await applyRound(curious, id, items, at);
    expect((await control.statistics()).requests).toBe(3);
    await expect(foldersOf(reader, cursor)).rejects.toBeInstanceOf(CursorExpired);
  });

  test('a search folder is not read, a hidden one is', async () => {
    const { reader, control, user } = await open();
    await control.addFolder(user.id, 'Suche', undefined, 'search');
    await control.addFolder(user.id, 'Verborgen', undefined, 'hidden');
    const { folders } = await foldersOf(reader);
    expect(folders.map((f) => f.name)).not.toContain('Suche');
    expect(folders.find((f) => f.name === 'Verborgen')?.hidden).toBe(true);
  });
});

describe('trouble at the source', () => {
  test('expired cursors and deleted folders are told apart', async () => {
    const { reader, control, user } = await open();
    const own = await control.addFolder(user.id, 'Projekt', 'inbox');
    await control.addGenerated(user.id, own.id, 3);
    const { folders, cursor } = await foldersOf(reader);
    const inbox = folders.find((f) => f.role === 'inbox')!;
    const kept = await applyRound(reader, inbox.id, new Map());
    const gone = await applyRound(reader, own.id, new Map());
    await control.deleteFolder(user.id, own.id);
    await expect(applyRound(reader, own.id, new Map(), gone)).rejects.toBeInstanceOf(FolderGone);
    await control.expireDeltaTokens({ mailbox: user.id });
    await expect(applyRound(reader, inbox.id, new Map(), kept)).rejects.toBeInstanceOf(CursorExpired);
    await expect(foldersOf(reader, cursor)).rejects.toBeInstanceOf(CursorExpired);
    expect((await applyRound(reader, inbox.id, new Map())).length).toBeGreaterThan(0);
  });

  test('an item that vanishes between list and get, and one that is corrupt for ever', async () => {
    const { reader, control } = await open();
    const inbox = (await foldersOf(reader)).folders.find((f) => f.role === 'inbox')!;
    const items = new Map<string, ItemUpsert>();
    await applyRound(reader, inbox.id, items);
    const [first, second, third] = [...items.values()] as [ItemUpsert, ItemUpsert, ItemUpsert];
    await control.addFault({ kind: 'message.value', message: first.id, action: { type: 'vanish' } });
    await control.addFault({ kind: 'message.value', message: second.id, action: { type: 'corrupt' } });
    await expect(reader.content(first)).rejects.toMatchObject({ errorClass: 'vanished' });
    await expect(reader.content(second)).rejects.toMatchObject({
      errorClass: 'permanent-item',
      code: 'item-corrupt',
      details: { requestId: expect.any(String) },
    });
    expect((await reader.content(third)).mime).toBeDefined();
  });

  test('resets in the middle of a body, empty 503s, expired tokens and sporadic 400s are got over', async () => {
    const { reader, control } = await open();
    await control.addFault({ action: { type: 'reset' }, times: 2, path: 'messages' });
    await control.addFault({ action: { type: 'status', status: 503 }, times: 2 });
    await control.addFault({ action: { type: 'status', status: 400, code: 'invalidRequest' }, times: 1 });
    await control.addFault({ action: { type: 'expiredToken' }, times: 1 });
    const { folders } = await foldersOf(reader);
    const inbox = folders.find((f) => f.role === 'inbox')!;
    const items = new Map<string, ItemUpsert>();
    await applyRound(reader, inbox.id, items);
    expect(items.size).toBe(inbox.itemCount);
    for (const { rule, struck } of await control.faults()) expect(struck).toBe(rule.times);
    expect(reader.statistics.repeats).toBeGreaterThanOrEqual(6);
  });

  test('a full mailbox has no change tracking and is read all the same', async () => {
    const { reader, control, user } = await open();
    await control.setMailboxKind(user.id, 'full');
    const { folders, cursor } = await foldersOf(reader);
    const inbox = folders.find((f) => f.role === 'inbox')!;
    await expect(applyRound(reader, inbox.id, new Map())).rejects.toBeInstanceOf(DeltaUnavailable);
    let count = 0;
    for await (const page of reader.inventory(inbox.id)) count += page.length;
    expect(count).toBe(inbox.itemCount);
    await expect(foldersOf(reader, cursor)).rejects.toBeInstanceOf(CursorExpired);
  });

  test('an outage of Graph is waited for: nothing fails, and few requests are wasted on it', async () => {
    world = await startWorld();
    const told = { repeats: 0, opened: 0 };
    const connector = world.connect({
      breaker: { resetMs: 150, volumeThreshold: 5, patienceMs: 20_000 },
      retry: { baseMs: 20, longestMs: 100 },
      logger: { debug: () => void told.repeats++, warn: () => void told.opened++ },
    });
    const { control } = world.sim;
    const [user] = await control.users();
    const reader = await connector.reader({ userId: user!.id, address: '' }, { signal });
    const inbox = (await foldersOf(reader)).folders.find((f) => f.role === 'inbox')!;
    const items = new Map<string, ItemUpsert>();
    await applyRound(reader, inbox.id, items);
    await control.setOutage('graph', { status: 503 });
    const contents = Promise.all(
      [...items.values()].map(async (item) => whole((await reader.content(item)).mime)),
    );
    await waitFor(() => told.opened >= 4, { what: 'the breaker to open again after trials that failed' });
    const wasted = told.repeats;
    await control.setOutage('graph', null);
    expect(await contents).toHaveLength(items.size);
    expect(wasted).toBeLessThan(20);
  });

  test.each([
    ['none', { errorClass: 'permanent-mailbox', code: 'no-cloud-mailbox' }],
    ['outOfScope', { errorClass: 'forbidden', code: 'access-denied' }],
  ] as const)('a mailbox of kind %s says what is wrong and what to do', async (kind, expected) => {
    const { reader, control, user } = await open();
    await control.setMailboxKind(user.id, kind);
    await expect(foldersOf(reader)).rejects.toMatchObject({ ...expected, remedy: expect.any(String) });
  });
});

describe("Microsoft's limits", () => {
  test('P9: many contents at once never make a fifth request at a time', async () => {
    const { reader, control, user, budget } = await open({
      ...tenantWith({ mailboxes: 1, messagesPerMailbox: 80, profile: 'small' }),
      limits: { latencyMs: [1, 5] },
    });
    const { folders } = await foldersOf(reader);
    for (const folder of folders) {
      const items = new Map<string, ItemUpsert>();
      await applyRound(reader, folder.id, items);
      await Promise.all([...items.values()].map(async (item) => whole((await reader.content(item)).mime)));
    }
    const statistics = await control.statistics();
    const usage = statistics.usage.find((u) => u.mailbox === user.id);
    expect(usage?.peakConcurrency).toBeLessThanOrEqual(4);
    expect(statistics.throttled).toBe(0);
    await reader.close();
    expect(budget.held).toBe(0);
  });

  test('a rate that is lower than ours stops the mailbox by its fence, with a fractional Retry-After, and loses nothing', async () => {
    const { reader, control } = await open({
      limits: { requests: 30, requestWindowMs: 700, retryAfter: 0.25 },
    });
    const { folders } = await foldersOf(reader);
    const inbox = folders.find((f) => f.role === 'inbox')!;
    const items = new Map<string, ItemUpsert>();
    await applyRound(reader, inbox.id, items);
    await Promise.all([...items.values()].map(async (item) => whole((await reader.content(item)).mime)));
    expect(items.size).toBe(inbox.itemCount);
    expect((await control.statistics()).throttled).toBeGreaterThan(0);
    expect(reader.statistics.throttledMs).toBeGreaterThan(100);
  });

  test('our own meter keeps below a known rate, so that nothing is ever refused', async () => {
    world = await startWorld({ limits: { requests: 60, requestWindowMs: 1_500 } });
    const connector = world.connect({ limits: { requests: { limit: 55, windowMs: 1_600 } } });
    const [user] = await world.sim.control.users();
    const reader = await connector.reader({ userId: user!.id, address: '' }, { signal });
    const { folders } = await foldersOf(reader);
    for (const folder of folders) {
      const items = new Map<string, ItemUpsert>();
      await applyRound(reader, folder.id, items);
      await Promise.all([...items.values()].map((item) => reader.content(item)));
    }
    expect((await world.sim.control.statistics()).throttled).toBe(0);
    expect(reader.statistics.throttledMs).toBeGreaterThan(0);
  });
});

const corpus = resolve(
  process.env.HOLDFAST_SHARED ?? resolve(import.meta.dirname, '../../../shared'),
  'mail-corpus',
);
if (existsSync(corpus)) {
  test('real and nasty mail: every message byte for byte', async () => {
    const { connector, control, users } = await open(tenantWith({ mailboxes: 1, mail: corpus }));
    let messages = 0;
    for (const user of users) {
      const reader = await connector.reader({ userId: user.id, address: '' }, { signal });
      const { folders } = await foldersOf(reader);
      const snapshot = new Map((await control.snapshot(user.id)).messages.map((m) => [m.id, m]));
      for (const folder of folders) {
        const items = new Map<string, ItemUpsert>();
        await applyRound(reader, folder.id, items);
        for (const item of items.values()) {
          const { mime } = await reader.content(item);
          expect(sha256(await whole(mime))).toBe(snapshot.get(item.id)?.mimeSha256);
          messages++;
        }
      }
      await reader.close();
    }
    expect(messages).toBeGreaterThan(200);
  });
} else {
  process.stdout.write(`the mail corpus is not at ${corpus}: its test is left out\n`);
}
