import { describe, expect, test } from '@jest/globals';
import { CursorExpired, FolderGone } from '../errors.ts';
import type { Batch, ItemChange, ItemUpsert, RestorableItem } from '../ports.ts';
import { memoryExchange } from './memoryExchange.ts';

const signal = new AbortController().signal;

async function world() {
  const exchange = memoryExchange();
  const mailbox = exchange.addMailbox({ userId: 'u1', address: 'ann@example.com' });
  return {
    exchange,
    mailbox,
    reader: await exchange.reader(mailbox, { signal }),
    writer: await exchange.writer(mailbox, { signal }),
  };
}

async function collect(batches: AsyncIterable<Batch<ItemChange>>) {
  const changes: ItemChange[] = [];
  let cursor = '';
  for await (const batch of batches) {
    changes.push(...batch.changes);
    cursor = batch.cursor;
  }
  return { changes, cursor };
}

describe('the mailbox in memory behaves as the port says', () => {
  test('a first round gives everything in pages, the next one only what changed', async () => {
    const { mailbox, reader } = await world();
    mailbox.pageSize = 2;
    const ids = [1, 2, 3, 4, 5].map((n) => mailbox.addMessage('inbox', { subject: `S${n}` }));
    const pages: number[] = [];
    for await (const batch of reader.itemChanges('inbox', undefined)) pages.push(batch.changes.length);
    expect(pages).toEqual([2, 2, 1]);
    const first = await collect(reader.itemChanges('inbox', undefined));
    expect(first.changes.map((c) => c.id)).toEqual(ids);

    mailbox.changeMessage(ids[0]!, { isRead: true });
    mailbox.moveMessage(ids[1]!, 'drafts');
    mailbox.removeMessage(ids[2]!);
    const second = await collect(reader.itemChanges('inbox', first.cursor));
    expect(second.changes.map((c) => [c.kind, c.id])).toEqual([
      ['upsert', ids[0]],
      ['removed', ids[1]],
      ['removed', ids[2]],
    ]);
    const third = await collect(reader.itemChanges('inbox', second.cursor));
    expect(third.changes).toEqual([]);
  });

  test('a read flag changes the state and leaves the content key alone; a subject changes it', async () => {
    const { mailbox, reader } = await world();
    const id = mailbox.addMessage('inbox');
    const before = await reader.item(id);
    mailbox.changeMessage(id, { isRead: true });
    const flipped = await reader.item(id);
    expect(flipped.contentKey).toBe(before.contentKey);
    expect(flipped.state.isRead).toBe(true);
    mailbox.changeMessage(id, { subject: 'Other' });
    expect((await reader.item(id)).contentKey).not.toBe(before.contentKey);
  });

  test('cursors that expired, folders that went and items that vanished are told apart', async () => {
    const { mailbox, reader } = await world();
    const id = mailbox.addMessage('inbox');
    const { cursor, changes } = await collect(reader.itemChanges('inbox', undefined));
    mailbox.expireCursors();
    await expect(collect(reader.itemChanges('inbox', cursor))).rejects.toBeInstanceOf(CursorExpired);
    mailbox.faults.vanishOnContent.add(id);
    await expect(reader.content(changes[0] as ItemUpsert)).rejects.toMatchObject({ errorClass: 'vanished' });
    mailbox.removeFolder('inbox');
    await expect(collect(reader.itemChanges('inbox', undefined))).rejects.toBeInstanceOf(FolderGone);
  });

  test('a corrupt item is refused as often as armed', async () => {
    const { mailbox, reader } = await world();
    const id = mailbox.addMessage('inbox');
    mailbox.faults.corrupt.set(id, 1);
    const item = await reader.item(id);
    await expect(reader.content(item)).rejects.toMatchObject({ errorClass: 'permanent-item' });
    expect((await reader.content(item)).mime).toBeInstanceOf(Uint8Array);
  });

  test('what the writer makes is found by identity and marker and reads back equal', async () => {
    const { mailbox, reader, writer } = await world();
    const id = mailbox.addMessage('inbox', {
      subject: 'Plan',
      categories: ['Blue'],
      attachments: [{ name: 'a.txt', data: Buffer.from('hello') }],
    });
    const listed = await reader.item(id);
    const item: RestorableItem = {
      properties: listed.properties,
      state: listed.state,
      attachments: [
        {
          kind: 'file',
          name: 'a.txt',
          isInline: false,
          size: 5,
          async *open() {
            yield await Promise.resolve(Buffer.from('hello'));
          },
        },
      ],
    };
    const folder = await writer.ensureFolder(null, 'Restored');
    const created = await writer.create(folder.id, item, 's1/k1');
    expect(await writer.readBack(created.id, folder.id, item)).toEqual([]);
    const found = [];
    for await (const page of writer.existing(folder.id)) found.push(...page);
    expect(found).toEqual([{ id: created.id, identityKey: writer.identityKey(item), marker: 's1/k1' }]);
    mailbox.changeMessage(created.id, { categories: [] });
    expect(await writer.readBack(created.id, folder.id, item)).toEqual([
      { property: 'categories', expected: 'Blue', actual: '' },
    ]);
  });

  test('an item left half done is marked as unfinished and only such a one can be removed', async () => {
    const { mailbox, writer, reader } = await world();
    const id = mailbox.addMessage('inbox', { attachments: [{ name: 'a', data: Buffer.from('x') }] });
    const { properties, state } = await reader.item(id);
    mailbox.faults.dieHalfWay = 1;
    await expect(writer.create('inbox', { properties, state, attachments: [] }, 'm')).rejects.toMatchObject({
      errorClass: 'transient',
    });
    const found = [];
    for await (const page of writer.existing('inbox')) found.push(...page);
    const half = found.find((item) => item.unfinished === true);
    await expect(writer.removeUnfinished(id)).rejects.toMatchObject({ code: 'item-not-unfinished' });
    await writer.removeUnfinished(half!.id);
    await writer.removeUnfinished(half!.id);
    expect(mailbox.inFolder('inbox')).toHaveLength(1);
  });
});
