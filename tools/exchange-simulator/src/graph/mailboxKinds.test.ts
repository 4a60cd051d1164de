import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openSession, type Session } from '../testing/session.ts';

let session: Session;
let other: string;

beforeAll(async () => {
  session = await openSession();
  other = session.users[1]!;
});
afterAll(() => session.close());

describe('mailbox kinds', () => {
  test('no mailbox, out of scope and full are told as Graph does', async () => {
    await session.control.setMailboxKind(other, 'none');
    const none = await session.get(`/users/${other}/mailFolders/inbox`);
    expect([none.status, none.json.error.code]).toEqual([404, 'MailboxNotEnabledForRESTAPI']);
    expect((await session.get(`/users/${other}?$select=mail`)).json.mail).toBeNull();
    await session.control.setMailboxKind(other, 'outOfScope');
    const blocked = await session.get(`/users/${other}/mailFolders/inbox`);
    expect([blocked.status, blocked.json.error.code]).toEqual([403, 'ErrorAccessDenied']);
    expect(blocked.json.error.message).toContain('Access to OData is disabled');
    await session.control.setMailboxKind(other, 'full');
    const full = await session.get(`/users/${other}/mailFolders/inbox/messages/delta`);
    expect(full.json.error.code).toBe('ErrorQuotaExceeded');
    expect((await session.get(`/users/${other}/mailFolders/inbox/messages`)).status).toBe(200);
    expect(
      (await session.post(`/users/${other}/mailFolders/inbox/messages`, { subject: 'x' })).json.error.code,
    ).toBe('ErrorQuotaExceeded');
    await session.control.setMailboxKind(other, 'normal');
  });

  test('a mailbox that may only be read answers reads, and refuses everything else', async () => {
    await session.control.setMailboxKind(other, 'readOnly');
    expect((await session.get(`/users/${other}/mailFolders/inbox`)).status).toBe(200);
    const refused = [
      await session.post(`/users/${other}/mailFolders/inbox/messages`, { subject: 'x' }),
      await session.post(`/users/${other}/mailFolders`, { displayName: 'x' }),
    ];
    expect(refused.map(({ status, json }) => [status, json.error.code])).toEqual([
      [403, 'ErrorAccessDenied'],
      [403, 'ErrorAccessDenied'],
    ]);
    await session.control.setMailboxKind(other, 'normal');
  });

  test('a full mailbox takes no attachment either, but lets one change and delete', async () => {
    const made = await session.post(`/users/${other}/mailFolders/inbox/messages`, { subject: 'x' });
    await session.control.setMailboxKind(other, 'full');
    const path = `/users/${other}/messages/${encodeURIComponent(made.json.id)}`;
    const file = { '@odata.type': '#microsoft.graph.fileAttachment', name: 'a', contentBytes: 'YQ==' };
    const refused = await session.post(`${path}/attachments`, file);
    expect([refused.status, refused.json.error.code]).toEqual([507, 'ErrorQuotaExceeded']);
    expect((await session.call('PATCH', path, { body: { isRead: false } })).status).toBe(200);
    expect((await session.call('DELETE', path)).status).toBe(204);
    await session.control.setMailboxKind(other, 'normal');
  });
});

describe('folders of other classes', () => {
  test('are no mail folders, but their names are taken', async () => {
    await session.control.addFolder(other, 'Partners', undefined, 'contacts');
    const listed = await session.get(`/users/${other}/mailFolders?$top=100`);
    expect(listed.json.value.map((one: { displayName: string }) => one.displayName)).not.toContain(
      'Partners',
    );
    const refused = await session.post(`/users/${other}/mailFolders`, { displayName: 'partners' });
    expect([refused.status, refused.json.error.code]).toEqual([409, 'ErrorFolderExists']);
  });

  test('a folder is made with the class that is given', async () => {
    const made = await session.post(`/users/${other}/mailFolders`, {
      displayName: 'Feeds',
      singleValueExtendedProperties: [{ id: 'String 0x3613', value: 'IPF.Note.OutlookHomepage' }],
    });
    expect(made.status).toBe(201);
    const found = (await session.control.folders(other)).find(({ displayName }) => displayName === 'Feeds');
    expect(found?.folderClass).toBe('IPF.Note.OutlookHomepage');
  });

  test('the class is an extended property of a folder, in lists too, and never in change tracking', async () => {
    const expand = "$expand=singleValueExtendedProperties($filter=id eq 'String 0x3613')";
    const classOf = ({ singleValueExtendedProperties: all }: { singleValueExtendedProperties: unknown }) =>
      all as { id: string; value: string }[];
    const inbox = await session.get(`/users/${other}/mailFolders/inbox?$select=id&${expand}`);
    expect(classOf(inbox.json)).toEqual([{ id: 'String 0x3613', value: 'IPF.Note' }]);
    const list = await session.get(`/users/${other}/mailFolders?$top=100&$select=displayName&${expand}`);
    const feeds = list.json.value.find((one: { displayName: string }) => one.displayName === 'Feeds');
    expect(classOf(feeds)[0]?.value).toBe('IPF.Note.OutlookHomepage');
    const refused = [
      `/users/${other}/mailFolders/delta?${expand}`,
      `/users/${other}/mailFolders?$expand=attachments`,
      `/users/${other}/mailFolders?$expand=singleValueExtendedProperties`,
    ];
    for (const path of refused) expect((await session.get(path)).status).toBe(400);
  });
});
