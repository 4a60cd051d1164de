import type { AnnouncedReads, Batch, ItemChange, MailboxReader } from '@holdfast/exchange';
import { describe, expect, test } from '@jest/globals';
import { SyncWorld } from '../testing/world.ts';

function filled(): SyncWorld {
  const world = new SyncWorld();
  for (const folder of ['inbox', 'sentitems', 'deleteditems']) {
    for (let n = 0; n < 5; n++) world.mailbox.addMessage(folder);
  }
  return world;
}
const all = ['deleteditems', 'drafts', 'inbox', 'sentitems'];
const foldersOf = ({ items }: AnnouncedReads) => [...items.keys()].sort();

/** Notes what was asked with a cursor, in the form of an announcement. */
function asked() {
  const items = new Map<string, string>();
  const note: { folders?: string; items: Map<string, string> } = { items };
  return {
    note,
    wrap: (ports: { reader: MailboxReader }) => {
      const { reader: inner } = ports;
      const { folderChanges, itemChanges } = inner;
      inner.folderChanges = (cursor) => {
        if (cursor !== undefined) note.folders = cursor;
        return folderChanges.call(inner, cursor);
      };
      inner.itemChanges = (id, cursor) => {
        if (cursor !== undefined && !items.has(id)) items.set(id, cursor);
        return itemChanges.call(inner, id, cursor);
      };
      return {};
    },
  };
}

describe('what is going to be asked', () => {
  test('is announced once, with exactly the cursors that are used then', async () => {
    const world = filled();
    await world.attempt();
    expect(world.mailbox.announced).toEqual([]);
    world.mailbox.addMessage('inbox');
    const { note, wrap } = asked();
    expect(await world.attempt({ wrap })).toMatchObject({ plan: 'delta' });
    expect(world.mailbox.announced).toEqual([note]);
    expect(foldersOf(note)).toEqual(all);
  });

  test('of a first run that was interrupted are the folders that it got to', async () => {
    const world = filled();
    const runId = world.startRun();
    let looks = 0;
    const interruption = async () => (++looks > 6 ? ('shutdown' as const) : undefined);
    await world.attempt({ runId, interruption });
    const { note, wrap } = asked();
    expect(await world.attempt({ runId, wrap })).toMatchObject({ plan: 'resume' });
    expect(world.mailbox.announced).toHaveLength(1);
    const [told] = world.mailbox.announced;
    expect(told?.items.size).toBeGreaterThan(0);
    expect(told?.items.size).toBeLessThan(all.length);
    for (const [id, cursor] of told!.items) expect(note.items.get(id)).toBe(cursor);
    expect(world.stored()).toEqual(world.source());
  });

  test('is not announced where everything is listed and compared', async () => {
    const world = filled();
    await world.attempt();
    world.now += 31 * 24 * 3600_000;
    expect(await world.attempt()).toMatchObject({ plan: 'reconcile' });
    expect(world.mailbox.announced).toEqual([]);
  });

  test('does not name folders that are left out, also from this run on', async () => {
    const world = filled();
    world.excludeFolders = [{ kind: 'well-known', name: 'drafts' }];
    await world.attempt();
    await world.attempt();
    expect(world.mailbox.announced.map(foldersOf)).toEqual([all.filter((id) => id !== 'drafts')]);
    world.excludeFolders = [{ kind: 'well-known', name: 'deleteditems' }];
    await world.attempt();
    const later = world.mailbox.announced[1]!;
    expect([later.folders, foldersOf(later)]).toEqual([undefined, ['inbox', 'sentitems']]);
    expect(world.stored()).toEqual(world.source());
  });

  test('does not name folders that are listed because their changes are not tracked', async () => {
    const world = filled();
    await world.attempt();
    world.mailbox.faults.deltaUnavailable = true;
    await world.attempt();
    world.mailbox.announced.length = 0;
    await world.attempt();
    expect(world.mailbox.announced.map(foldersOf)).toEqual([[]]);
  });
});

/** A reader that asks for everything that was announced when the first of it is wanted. */
function early(inner: MailboxReader, onFirst: () => void): MailboxReader {
  let told = new Map<string, string>();
  let fetched: Map<string, Promise<AsyncIterable<Batch<ItemChange>>>> | undefined;
  const fetch = () =>
    new Map(
      [...told].map(([id, cursor]) => {
        const rest = inner.itemChanges(id, cursor)[Symbol.asyncIterator]();
        const first = rest.next();
        return [cursor + id, first.then(() => resumed(first, rest))];
      }),
    );
  return Object.assign(Object.create(inner) as MailboxReader, {
    announce: ({ items }: AnnouncedReads) => {
      told = new Map(items);
    },
    async *itemChanges(id: string, cursor: string | undefined) {
      if (fetched === undefined) {
        fetched = fetch();
        await Promise.allSettled(fetched.values());
        onFirst();
      }
      const key = `${cursor}${id}`;
      const mine = fetched.get(key);
      fetched.delete(key);
      yield* mine === undefined ? inner.itemChanges(id, cursor) : await mine;
    },
  });
}

async function* resumed<T>(first: Promise<IteratorResult<T>>, rest: AsyncIterator<T>): AsyncGenerator<T> {
  for (let next = await first; next.done !== true; next = await rest.next()) yield next.value;
}

describe('answers that came before their time', () => {
  test('lose nothing when the mailbox changes meanwhile', async () => {
    const world = filled();
    await world.attempt();
    for (const folder of ['inbox', 'sentitems']) world.mailbox.addMessage(folder);
    const ids = (folder: string) => world.mailbox.inFolder(folder).map(({ message }) => message.id);
    const wrap = ({ reader }: { reader: MailboxReader }) => ({
      reader: early(reader, () => {
        world.mailbox.moveMessage(ids('inbox').at(-1)!, 'sentitems');
        world.mailbox.moveMessage(ids('sentitems')[0]!, 'inbox');
        world.mailbox.removeMessage(ids('sentitems').at(-1)!);
        world.mailbox.removeMessage(ids('inbox')[1]!);
        world.mailbox.addMessage('deleteditems');
        world.mailbox.addFolder({ name: 'New', parentId: 'inbox' });
      }),
    });
    expect(await world.attempt({ wrap })).toMatchObject({ kind: 'done' });
    expect(world.mailbox.announced).toEqual([]);
    expect(await world.attempt()).toMatchObject({ plan: 'delta', state: 'success' });
    expect(world.stored()).toEqual(world.source());
    expect(world.openGaps()).toEqual([]);
  });

  test('of a folder that was removed meanwhile, or of cursors that are none any more, change nothing', async () => {
    const world = filled();
    const { id } = world.mailbox.addFolder({ name: 'Projects', parentId: 'inbox' });
    world.mailbox.addMessage(id);
    await world.attempt();
    world.mailbox.addMessage('inbox');
    const removing = ({ reader }: { reader: MailboxReader }) => ({
      reader: early(reader, () => void (world.mailbox.folders.has(id) && world.mailbox.removeFolder(id))),
    });
    await world.attempt({ wrap: removing });
    await world.attempt({ wrap: removing });
    expect(world.stored()).toEqual(world.source());
    world.mailbox.expireCursors();
    world.mailbox.addMessage('inbox');
    expect(await world.attempt({ wrap: removing })).toMatchObject({ state: 'success' });
    expect(world.stored()).toEqual(world.source());
  });
});
