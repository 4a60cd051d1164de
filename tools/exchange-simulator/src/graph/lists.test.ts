import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { IMMUTABLE, openSession, type Session } from '../testing/session.ts';

let session: Session;
let user: string;

beforeAll(async () => {
  session = await openSession({ mailboxes: 250, messages: 200 });
  user = session.users[0]!;
});
afterAll(() => session.close());

/** Follows next links; the ids or names of all elements. */
async function all(path: string, name = 'id'): Promise<{ values: string[]; pages: number }> {
  const values: string[] = [];
  let pages = 0;
  for (let next: string | undefined = path; next; pages++) {
    const page = await session.get(next);
    expect(page.status).toBe(200);
    values.push(...page.json.value.map((one: Record<string, string>) => one[name]));
    next = page.json['@odata.nextLink'];
  }
  return { values, pages };
}

describe('users', () => {
  test('come in pages of 100, or up to 999, each once', async () => {
    const byDefault = await all('/users?$select=id');
    expect([byDefault.values.length, byDefault.pages]).toEqual([250, 3]);
    expect(new Set(byDefault.values).size).toBe(250);
    expect((await all('/users?$select=id&$top=999')).pages).toBe(1);
  });

  test('are filtered by address and by its beginning', async () => {
    const address = (await session.get(`/users/${user}?$select=mail`)).json.mail;
    expect((await all(`/users?$filter=mail eq '${address}'`)).values).toEqual([user]);
    expect((await all(`/users?$filter=userPrincipalName eq '${address.toUpperCase()}'`)).values).toEqual([
      user,
    ]);
    expect((await all("/users?$filter=startswith(userPrincipalName,'user0001')")).values).toHaveLength(10);
    const guests = await session.get(
      "/users?$filter=onPremisesSyncEnabled eq true OR userType ne 'Guest'&$count=true&$top=5",
      { consistencylevel: 'eventual' },
    );
    expect([guests.status, guests.json['@odata.count']]).toEqual([200, 250]);
  });

  test('tell their mailbox settings one by one', async () => {
    await session.control.setMailboxPurpose(user, 'shared');
    expect((await session.get(`/users/${user}/mailboxSettings`)).json).toMatchObject({
      userPurpose: 'shared',
      timeZone: expect.any(String),
    });
    expect((await session.get(`/users/${user}/mailboxSettings/userPurpose`)).json.value).toBe('shared');
    expect(
      (await session.get(`/users/${user}?$select=id,mailboxSettings`)).json.mailboxSettings.userPurpose,
    ).toBe('shared');
    expect((await session.get(`/users/${user}?$select=accountEnabled,assignedPlans`)).json).toMatchObject({
      accountEnabled: false,
      assignedPlans: [],
    });
  });

  test('are tracked by delta: latest, additions, renames and removals, for seven days', async () => {
    const own = await openSession({ mailboxes: 120, messages: 0 });
    try {
      const latest = await own.get('/users/delta?$deltatoken=latest');
      expect(latest.json.value).toEqual([]);
      const first = await own.get('/users/delta?$select=displayName');
      expect(first.json.value).toHaveLength(100);
      const second = await own.get(first.json['@odata.nextLink']);
      expect(second.json.value).toHaveLength(20);
      const added = await own.control.addUser({ userPrincipalName: 'new@contoso.example' });
      await own.control.renameUser(own.users[0]!, 'Renamed');
      await own.control.deleteUser(own.users[1]!);
      const changes = await own.get(latest.json['@odata.deltaLink']);
      expect(changes.json.value.map((one: { id: string }) => one.id)).toEqual([
        added.id,
        own.users[0],
        own.users[1],
      ]);
      expect(changes.json.value[2]['@removed']).toEqual({ reason: 'changed' });
      await own.control.advanceClock(7.1 * 86_400_000);
      const { json } = await own.signIn();
      const late = await own.get(changes.json['@odata.deltaLink'], {
        authorization: `Bearer ${json.access_token}`,
      });
      expect([late.status, late.json.error.code]).toEqual([410, 'SyncStateNotFound']);
    } finally {
      await own.close();
    }
  });

  test('form groups, directly and through groups', async () => {
    const [one, two, three] = session.users;
    const inner = await session.control.addGroup({ displayName: 'Inner', members: [two!, three!] });
    const outer = await session.control.addGroup({ displayName: 'Outer', members: [one!, 'Inner'] });
    expect((await all('/groups', 'displayName')).values).toEqual(['Inner', 'Outer']);
    expect((await all("/groups?$filter=displayName eq 'Outer'")).values).toEqual([outer]);
    expect((await all(`/groups/${outer}/members`)).values).toEqual([one, inner]);
    expect((await all(`/groups/${outer}/transitiveMembers/microsoft.graph.user`)).values).toEqual([
      one,
      two,
      three,
    ]);
    expect((await all(`/groups/${outer}/transitiveMembers?$top=2`)).pages).toBe(2);
  });
});

describe('folders', () => {
  const folders = () => `/users/${user}/mailFolders`;

  test('are the children of the root, ten a page, hidden ones on request', async () => {
    const visible = await all(folders(), 'displayName');
    expect(visible.values).toContain('Inbox');
    expect(visible.values).not.toContain('Sync Issues');
    expect((await session.get(folders())).json.value).toHaveLength(Math.min(10, visible.values.length));
    const hidden = await all(`${folders()}?includeHiddenFolders=true`, 'displayName');
    expect(hidden.pages).toBe(2);
    expect(hidden.values).toContain('Sync Issues');
    expect(hidden.values).not.toContain('Conflicts');
    expect(
      (await all(`${folders()}/syncissues/childFolders?includeHiddenFolders=true`, 'displayName')).values,
    ).toEqual(['Conflicts', 'Local Failures', 'Server Failures']);
  });

  test('are found by name and by well-known name in any case', async () => {
    const archive = await session.get(`${folders()}?$filter=displayName eq 'Archiv 2024/25 📁'`);
    expect(archive.json.value).toHaveLength(1);
    const inbox = await session.get(`${folders()}/INBOX`);
    expect(inbox.json).toMatchObject({ displayName: 'Inbox', totalItemCount: 120, unreadItemCount: 30 });
    expect((await session.get(`${folders()}/msgfolderroot`)).json.id).toBe(inbox.json.parentFolderId);
    expect((await session.get(`${folders()}('${inbox.json.id}')`)).json.id).toBe(inbox.json.id);
  });

  test('are created, renamed, moved, counted and deleted with what is in them', async () => {
    const made = await session.post(folders(), { displayName: "Kunde's 🚀 a/b" });
    expect(made.status).toBe(201);
    expect(
      (await session.get(`${folders()}?$filter=displayName eq 'Kunde''s 🚀 a/b'`)).json.value,
    ).toHaveLength(1);
    const child = await session.post(`${folders()}/${made.json.id}/childFolders`, {
      displayName: 'Child',
      isHidden: true,
    });
    expect(child.json).toMatchObject({ parentFolderId: made.json.id, isHidden: true });
    expect(
      (await session.call('PATCH', `${folders()}/${child.json.id}`, { body: { displayName: 'Kind' } })).json
        .displayName,
    ).toBe('Kind');
    const message = await session.post(`${folders()}/${child.json.id}/messages`, { subject: 'in it' });
    expect((await session.get(`${folders()}/${child.json.id}`)).json).toMatchObject({
      totalItemCount: 1,
      unreadItemCount: 0,
    });
    expect(
      (await session.post(`${folders()}/${made.json.id}/move`, { destinationId: child.json.id })).json.error
        .code,
    ).toBe('ErrorMoveCopyFailed');
    expect(
      (await session.post(`${folders()}/${child.json.id}/move`, { destinationId: 'archive' })).status,
    ).toBe(201);
    expect((await session.get(`/users/${user}/messages/${message.json.id}`)).status).toBe(200);
    expect((await session.call('DELETE', `${folders()}/${child.json.id}`)).status).toBe(204);
    expect((await session.get(`/users/${user}/messages/${message.json.id}`)).json.error.code).toBe(
      'ErrorItemNotFound',
    );
    expect((await session.get(`${folders()}/${child.json.id}`)).json.error.code).toBe('ErrorItemNotFound');
  });

  test('a search folder is told by its type', async () => {
    await session.control.addFolder(user, 'Unread', undefined, 'search');
    const found = await session.get(`${folders()}?$filter=displayName eq 'Unread'`);
    expect(found.json.value[0]['@odata.type']).toBe('#microsoft.graph.mailSearchFolder');
  });
});

describe('messages', () => {
  const inbox = () => `/users/${user}/mailFolders/inbox/messages`;

  test('come newest first, each once, however large the pages are', async () => {
    const byTen = await all(`${inbox()}?$select=receivedDateTime`, 'receivedDateTime');
    expect([byTen.values.length, byTen.pages]).toEqual([120, 12]);
    expect(byTen.values).toEqual([...byTen.values].sort().reverse());
    const { values } = await all(`${inbox()}?$select=id&$top=50`);
    expect(new Set(values).size).toBe(120);
    expect(
      (await session.get(`${inbox()}?$select=id`, { prefer: 'odata.maxpagesize=33, IdType="ImmutableId"' }))
        .json.value,
    ).toHaveLength(33);
    const rising = await all(`${inbox()}?$orderby=receivedDateTime asc&$top=100`, 'id');
    const falling = await all(`${inbox()}?$top=100`, 'id');
    expect(rising.values).toEqual([...falling.values].reverse());
  });

  test('are counted and cut by time exactly', async () => {
    const times = (await all(`${inbox()}?$select=receivedDateTime&$top=200`, 'receivedDateTime')).values;
    for (const [operator, expected] of [
      ['ge', 11],
      ['gt', 10],
      ['le', 110],
      ['lt', 109],
    ] as const) {
      const page = await session.get(
        `${inbox()}?$filter=receivedDateTime ${operator} ${times[10]}&$count=true&$top=1`,
      );
      expect([operator, page.json['@odata.count']]).toEqual([operator, expected]);
    }
    const between = await all(
      `${inbox()}?$filter=receivedDateTime ge ${times[19]} and receivedDateTime lt ${times[9]} and isRead eq true`,
    );
    expect(between.values).toHaveLength(8);
  });

  test('of the whole mailbox are those of its folders', async () => {
    const { values } = await all(`/users/${user}/messages?$select=id&$top=150`);
    expect(values.length).toBeGreaterThanOrEqual(200);
    expect(new Set(values).size).toBe(values.length);
  });

  test('are found by internet message id among generated mail', async () => {
    const one = (await session.get(`${inbox()}?$top=1&$skip=77&$select=internetMessageId`, IMMUTABLE)).json
      .value[0];
    const found = await session.get(
      `${inbox()}?$filter=internetMessageId eq '${one.internetMessageId}'&$select=id`,
      IMMUTABLE,
    );
    expect(found.json.value.map((each: { id: string }) => each.id)).toEqual([one.id]);
    expect(
      (
        await session.get(
          `/users/${user}/mailFolders/sentitems/messages?$filter=internetMessageId eq '${one.internetMessageId}'`,
        )
      ).json.value,
    ).toEqual([]);
  });

  test('show their MAPI properties on request', async () => {
    const filter = ['Integer 0x0E07', 'SystemTime 0x0E06', 'String 0x001A', 'String 0x007D']
      .map((id) => `id eq '${id}'`)
      .join(' or ');
    const one = (
      await session.get(
        `${inbox()}?$top=1&$select=isRead,receivedDateTime&$expand=singleValueExtendedProperties($filter=${filter})`,
      )
    ).json.value[0];
    const values = Object.fromEntries(
      one.singleValueExtendedProperties.map(({ id, value }: { id: string; value: string }) => [id, value]),
    );
    expect(values).toMatchObject({
      'Integer 0xe07': one.isRead ? '5' : '4',
      'SystemTime 0xe06': one.receivedDateTime,
      'String 0x1a': 'IPM.Note',
    });
    expect(values['String 0x7d']).toContain('Received: from ');
  });

  test('give their body as text when it is preferred', async () => {
    const { value } = (await session.get(`${inbox()}?$top=20&$select=body`)).json;
    const html = value.find((one: { body: { contentType: string } }) => one.body.contentType === 'html');
    const text = await session.get(`/users/${user}/messages/${html.id}?$select=body`, {
      prefer: 'outlook.body-content-type="text"',
    });
    expect(text.json.body.contentType).toBe('text');
    expect(text.json.body.content).not.toContain('<p');
  });
});
