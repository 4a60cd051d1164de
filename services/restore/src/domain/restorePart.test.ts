import { HoldfastError } from '@holdfast/contracts';
import { Crash, CrashPlan } from '@holdfast/testing';
import { describe, expect, test } from '@jest/globals';
import { backedUpWorld } from '../testing/backedUpWorld.ts';
import { RestoreWorld } from '../testing/world.ts';

describe('restoring', () => {
  test('what was lost comes back equal in every property, what is there is skipped', async () => {
    const { world, ids } = await backedUpWorld();
    const before = RestoreWorld.shown(world.source);
    world.source.removeMessage(ids[0]!);
    world.source.removeMessage(ids[1]!);
    const progress = await world.attempt();
    expect(RestoreWorld.shown(world.source)).toEqual(before);
    expect(progress).toMatchObject({
      itemsTotal: 4,
      itemsDone: 4,
      created: 2,
      skipped: 2,
      different: 0,
      failed: 0,
    });
    expect(world.ledger().map(({ subject, action, readBack }) => [subject, action, readBack])).toEqual([
      ['Plan', 'created', 'equal'],
      ['Files', 'created', 'equal'],
      ['Sent', 'skipped', 'not-read'],
      ['Deep', 'skipped', 'not-read'],
    ]);
  });

  test('P6: a second restore of the same makes no duplicates', async () => {
    const { world, ids } = await backedUpWorld();
    world.source.removeMessage(ids[0]!);
    await world.attempt();
    const after = RestoreWorld.shown(world.source);
    world.ask({}, 'restore-2');
    expect(await world.attempt()).toMatchObject({ created: 0, skipped: 4 });
    expect(RestoreWorld.shown(world.source)).toEqual(after);
  });

  test('rename puts the restored item beside, once a day', async () => {
    const { world } = await backedUpWorld();
    const selection = { kind: 'folders' as const, folders: ['/Inbox'], withSubfolders: false };
    world.ask({ selection, onConflict: 'rename' });
    expect(await world.attempt()).toMatchObject({ renamed: 2, created: 0 });
    const subjects = () => world.source.inFolder('inbox').map((held) => held.message.subject);
    expect(subjects().sort()).toEqual([
      'Files',
      'Files (restored 2026-03-01)',
      'Plan',
      'Plan (restored 2026-03-01)',
    ]);
    world.ask({ selection, onConflict: 'rename' }, 'restore-2');
    expect(await world.attempt()).toMatchObject({ renamed: 0, skipped: 2 });
  });

  test('of two equal messages in the backup both come back when one is left', async () => {
    const world = new RestoreWorld();
    const twin = {
      subject: 'Twin',
      internetMessageId: '<twin@example.com>',
      receivedDateTime: '2026-01-05T08:00:00Z',
    };
    const first = world.source.addMessage('inbox', twin);
    world.source.addMessage('inbox', twin);
    await world.backUp();
    world.source.removeMessage(first);
    expect(await world.attempt()).toMatchObject({ created: 1, skipped: 1 });
    expect(world.source.inFolder('inbox')).toHaveLength(2);
  });

  test('a folder that is gone is made again at its place; well-known folders are found by role, not by name', async () => {
    const { world, projects } = await backedUpWorld();
    world.source.removeFolder(projects);
    world.source.changeFolder('inbox', { name: 'Posteingang' });
    world.source.messages.clear();
    const progress = await world.attempt();
    expect(progress).toMatchObject({ created: 4, foldersCreated: 1 });
    const shown = RestoreWorld.shown(world.source);
    expect(shown['/Posteingang']).toHaveLength(2);
    expect(shown['/Posteingang/Projects']).toHaveLength(1);
    expect(shown['/Inbox']).toBeUndefined();
  });

  test('another mailbox and a folder of its own: the structure of the selection is kept below it', async () => {
    const { world } = await backedUpWorld();
    world.targetUserId = 'u2';
    world.ask({
      selection: { kind: 'folders', folders: ['/Inbox'], withSubfolders: true },
      target: { mailboxAddress: 'bo@example.com', folderPath: '/Restored/Ann' },
    });
    expect(await world.attempt()).toMatchObject({ created: 3, foldersCreated: 4 });
    const shown = RestoreWorld.shown(world.other);
    expect(shown['/Restored/Ann/Inbox']).toHaveLength(2);
    expect(shown['/Restored/Ann/Inbox/Projects']).toHaveLength(1);
    expect(shown['/Inbox']).toHaveLength(0);
  });

  test('single items; one that is not in the point is a failed line and the others go on', async () => {
    const { world, ids, projects } = await backedUpWorld();
    world.source.messages.clear();
    world.ask({
      selection: {
        kind: 'items',
        items: [
          { folderId: 'inbox', itemKey: ids[0]! },
          { folderId: 'inbox', itemKey: 'nothing' },
          { folderId: projects, itemKey: ids[2]! },
        ],
      },
    });
    expect(await world.attempt()).toMatchObject({ itemsTotal: 3, created: 2, failed: 1 });
    expect(world.ledger().find((line) => line.action === 'failed')).toMatchObject({
      itemKey: 'nothing',
      error: { code: 'item-not-in-point' },
    });
  });

  test('a folder that the point does not have is refused before anything is done', async () => {
    const { world } = await backedUpWorld();
    world.ask({ selection: { kind: 'folders', folders: ['/Nowhere'], withSubfolders: true } });
    await expect(world.attempt()).rejects.toMatchObject({
      code: 'folder-not-in-point',
      errorClass: 'configuration',
    });
    expect(world.ledger()).toEqual([]);
  });

  test('P7: an item that will not work is a failed line with its reason', async () => {
    const { world } = await backedUpWorld();
    world.source.messages.clear();
    const refused = new HoldfastError('too-large', 'permanent-item', 'The message is too large.');
    const wrapWriter = (writer: import('@holdfast/exchange').MailboxWriter) => {
      const create = writer.create.bind(writer);
      writer.create = async (folderId, item, marker) => {
        if (item.properties.subject === 'Files') throw refused;
        return create(folderId, item, marker);
      };
    };
    expect(await world.attempt({ wrapWriter })).toMatchObject({ created: 3, failed: 1 });
    expect(world.ledger().find((line) => line.action === 'failed')).toMatchObject({
      error: { code: 'too-large' },
    });
  });

  test('a full mailbox ends the session: nothing else would work', async () => {
    const { world } = await backedUpWorld();
    world.source.messages.clear();
    const wrapWriter = (writer: import('@holdfast/exchange').MailboxWriter) => {
      writer.create = async () => {
        throw new HoldfastError('mailbox-full', 'permanent-mailbox', 'The mailbox is full.', {
          remedy: 'Free some space.',
        });
      };
    };
    await expect(world.attempt({ wrapWriter })).rejects.toMatchObject({ code: 'mailbox-full' });
  });

  test('what differs after the restore is named by property', async () => {
    const { world, ids } = await backedUpWorld();
    world.source.removeMessage(ids[0]!);
    const wrapWriter = (writer: import('@holdfast/exchange').MailboxWriter) => {
      const create = writer.create.bind(writer);
      writer.create = async (folderId, item, marker) => {
        const created = await create(folderId, item, marker);
        world.source.changeMessage(created.id, { categories: [] });
        return created;
      };
    };
    expect(await world.attempt({ wrapWriter })).toMatchObject({ created: 1, different: 1 });
    expect(world.ledger()[0]?.differences).toEqual([
      { property: 'categories', expected: 'Blue', actual: '' },
    ]);
  });

  test('a cancelled session stops between items', async () => {
    const { world } = await backedUpWorld();
    world.source.messages.clear();
    let looks = 0;
    const interruption = async () => (++looks > 3 ? ('cancel' as const) : undefined);
    await expect(world.attempt({ interruption, itemsAtOnce: 1 })).rejects.toMatchObject({ reason: 'cancel' });
    expect(world.ledger().length).toBeLessThan(4);
  });
});

describe('P4, P6: a restore survives an unclear end of its writes', () => {
  test('a message that arrived although the answer was lost is not made again', async () => {
    const { world } = await backedUpWorld();
    world.source.messages.clear();
    world.source.faults.dieAfterAcceptance = 2;
    expect(await world.attempt()).toMatchObject({ created: 4 });
    expect(world.source.messages.size).toBe(4);
  });

  test('a message left half done is removed and made again', async () => {
    const { world } = await backedUpWorld();
    const before = RestoreWorld.shown(world.source);
    world.source.messages.clear();
    world.source.faults.dieHalfWay = 3;
    // Twice for one item is too much for one attempt; the next one finds what is left and makes it whole.
    await expect(world.attempt({ itemsAtOnce: 1 })).rejects.toMatchObject({ errorClass: 'transient' });
    expect(await world.attempt({ itemsAtOnce: 1 })).toMatchObject({ created: 4, different: 0 });
    expect(RestoreWorld.shown(world.source)).toEqual(before);
  });

  test.each(['before', 'after'] as const)(
    'a crash %s each call of each port: no item twice, none lost',
    async (when) => {
      let at = 0;
      for (let finished = false; !finished; ) {
        const { world, ids } = await backedUpWorld();
        const before = RestoreWorld.shown(world.source);
        for (const id of ids.slice(0, 3)) world.source.removeMessage(id);
        const crash = new CrashPlan(++at, when);
        const died = await world.attempt({ crash }).then(
          () => false,
          (error: unknown) => {
            if (!(error instanceof Crash) && !crash.dead) throw error;
            return true;
          },
        );
        finished = !died && crash.calls.length < at;
        const where = `crash ${when} call ${at} (${crash.calls.at(-1)})`;
        const progress = await world.attempt();
        expect({ where, shown: RestoreWorld.shown(world.source) }).toEqual({ where, shown: before });
        expect({ where, ...progress }).toMatchObject({
          where,
          itemsDone: 4,
          created: 3,
          skipped: 1,
          different: 0,
        });
        expect(world.ledger().map((line) => line.action)).toEqual([
          'created',
          'created',
          'skipped',
          'created',
        ]);
      }
      expect(at).toBeGreaterThan(15);
    },
  );

  test('renamed items are recognised after a crash', async () => {
    for (let at = 1; at < 40; at++) {
      const { world } = await backedUpWorld();
      world.ask({
        selection: { kind: 'folders', folders: ['inbox'], withSubfolders: false },
        onConflict: 'rename',
      });
      const crash = new CrashPlan(at, 'after');
      await world.attempt({ crash, itemsAtOnce: 1 }).catch((error: unknown) => {
        if (!crash.dead) throw error;
      });
      expect({ at, ...(await world.attempt()) }).toMatchObject({ at, renamed: 2, created: 0 });
      expect(world.source.inFolder('inbox')).toHaveLength(4);
    }
  });

  test('a crash between two equal messages of a folder: the second one is still not taken for the first', async () => {
    for (let at = 1; ; at++) {
      const world = new RestoreWorld();
      const twin = {
        subject: 'Twin',
        internetMessageId: '<twin@example.com>',
        receivedDateTime: '2026-01-05T08:00:00Z',
      };
      const first = world.source.addMessage('inbox', twin);
      world.source.addMessage('inbox', twin);
      world.source.addMessage('inbox', { subject: 'Other' });
      await world.backUp();
      world.source.removeMessage(first);
      const crash = new CrashPlan(at, 'after');
      const died = await world.attempt({ crash, itemsAtOnce: 1 }).then(
        () => false,
        (error: unknown) => {
          if (!crash.dead) throw error;
          return true;
        },
      );
      const progress = await world.attempt();
      expect({ at, ...progress }).toMatchObject({ at, created: 1, skipped: 2, deviated: 0 });
      expect({ at, inbox: world.source.inFolder('inbox').length }).toEqual({ at, inbox: 3 });
      if (!died) break;
    }
  });

  test.each(['before', 'after'] as const)(
    'overwriting, a crash %s each call: what differs is replaced once, and nothing else is taken away',
    async (when) => {
      for (let at = 1; ; at++) {
        const { world, ids } = await backedUpWorld();
        const before = RestoreWorld.shown(world.source);
        const gone = ids[0]!;
        world.source.changeMessage(gone, { categories: ['Red'] });
        world.source.changeMessage(ids[3]!, { body: { contentType: 'text', content: 'other' } });
        const bystander = world.source.addMessage('inbox', { subject: 'New since' });
        world.ask({ onConflict: 'overwrite' });
        const crash = new CrashPlan(at, when);
        const died = await world.attempt({ crash, itemsAtOnce: 1 }).then(
          () => false,
          (error: unknown) => {
            if (!crash.dead) throw error;
            return true;
          },
        );
        const progress = await world.attempt();
        const where = `crash ${when} call ${at} (${crash.calls.at(-1)})`;
        expect({ where, ...progress }).toMatchObject({ where, overwritten: 2, skipped: 2, created: 0 });
        expect(world.source.messages.has(bystander)).toBe(true);
        world.source.removeMessage(bystander);
        expect({ where, shown: RestoreWorld.shown(world.source) }).toEqual({ where, shown: before });
        if (!died) break;
      }
    },
  );
});
