import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type {
  Difference,
  ExistingItem,
  ItemUpsert,
  MailboxWriter,
  RestorableAttachment,
  RestorableItem,
} from '@holdfast/exchange';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  applyRound,
  foldersOf,
  restorable,
  signal,
  startWorld,
  tenantWith,
  type World,
} from './exchange.support.ts';

let world: World;
afterEach(() => world.close());

async function open(options: Parameters<typeof startWorld>[0] = {}) {
  world = await startWorld(options);
  const connector = world.connect();
  const [source, target] = (await world.sim.control.users()) as unknown as [{ id: string }, { id: string }];
  return {
    control: world.sim.control,
    source,
    target,
    reader: await connector.reader({ userId: source.id, address: '' }, { signal }),
    writer: await connector.writer({ userId: target.id, address: '' }, { signal }),
  };
}
const existingIn = async (writer: MailboxWriter, folderId: string): Promise<ExistingItem[]> => {
  const all: ExistingItem[] = [];
  for await (const page of writer.existing(folderId)) all.push(...page);
  return all;
};
const pattern = (size: number, seed: number): Buffer => {
  const bytes = Buffer.alloc(size, seed);
  for (let at = 0; at + 4 <= size; at += 4096) bytes.writeUInt32LE(at ^ seed, at);
  return bytes;
};
const file = (
  name: string,
  bytes: Buffer,
  more: Partial<RestorableAttachment> = {},
): RestorableAttachment => ({
  kind: 'file',
  name,
  contentType: 'application/octet-stream',
  isInline: false,
  size: bytes.length,
  sha256: createHash('sha256').update(bytes).digest('hex'),
  async *open() {
    for (let at = 0; at < bytes.length; at += 100_000)
      yield await Promise.resolve(bytes.subarray(at, at + 100_000));
  },
  ...more,
});
const person = (address: string, name: string) => ({ emailAddress: { name, address } });
const full = (attachments: RestorableAttachment[] = []): RestorableItem => ({
  properties: {
    subject: 'Quarterly plan – Überblick 📈',
    body: { contentType: 'html', content: '<html><head></head><body><p>hi &amp; bye</p></body></html>' },
    from: person('bo@fabrikam.com', 'Bo'),
    sender: person('assistant@fabrikam.com', 'Assistant'),
    toRecipients: [person('ann@contoso.com', 'Ann'), person('eve@contoso.com', 'Eve')],
    ccRecipients: [person('cc@contoso.com', 'Cc')],
    bccRecipients: [person('bcc@contoso.com', 'Bcc')],
    replyTo: [person('reply@fabrikam.com', 'Reply')],
    sentDateTime: '2025-03-01T09:30:00Z',
    receivedDateTime: '2025-03-01T09:30:07Z',
    internetMessageId: '<abc@fabrikam.com>',
    internetMessageHeaders: [{ name: 'x-mailer', value: 'Example 1.0' }],
    isReadReceiptRequested: true,
    isDeliveryReceiptRequested: false,
    isDraft: false,
  },
  state: {
    isRead: true,
    importance: 'high',
    categories: ['Blue category', 'Red category'],
    inferenceClassification: 'other',
    flag: {
      flagStatus: 'flagged',
      dueDateTime: { dateTime: '2025-04-01T00:00:00.0000000', timeZone: 'UTC' },
    },
  },
  attachments,
});

describe('a restored message', () => {
  test('P6: has every property, is no draft, and nothing is sent', async () => {
    const { writer, control, target } = await open();
    const { id: folder } = await writer.ensureFolder(null, 'Restored');
    for (const isRead of [true, false]) {
      const item = full();
      item.state.isRead = isRead;
      const created = await writer.create(folder, item, `s1/${isRead}`);
      expect(created.notRestored).toEqual([]);
      expect(await writer.readBack(created.id, folder, item)).toEqual([]);
      expect(await control.message(target.id, created.id)).toMatchObject({
        isDraft: false,
        isRead,
        sentDateTime: '2025-03-01T09:30:00Z',
        receivedDateTime: '2025-03-01T09:30:07Z',
      });
    }
    expect(await control.drafts()).toBe(0);
    const { sentMail, invitations } = await control.statistics();
    expect([...sentMail, ...invitations]).toEqual([]);
  });

  test('reading back tells what was changed behind our back', async () => {
    const { writer, control, target } = await open();
    const { id: folder } = await writer.ensureFolder(null, 'Restored');
    const item = full([file('a.bin', pattern(1_000, 1))]);
    const { id } = await writer.create(folder, item, 's1/k');
    await control.changeState(target.id, id, { isRead: false, importance: 'low' });
    const properties = (differences: Difference[]) => differences.map((d) => d.property).sort();
    expect(properties(await writer.readBack(id, folder, item))).toEqual(['importance', 'isRead']);
    const other = { ...item, attachments: [file('a.bin', pattern(1_000, 2))] };
    expect(properties(await writer.readBack(id, folder, other))).toContain('attachments');
    await control.moveMessage(target.id, id, 'inbox');
    expect(properties(await writer.readBack(id, folder, item))).toContain('folder');
  });

  test.each([
    ['small ones in one request', [1, 1_000, 200_000], 1],
    ['together above 4 MB', [1_500_000, 1_500_000, 10], 5],
    ['just below and just above 3 MB', [2_995_000, 3 * 1024 * 1024, 3 * 1024 * 1024 - 2_000], undefined],
    ['of 9 MB in chunks', [9_000_001, 5], undefined],
  ] as const)('attachments come back by hash: %s', async (_, sizes, requests) => {
    const { writer, control } = await open();
    const { id: folder } = await writer.ensureFolder(null, 'Restored');
    const item = full(sizes.map((size, n) => file(`Anhang ${n} ä.bin`, pattern(size, n + 1))));
    item.attachments[0] = { ...item.attachments[0]!, isInline: true, contentId: 'logo@1' };
    await control.resetStatistics();
    const created = await writer.create(folder, item, 's1/k');
    if (requests !== undefined) expect((await control.statistics()).requests).toBe(requests);
    expect(await writer.readBack(created.id, folder, item)).toEqual([]);
    expect(await existingIn(writer, folder)).toEqual([
      { id: created.id, identityKey: writer.identityKey(item), marker: 's1/k' },
    ]);
  });

  test('an attachment of 120 MB goes up in bounded memory', async () => {
    const { writer } = await open({ limits: { uploadBytes: 1e12 } });
    const { id: folder } = await writer.ensureFolder(null, 'Restored');
    const size = 120 * 1024 * 1024;
    const block = pattern(1024 * 1024, 3);
    const hash = createHash('sha256');
    for (let n = 0; n < 120; n++) hash.update(block);
    const big = file('big.iso', block, {
      size,
      sha256: hash.digest('hex'),
      async *open() {
        for (let n = 0; n < 120; n++) yield await Promise.resolve(block);
      },
    });
    const item = full([big]);
    const created = await writer.create(folder, item, 's1/k');
    expect(created.bytesSent).toBeGreaterThan(size);
    expect(await writer.readBack(created.id, folder, item)).toEqual([]);
  }, 60_000);

  test('nested messages come back as messages, those with attachments as files', async () => {
    const { writer } = await open();
    const { id: folder } = await writer.ensureFolder(null, 'Restored');
    const nested = { ...full().properties, subject: 'inner' };
    const eml = Buffer.from('Subject: inner\r\n\r\nhi\r\n');
    const item = full([
      file('inner', eml, { kind: 'item', itemProperties: nested }),
      file('rich', eml, { kind: 'item', itemProperties: { ...nested, hasAttachments: true } }),
      file('link', Buffer.alloc(0), { kind: 'reference' }),
    ]);
    const created = await writer.create(folder, item, 's1/k');
    expect(created.notRestored.map((n) => n.what)).toEqual(['attachment rich', 'attachment link']);
    expect(await writer.readBack(created.id, folder, item)).toEqual([]);
  });
});

describe('folders', () => {
  test.each(["It's a plan", 'a/b\\c', '📁 Projekte', 'ä'.repeat(250), '%20 & + # ?', ' x '])(
    'named %j are made once and found again, in any case',
    async (name) => {
      const { writer } = await open();
      const parent = await writer.ensureFolder(null, 'Eltern');
      const first = await writer.ensureFolder(parent.id, name);
      expect(first.created).toBe(true);
      expect(await writer.ensureFolder(parent.id, name)).toEqual({ id: first.id, created: false });
      expect(await writer.ensureFolder(parent.id, name.toUpperCase())).toEqual({
        id: first.id,
        created: false,
      });
      const found = (await writer.folders()).find((f) => f.id === first.id);
      expect(found).toMatchObject({ name, parentId: parent.id });
    },
  );

  test('two that make the same folder at once end with one', async () => {
    const { writer } = await open();
    const both = await Promise.all([writer.ensureFolder(null, 'Neu'), writer.ensureFolder(null, 'Neu')]);
    expect(both[0].id).toBe(both[1].id);
  });
});

describe('a restore that is killed', () => {
  test('after acceptance and before it is noted: the item is found by its marker and is not made twice', async () => {
    const { writer, control } = await open();
    const { id: folder } = await writer.ensureFolder(null, 'Restored');
    await control.addFault({ method: 'POST', path: '/messages$', times: 1, action: { type: 'reset' } });
    const created = await writer.create(folder, full(), "s1/it's");
    expect(await existingIn(writer, folder)).toEqual([
      { id: created.id, identityKey: writer.identityKey(full()), marker: "s1/it's" },
    ]);
  });

  test('between attachments: what is left is known as unfinished, is removed, and nothing else can be', async () => {
    const { writer, control } = await open();
    const { id: folder } = await writer.ensureFolder(null, 'Restored');
    const item = full([file('a', pattern(1_500_000, 1)), file('b', pattern(1_500_000, 2))]);
    await control.addFault({
      method: 'POST',
      path: '/attachments$',
      after: 1,
      action: { type: 'status', status: 403, code: 'ErrorAccessDenied' },
    });
    await expect(writer.create(folder, item, 's1/k')).rejects.toMatchObject({ errorClass: 'forbidden' });
    const [half] = await existingIn(writer, folder);
    expect(half).toMatchObject({ marker: 's1/k', unfinished: true });
    await control.clearFaults();
    const other = await writer.create(folder, full(), 's1/other');
    await expect(writer.removeUnfinished(other.id)).rejects.toMatchObject({ code: 'item-not-unfinished' });
    await writer.removeUnfinished(half!.id);
    await writer.removeUnfinished(half!.id);
    expect((await existingIn(writer, folder)).map((e) => e.id)).toEqual([other.id]);
    const again = await writer.create(folder, item, 's1/k');
    expect(await writer.readBack(again.id, folder, item)).toEqual([]);
  });
});

describe('what is there', () => {
  test('is told with a sign of its contents, and found by identity', async () => {
    const { writer, control, target } = await open();
    const { id: folder } = await writer.ensureFolder(null, 'Restored');
    const item = full();
    const comparison = { ignoring: [] };
    const { id } = await writer.create(folder, item, 's1/k');
    const signOf = async (ignoring: string[] = []) => {
      for await (const [one] of writer.existing(folder, { content: { ignoring } })) return one?.contentSign;
      return undefined;
    };
    expect(await signOf()).toBe(writer.contentSign(item, comparison));
    await control.changeState(target.id, id, { isRead: false });
    expect(await signOf()).not.toBe(writer.contentSign(item, comparison));
    expect(await signOf(['isRead'])).toBe(writer.contentSign(item, { ignoring: ['isRead'] }));
    expect((await writer.sameAs(folder, item)).map((one) => one.id)).toEqual([id]);
    const other = { ...item, properties: { ...item.properties, subject: 'Another' } };
    expect(await writer.sameAs(folder, other)).toEqual([]);
    const nameless = { ...item, properties: { ...item.properties, internetMessageId: '' } };
    expect(await writer.sameAs(folder, nameless)).toEqual([]);
  });

  test('goes to Recoverable Items only when a finished item names it as replaced', async () => {
    const { writer, control, target } = await open();
    const { id: folder } = await writer.ensureFolder(null, 'Restored');
    const old = await writer.create(folder, full(), 's0/k');
    const fresh = await writer.create(folder, full(), 's1/k', { replaces: old.id });
    const replacing = (await existingIn(writer, folder)).find(({ id }) => id === fresh.id);
    expect(replacing).toMatchObject({ marker: 's1/k', replaces: old.id });
    await expect(writer.removeReplaced(old.id)).rejects.toMatchObject({ code: 'item-replaces-nothing' });
    await writer.removeReplaced(fresh.id);
    await writer.removeReplaced(fresh.id);
    expect((await existingIn(writer, folder)).map(({ id }) => id)).toEqual([fresh.id]);
    const { folders, messages } = await control.snapshot(target.id);
    const where = messages.find(({ id }) => id === old.id)?.folderId;
    expect(folders.find(({ id }) => id === where)?.wellKnownName).toBe('recoverableitemsdeletions');
  });

  test('a folder of another class keeps its name; hidden folders and classes come back', async () => {
    const { writer, control, target } = await open();
    await control.addFolder(target.id, 'Partners', undefined, 'contacts');
    await expect(writer.ensureFolder(null, 'partners')).rejects.toMatchObject({
      code: 'folder-of-another-class',
      errorClass: 'permanent-item',
    });
    const folderClass = 'IPF.Note.OutlookHomepage';
    const made = await writer.ensureFolder(null, 'Feeds', { hidden: true, folderClass });
    const found = (await control.folders(target.id)).find(({ id }) => id === made.id);
    expect(found).toMatchObject({ isHidden: true, folderClass });
  });

  test('a mailbox that may only be read is told as such', async () => {
    const { writer, control, target } = await open();
    await control.setMailboxKind(target.id, 'readOnly');
    await expect(writer.ensureFolder(null, 'X')).rejects.toMatchObject({ errorClass: 'forbidden' });
    expect((await writer.folders()).length).toBeGreaterThan(3);
  });
});

describe('what a target may refuse', () => {
  test('a full mailbox and a read-only permission are told as such', async () => {
    const { writer, control, target } = await open();
    const { id: folder } = await writer.ensureFolder(null, 'Restored');
    await control.setMailboxKind(target.id, 'full');
    await expect(writer.create(folder, full(), 'm')).rejects.toMatchObject({
      code: 'mailbox-full',
      errorClass: 'permanent-mailbox',
    });
    await control.setMailboxKind(target.id, 'normal');
    await control.setRoles('aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee', ['User.Read.All', 'Mail.Read']);
    await world.close();
    world = await startWorld();
    await world.sim.control.setRoles('aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee', ['User.Read.All', 'Mail.Read']);
    const [user] = await world.sim.control.users();
    const poor = await world.connect().writer({ userId: user!.id, address: '' }, { signal });
    await expect(poor.ensureFolder(null, 'X')).rejects.toMatchObject({
      errorClass: 'forbidden',
      remedy: expect.any(String),
    });
  });
});

const corpus = resolve(
  process.env.HOLDFAST_SHARED ?? resolve(import.meta.dirname, '../../../shared'),
  'mail-corpus',
);
if (existsSync(corpus)) {
  test('real and nasty mail comes back without a difference', async () => {
    const { reader, writer, control } = await open(tenantWith({ mailboxes: 2, mail: corpus }));
    const { id: folder } = await writer.ensureFolder(null, 'Restored');
    const told: string[] = [];
    let restored = 0;
    for (const { id } of (await foldersOf(reader)).folders) {
      const items = new Map<string, ItemUpsert>();
      await applyRound(reader, id, items);
      for (const item of items.values()) {
        const back = await restorable(item, await reader.content(item));
        const created = await writer.create(folder, back, `s1/${item.id}`);
        const differences = await writer.readBack(created.id, folder, back);
        if (differences.length > 0)
          told.push(`${String(item.summary.subject)}: ${JSON.stringify(differences)}`);
        restored++;
      }
    }
    expect(told).toEqual([]);
    expect(restored).toBeGreaterThan(100);
    expect(await control.drafts()).toBe(0);
  }, 60_000);
} else {
  process.stdout.write(`the mail corpus is not at ${corpus}: its test is left out\n`);
}
