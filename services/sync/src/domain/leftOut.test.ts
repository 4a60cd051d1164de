import { HoldfastError } from '@holdfast/contracts';
import { describe, expect, test } from '@jest/globals';
import { type RunOptions, SyncWorld } from '../testing/world.ts';

/** Two messages in each of some folders; `Newsletters/Old` is below the inbox. */
function filled(): { world: SyncWorld; news: string; old: string } {
  const world = new SyncWorld();
  const news = world.mailbox.addFolder({ name: 'Newsletters', parentId: 'inbox' }).id;
  const old = world.mailbox.addFolder({ name: 'Old', parentId: news }).id;
  for (const folder of ['inbox', 'deleteditems', news, old]) {
    world.mailbox.addMessage(folder);
    world.mailbox.addMessage(folder);
  }
  return { world, news, old };
}
const task = (world: SyncWorld, run: number) => world.taskResults.get(`run-${run}.mbx-1`);

describe('excluded folders', () => {
  test('are not read, and task and restore point say which they are', async () => {
    const { world, news, old } = filled();
    world.excludeFolders = [
      { kind: 'well-known', name: 'deleteditems' },
      { kind: 'path', path: '/inbox/newsletters' },
    ];
    await world.attempt();
    expect(world.stored()).toEqual(world.source());
    expect(Object.keys(world.stored())).not.toContain(old);
    const left = new Set([news, old, 'deleteditems']);
    for (const id of world.mailbox.contentCalls) {
      expect(left.has(world.mailbox.messages.get(id)?.folderId ?? '')).toBe(false);
    }
    const excluded = { foldersTotal: 2, folders: ['/Deleted Items', '/Inbox/Newsletters'] };
    expect(task(world, 1)).toMatchObject({ state: 'success', excluded, totals: { itemsTotal: 2 } });
    expect(world.vault.newest()?.facts.extra).toMatchObject({ excluded });
  });

  test('news in them makes no restore point, and the task says again what was left out', async () => {
    const { world, old } = filled();
    world.excludeFolders = [{ kind: 'path', path: '/Inbox/Newsletters' }];
    await world.attempt();
    world.mailbox.addMessage(old);
    world.mailbox.addFolder({ name: 'Newer', parentId: old });
    await world.attempt();
    expect(world.vault.full()).toHaveLength(1);
    expect(task(world, 2)).toMatchObject({ excluded: { folders: ['/Inbox/Newsletters'] } });
    expect(world.stored()).toEqual(world.source());
  });

  test('one that is excluded later goes from new restore points and stays in older ones', async () => {
    const { world } = filled();
    await world.attempt();
    world.excludeFolders = [{ kind: 'well-known', name: 'deleteditems' }];
    await world.attempt();
    expect(world.stored()).toEqual(world.source());
    const [first] = world.vault.full();
    expect([...world.vault.contentsOf(first!).keys()]).toContain('deleteditems');
  });

  test('one that is not excluded any more comes back fully', async () => {
    const { world } = filled();
    world.excludeFolders = [{ kind: 'path', path: '/Inbox/Newsletters' }];
    await world.attempt();
    await world.attempt();
    world.excludeFolders = [];
    await world.attempt();
    expect(world.stored()).toEqual(world.source());
    expect(task(world, 3)?.totals).toMatchObject({ itemsNew: 4, itemsTotal: 8 });
    expect(task(world, 3)?.excluded).toBeUndefined();
  });

  test('an item that is moved out of one is stored, and one that is moved in is gone', async () => {
    const { world, news } = filled();
    world.excludeFolders = [{ kind: 'path', path: '/Inbox/Newsletters' }];
    await world.attempt();
    const [inNews] = world.mailbox.inFolder(news);
    const [inInbox] = world.mailbox.inFolder('inbox');
    world.mailbox.moveMessage(inNews!.message.id, 'inbox');
    world.mailbox.moveMessage(inInbox!.message.id, news);
    await world.attempt();
    expect(world.stored()).toEqual(world.source());
    expect(task(world, 2)?.totals).toMatchObject({ itemsNew: 1, itemsRemoved: 1 });
  });
});

describe('Recoverable Items', () => {
  const withDeletions = () => {
    const world = new SyncWorld();
    const root = world.mailbox.addFolder({ name: 'Recoverable Items', role: 'recoverableitemsroot' }).id;
    const role = 'recoverableitemsdeletions';
    const deletions = world.mailbox.addFolder({ name: 'Deletions', parentId: root, role }).id;
    world.mailbox.addMessage('inbox');
    const gone = world.mailbox.addMessage('inbox');
    return { world, root, deletions, gone };
  };
  const deleteOne = ({ world, deletions, gone }: ReturnType<typeof withDeletions>) =>
    world.mailbox.moveMessage(gone, deletions);

  test('are left out unless the job wants them', async () => {
    const setting = withDeletions();
    const { world, root, deletions } = setting;
    deleteOne(setting);
    await world.attempt();
    expect(Object.keys(world.stored())).not.toContain(deletions);
    expect(Object.keys(world.stored())).not.toContain(root);
    expect(task(world, 1)).toMatchObject({ state: 'success', totals: { itemsTotal: 1 } });
  });

  test('are a root of their own; what is deleted moves there without being fetched again', async () => {
    const setting = withDeletions();
    const { world, root, deletions, gone } = setting;
    world.recoverable = true;
    await world.attempt();
    deleteOne(setting);
    await world.attempt();
    expect(world.stored()).toEqual(world.source());
    expect(Object.keys(world.stored()[deletions] ?? {})).toEqual([gone]);
    expect(world.mailbox.contentCalls).toHaveLength(2);
    const folders = world.vault.foldersOf(world.vault.newest()!);
    expect(folders.find(({ id }) => id === root)).toMatchObject({
      parentId: null,
      role: 'recoverableitemsroot',
    });
  });

  test('are listed in each run where the source refuses to track their changes; other folders are not', async () => {
    const setting = withDeletions();
    const { world, deletions } = setting;
    world.recoverable = true;
    deleteOne(setting);
    const refusing = (folder: string): RunOptions => ({
      wrap: ({ reader }) => ({
        reader: Object.assign(Object.create(reader), {
          async *itemChanges(id: string, cursor: string | undefined) {
            if (id === folder) throw new HoldfastError('request-refused', 'ours', 'It was refused.');
            yield* reader.itemChanges(id, cursor);
          },
        }),
      }),
    });
    await world.attempt(refusing(deletions));
    expect(world.stored()).toEqual(world.source());
    world.mailbox.addMessage(deletions);
    await world.attempt(refusing(deletions));
    expect(world.stored()).toEqual(world.source());
    await expect(world.attempt(refusing('inbox'))).rejects.toMatchObject({ code: 'request-refused' });
  });

  test('come into the next restore point when the job begins to want them, and leave it when it stops', async () => {
    const setting = withDeletions();
    const { world, deletions } = setting;
    deleteOne(setting);
    await world.attempt();
    world.recoverable = true;
    await world.attempt();
    expect(world.stored()).toEqual(world.source());
    expect(task(world, 2)?.totals).toMatchObject({ itemsNew: 1, itemsTotal: 2 });
    world.excludeFolders = [{ kind: 'well-known', name: 'recoverableitemsdeletions' }];
    await world.attempt();
    expect(Object.keys(world.stored())).not.toContain(deletions);
    world.excludeFolders = [];
    world.recoverable = false;
    await world.attempt();
    expect(world.stored()).toEqual(world.source());
  });
});

describe('items that are too old', () => {
  const day = 24 * 3600_000;
  const start = Date.UTC(2026, 0, 1);
  const dated = (days: readonly number[]) => {
    const world = new SyncWorld();
    for (const n of days) {
      const receivedDateTime = new Date(start + n * day).toISOString();
      world.mailbox.addMessage('inbox', { receivedDateTime });
    }
    return world;
  };
  const limit = (n: number) => ({ before: start + n * day, by: 'received' as const });
  const daysStored = (world: SyncWorld) =>
    [...(world.vault.contentsOf(world.vault.newest()!).get('inbox')?.values() ?? [])]
      .map(({ entry }) => (entry.time - start) / day)
      .sort((a, b) => a - b);

  test('are not fetched, and task and restore point say from when on', async () => {
    const world = dated([0, 1, 2, 3]);
    world.age = limit(2);
    await world.attempt();
    expect(daysStored(world)).toEqual([2, 3]);
    expect(world.mailbox.contentCalls).toHaveLength(2);
    const excluded = { olderThan: new Date(start + 2 * day).toISOString(), by: 'received' };
    expect(task(world, 1)).toMatchObject({ state: 'success', excluded });
    expect(world.vault.newest()?.facts.extra).toMatchObject({ excluded });
  });

  test('go when they have become too old, in any number', async () => {
    const world = dated(Array.from({ length: 40 }, (_, n) => n));
    world.age = limit(10);
    await world.attempt();
    world.age = limit(35);
    await world.attempt();
    expect(daysStored(world)).toEqual([35, 36, 37, 38, 39]);
    expect(task(world, 2)?.totals).toMatchObject({ itemsRemoved: 25, itemsTotal: 5 });
  });

  test('a mailbox in which none has become too old is not opened', async () => {
    const world = dated([20, 30]);
    world.age = limit(1);
    await world.attempt();
    const { sessions } = world.vault;
    world.age = limit(2);
    await world.attempt();
    expect(world.vault.sessions).toBe(sessions);
    expect(world.vault.full()).toHaveLength(1);
  });

  test('come back when the limit is lifted or reaches further back', async () => {
    const world = dated([0, 1, 2, 3]);
    world.age = limit(3);
    await world.attempt();
    world.age = limit(1);
    await world.attempt();
    expect(daysStored(world)).toEqual([1, 2, 3]);
    world.age = undefined;
    await world.attempt();
    expect(daysStored(world)).toEqual([0, 1, 2, 3]);
  });

  test('by the last change: an old message that was touched stays, also when the policy changes to that', async () => {
    const world = dated([0, 1, 2]);
    const [first] = world.mailbox.inFolder('inbox');
    const touched = new Date(start + 5 * day).toISOString();
    world.mailbox.changeMessage(first!.message.id, { lastModifiedDateTime: touched });
    for (const { message } of world.mailbox.inFolder('inbox').slice(1)) {
      world.mailbox.changeMessage(message.id, { lastModifiedDateTime: String(message.receivedDateTime) });
    }
    await world.attempt();
    world.age = { before: start + 2 * day, by: 'modified' };
    await world.attempt();
    expect(daysStored(world)).toEqual([0, 2]);
    world.age = { before: start + 4 * day, by: 'modified' };
    await world.attempt();
    expect(daysStored(world)).toEqual([0]);
  });
});
