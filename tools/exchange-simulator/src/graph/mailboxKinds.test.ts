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
});
