import { describe, expect, test } from '@jest/globals';
import { backedUpWorld } from '../testing/backedUpWorld.ts';
import { RestoreWorld } from '../testing/world.ts';

describe('overwriting', () => {
  const changed = async () => {
    const { world, ids } = await backedUpWorld();
    world.source.changeMessage(ids[0]!, { categories: ['Red'] });
    world.ask({ onConflict: 'overwrite' });
    return { world, id: ids[0]! };
  };

  test('keeps what was there when the restored item is not proven equal', async () => {
    const { world, id } = await changed();
    const wrapWriter = (writer: import('@holdfast/exchange').MailboxWriter) => {
      const create = writer.create.bind(writer);
      writer.create = async (...args) => {
        const created = await create(...args);
        world.source.changeMessage(created.id, { importance: 'low' });
        return created;
      };
    };
    expect(await world.attempt({ wrapWriter })).toMatchObject({ overwritten: 0, created: 1, different: 1 });
    expect(world.source.messages.has(id)).toBe(true);
    expect(world.ledger()[0]).toMatchObject({ planned: 'overwrite', note: expect.stringContaining('kept') });
  });

  test('leaves several items of one identity alone: which one is meant cannot be told', async () => {
    const { world, id } = await changed();
    const copy = world.source.messages.get(id)!;
    const { subject, internetMessageId, sentDateTime, receivedDateTime } = copy.message as Record<
      string,
      string
    >;
    world.source.addMessage('inbox', {
      ...{ subject: subject!, internetMessageId: internetMessageId! },
      ...{ sentDateTime: sentDateTime!, receivedDateTime: receivedDateTime!, categories: ['Green'] },
    });
    const before = RestoreWorld.shown(world.source);
    expect(await world.attempt()).toMatchObject({ overwritten: 0, created: 0, skipped: 4, deviated: 0 });
    expect(RestoreWorld.shown(world.source)).toEqual(before);
  });

  test('what was to be overwritten and is gone by then is created, and that is noted', async () => {
    const { world, id } = await changed();
    await world.plan();
    world.source.removeMessage(id);
    expect(await world.attempt()).toMatchObject({ created: 1, overwritten: 0, deviated: 1 });
    expect(world.ledger()[0]).toMatchObject({ action: 'created', planned: 'overwrite' });
  });

  test('state that does not come back is no difference', async () => {
    const { world, id } = await changed();
    world.ask({ onConflict: 'overwrite', keep: { readState: true, flags: true, categories: false } });
    expect(await world.attempt()).toMatchObject({ overwritten: 0, skipped: 4 });
    expect(world.source.messages.has(id)).toBe(true);
  });
});

test('read state, flags and categories are dropped when asked to', async () => {
  const { world } = await backedUpWorld();
  world.source.messages.clear();
  world.ask({ keep: { readState: false, flags: false, categories: false } });
  expect(await world.attempt()).toMatchObject({ created: 4, different: 0 });
  for (const { message } of world.source.messages.values()) {
    expect(message).toMatchObject({ isRead: false, categories: [], flag: { flagStatus: 'notFlagged' } });
  }
});

describe('the place of a folder', () => {
  test('is the folder of its id in the original mailbox, renamed and moved or not', async () => {
    const { world, projects } = await backedUpWorld();
    world.source.changeFolder(projects, { name: 'Archive of projects', parentId: null });
    await world.plan();
    expect(world.planLines?.find(({ subject }) => subject === 'Deep')).toMatchObject({
      folderPath: '/Inbox/Projects',
      targetPath: '/Archive of projects',
      action: 'skip',
    });
    expect(await world.attempt()).toMatchObject({ skipped: 4, foldersCreated: 0 });
  });

  test('is made anew when the folder was thrown away', async () => {
    const { world, projects } = await backedUpWorld();
    world.source.changeFolder(projects, { parentId: 'deleteditems' });
    expect(await world.attempt()).toMatchObject({ created: 1, skipped: 3, foldersCreated: 1 });
    expect(RestoreWorld.shown(world.source)['/Inbox/Projects']).toHaveLength(1);
  });
});
