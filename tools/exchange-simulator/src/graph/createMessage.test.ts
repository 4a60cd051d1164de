import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import PostalMime from 'postal-mime';
import { IMMUTABLE, openSession, type Session } from '../testing/session.ts';

let session: Session;
let inbox: string;
let user: string;

beforeAll(async () => {
  session = await openSession();
  user = session.users[0]!;
  inbox = `/users/${user}/mailFolders/inbox/messages`;
});
afterAll(() => session.close());

const flags = (value: string) => ({ singleValueExtendedProperties: [{ id: 'Integer 0x0E07', value }] });
const recipient = (address: string, name = address) => ({ emailAddress: { address, name } });
const FULL = {
  subject: 'Größe 📏',
  body: { contentType: 'html', content: '<p>hello <b>world</b></p>' },
  from: recipient('bo@fabrikam.example', 'Bo Ström'),
  sender: recipient('desk@fabrikam.example'),
  toRecipients: [recipient('ann@contoso.example', 'Ann'), recipient('cy@contoso.example')],
  ccRecipients: [recipient('di@contoso.example')],
  bccRecipients: [recipient('ed@contoso.example')],
  replyTo: [recipient('desk@fabrikam.example')],
  internetMessageId: '<abc@fabrikam.example>',
  importance: 'high',
  isRead: true,
  categories: ['Blue category', 'Größe'],
  flag: {
    flagStatus: 'flagged',
    startDateTime: { dateTime: '2025-03-01T00:00:00.0000000', timeZone: 'UTC' },
    dueDateTime: { dateTime: '2025-03-02T00:00:00.0000000', timeZone: 'UTC' },
  },
  inferenceClassification: 'other',
  isReadReceiptRequested: true,
  isDeliveryReceiptRequested: true,
  internetMessageHeaders: [{ name: 'x-restored', value: 'yes' }],
  singleValueExtendedProperties: [
    { id: 'Integer 0x0E07', value: '4' },
    { id: 'SystemTime 0x0039', value: '2025-03-01T09:30:00Z' },
    { id: 'SystemTime 0x0E06', value: '2025-03-01T09:30:07Z' },
    { id: 'String {00020329-0000-0000-C000-000000000046} Name marker', value: 'run-7' },
  ],
};

describe('a message written by JSON', () => {
  test('reads back as it was written', async () => {
    const created = await session.post(inbox, FULL, IMMUTABLE);
    expect(created.status).toBe(201);
    expect(created.json.internetMessageHeaders).toBeUndefined();
    const { internetMessageHeaders, singleValueExtendedProperties: _, ...expected } = FULL;
    const read = await session.get(`/users/${user}/messages/${created.json.id}`, IMMUTABLE);
    expect(read.json).toMatchObject({
      ...expected,
      isDraft: false,
      sentDateTime: '2025-03-01T09:30:00Z',
      receivedDateTime: '2025-03-01T09:30:07Z',
      hasAttachments: false,
    });
    const headers = await session.get(
      `/users/${user}/messages/${created.json.id}?$select=internetMessageHeaders`,
    );
    expect(headers.json.internetMessageHeaders).toEqual(internetMessageHeaders);
  });

  test('is found again by its internet message id and by an extended property of its own', async () => {
    const byId = await session.get(
      `${inbox}?$filter=internetMessageId eq '<abc@fabrikam.example>'&$select=subject`,
    );
    expect(byId.json.value).toHaveLength(1);
    const filter =
      "singleValueExtendedProperties/Any(ep: ep/id eq 'String {00020329-0000-0000-c000-000000000046} Name marker' and ep/value eq 'run-7')";
    const byMarker = await session.get(
      `${inbox}?$filter=${encodeURIComponent(filter)}&$expand=singleValueExtendedProperties($filter=id eq 'String {00020329-0000-0000-C000-000000000046} Name marker')`,
    );
    expect(byMarker.json.value.map((one: { subject: string }) => one.subject)).toEqual([FULL.subject]);
    expect(byMarker.json.value[0].singleValueExtendedProperties).toEqual([
      { id: 'String {00020329-0000-0000-c000-000000000046} Name marker', value: 'run-7' },
    ]);
    const other = await session.get(
      `${inbox}?$filter=${encodeURIComponent(filter.replace('run-7', 'run-8'))}`,
    );
    expect(other.json.value).toEqual([]);
  });

  test('has a MIME form that any parser reads, always the same', async () => {
    const created = await session.post(inbox, {
      ...FULL,
      attachments: [
        {
          '@odata.type': '#microsoft.graph.fileAttachment',
          name: 'ä.txt',
          contentType: 'text/plain',
          contentBytes: Buffer.from('content').toString('base64'),
        },
      ],
    });
    const mime = await session.get(`/users/${user}/messages/${created.json.id}/$value`);
    expect(
      (await session.get(`/users/${user}/messages/${created.json.id}/$value`)).bytes.equals(mime.bytes),
    ).toBe(true);
    const parsed = await PostalMime.parse(mime.bytes);
    expect(parsed).toMatchObject({
      subject: FULL.subject,
      messageId: FULL.internetMessageId,
      from: { name: 'Bo Ström', address: 'bo@fabrikam.example' },
    });
    expect(parsed.html).toContain('<b>world</b>');
    expect(
      parsed.attachments.map((one) => [one.filename, Buffer.from(one.content as ArrayBuffer).toString()]),
    ).toEqual([['ä.txt', 'content']]);
  });

  test.each([
    ['without message flags', {}, true, true],
    ['with flag 4, submitted', flags('4'), false, false],
    ['with flag 1, read', flags('1'), false, true],
    ['with flag 8, unsent', flags('8'), true, true],
    ['with flag 12', flags('12'), true, true],
    ['with flag 4 and isRead', { ...flags('4'), isRead: true }, false, true],
    ['with flag 1 and isRead false', { ...flags('1'), isRead: false }, false, false],
  ])('%s: draft and read state', async (_, body, isDraft, isRead) => {
    const { json } = await session.post(inbox, { subject: 'flags', ...body });
    expect([json.isDraft, json.isRead]).toEqual([isDraft, isRead]);
  });

  test('stays a draft when the flags are set too late', async () => {
    const { json } = await session.post(inbox, { subject: 'late' });
    const patched = await session.call('PATCH', `/users/${user}/messages/${json.id}`, {
      body: { ...flags('4'), categories: ['X'] },
    });
    expect(patched.json).toMatchObject({ isDraft: true, categories: ['X'] });
  });

  test('any text survives creation and the way back', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'grapheme' }),
        fc.string({ unit: 'grapheme' }),
        async (subject, text) => {
          const { json } = await session.post(inbox, {
            subject,
            body: { contentType: 'text', content: text },
            ...flags('4'),
          });
          expect([json.subject, json.body.content]).toEqual([subject, text]);
          const mime = await session.get(`/users/${user}/messages/${json.id}/$value`);
          expect(mime.status).toBe(200);
          const parsed = await PostalMime.parse(mime.bytes);
          expect(parsed.messageId).toBe(json.internetMessageId);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('a message written as MIME', () => {
  const mime =
    'From: Bo <bo@fabrikam.example>\r\nTo: ann@contoso.example\r\nSubject: old\r\nDate: Sat, 01 Mar 2025 09:30:00 +0000\r\nMessage-ID: <mime@fabrikam.example>\r\nX-Priority: 1\r\n\r\nhello\r\n';

  test('is always a draft, received now and sent when its Date says', async () => {
    const before = Date.now() - 1000;
    const { status, json } = await session.post(inbox, Buffer.from(mime).toString('base64'));
    expect(status).toBe(201);
    expect(json).toMatchObject({
      isDraft: true,
      subject: 'old',
      sentDateTime: '2025-03-01T09:30:00Z',
      importance: 'high',
      from: { emailAddress: { name: 'Bo', address: 'bo@fabrikam.example' } },
    });
    expect(Date.parse(json.receivedDateTime)).toBeGreaterThanOrEqual(before);
    expect((await session.get(`/users/${user}/messages/${json.id}/$value`)).bytes.toString()).toBe(mime);
  });
});

describe('changes of an existing message', () => {
  test('state is changed, the change key follows, the id stays', async () => {
    const first = (await session.get(`${inbox}?$top=1&$filter=isDraft eq false`)).json.value[0];
    const patched = await session.call('PATCH', `/users/${user}/messages/${first.id}`, {
      body: { isRead: !first.isRead, importance: 'low', flag: { flagStatus: 'complete' } },
    });
    expect(patched.json).toMatchObject({
      id: first.id,
      isRead: !first.isRead,
      importance: 'low',
      flag: { flagStatus: 'complete' },
      subject: first.subject,
    });
    expect(patched.json.changeKey).not.toBe(first.changeKey);
    expect(patched.json['@odata.etag']).not.toBe(first['@odata.etag']);
  });

  test('subject and body of sent mail need the advanced permission once it is enforced', async () => {
    const { json } = await session.post(inbox, { subject: 'sent', ...flags('4') });
    const rename = () =>
      session.call('PATCH', `/users/${user}/messages/${json.id}`, { body: { subject: 'renamed' } });
    expect((await rename()).json.subject).toBe('renamed');
    await session.control.setMailAdvancedEnforcement(true);
    const refused = await rename();
    expect([refused.status, refused.json.error.code]).toEqual([403, 'ErrorAccessDenied']);
    expect(
      (await session.call('PATCH', `/users/${user}/messages/${json.id}`, { body: { isRead: true } })).status,
    ).toBe(200);
    const draft = await session.post(inbox, { subject: 'draft' });
    expect(
      (
        await session.call('PATCH', `/users/${user}/messages/${draft.json.id}`, {
          body: { subject: 'changed' },
        })
      ).status,
    ).toBe(200);
    await session.control.setMailAdvancedEnforcement(false);
  });

  test('DELETE goes to Recoverable Items, permanentDelete to Purges; the immutable id lives on', async () => {
    const owner = session.users[1]!;
    const [one, two] = (
      await session.get(`/users/${owner}/mailFolders/inbox/messages?$top=2&$select=id`, IMMUTABLE)
    ).json.value;
    expect((await session.call('DELETE', `/users/${owner}/messages/${one.id}`)).status).toBe(204);
    expect((await session.call('POST', `/users/${owner}/messages/${two.id}/permanentDelete`)).status).toBe(
      204,
    );
    const deletions = await session.get(
      `/users/${owner}/mailFolders/recoverableitemsdeletions/messages?$select=id`,
      IMMUTABLE,
    );
    expect(deletions.json.value.map((each: { id: string }) => each.id)).toEqual([one.id]);
    const { messages } = await session.control.snapshot(owner);
    expect(messages.find((each) => each.id === two.id)?.folderPath).toContain('Purges');
    expect((await session.get(`/users/${owner}/mailFolders/inbox`)).json.totalItemCount).toBe(34);
  });

  test('Recoverable Items are a tree of their own, which is read and not written to', async () => {
    const folders = `/users/${user}/mailFolders`;
    const deletions = (await session.get(`${folders}/recoverableitemsdeletions`)).json;
    const inside = await session.get(
      `${folders}/${deletions.parentFolderId}/childFolders?$select=displayName`,
    );
    expect(inside.json.value.map((each: { displayName: string }) => each.displayName)).toEqual([
      'Deletions',
      'Purges',
    ]);
    const listed = await session.get(`${folders}?includeHiddenFolders=true&$top=100`);
    expect(listed.json.value.map((each: { id: string }) => each.id)).not.toContain(deletions.parentFolderId);
    const delta = await session.get(`${folders}/recoverableitemsdeletions/messages/delta?$select=id`);
    expect(delta.status).toBe(200);
    const refused = [
      await session.post(`${folders}/recoverableitemsdeletions/messages`, { subject: 'x' }),
      await session.post(`${folders}/${deletions.parentFolderId}/childFolders`, { displayName: 'x' }),
    ];
    expect(refused.map(({ status }) => status)).toEqual([403, 403]);
  });
});

describe('nothing that a restore must not do goes unnoticed', () => {
  test('sending is refused without Mail.Send and counted with it; drafts are counted', async () => {
    const own = await openSession({ roles: ['User.Read.All', 'Mail.ReadWrite', 'Mail.Send'] });
    try {
      const folder = `/users/${own.users[0]}/mailFolders/drafts/messages`;
      const { json } = await own.post(folder, { subject: 'x' });
      expect(await own.control.drafts()).toBe(1);
      await own.post(`/users/${own.users[0]}/messages/${json.id}/send`, {});
      await own.post(`/users/${own.users[0]}/sendMail`, {});
      expect((await own.control.statistics()).sentMail).toHaveLength(2);
      expect((await session.post(`/users/${user}/sendMail`, {})).status).toBe(403);
      expect((await session.control.statistics()).sentMail).toEqual([]);
    } finally {
      await own.close();
    }
  });
});
