import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { IMMUTABLE, openSession, type Session, walkDelta } from '../testing/session.ts';

let session: Session;
let user: string;
const SELECT = '$select=id,subject,isRead,categories,changeKey,bodyPreview';

beforeAll(async () => {
  session = await openSession({ mailboxes: 40, messages: 60 });
  user = session.users[0]!;
});
afterEach(() =>
  session.control.setChaos({ emptyPages: 0, randomPageSizes: false, duplicates: 0, replays: 0 }),
);
afterAll(() => session.close());

const delta = (owner: string, folder: string) =>
  `/users/${owner}/mailFolders/${folder}/messages/delta?${SELECT}`;
const removed = (values: readonly Record<string, unknown>[]) =>
  values.filter((one) => one['@removed']).map((one) => one.id);

describe('a delta walk', () => {
  test('pages by ten without a preference, by the preference with one, never over the cap', async () => {
    expect((await session.get(delta(user, 'inbox'))).json.value).toHaveLength(10);
    expect(
      (await session.get(delta(user, 'inbox'), { prefer: 'odata.maxpagesize=7' })).json.value,
    ).toHaveLength(7);
    await session.control.setLimits({ maxPageSize: 20 });
    expect(
      (await session.get(delta(user, 'inbox'), { prefer: 'odata.maxpagesize=500' })).json.value,
    ).toHaveLength(20);
    await session.control.setLimits({ maxPageSize: 1000 });
  });

  test('answers only what was selected, on later pages too, and the body when it is selected', async () => {
    const { values } = await walkDelta(
      session,
      `/users/${user}/mailFolders/inbox/messages/delta?$select=subject,body`,
    );
    expect(values).toHaveLength(36);
    for (const one of values)
      expect(Object.keys(one).sort()).toEqual(['@odata.etag', '@odata.type', 'body', 'id', 'subject']);
  });

  test('answers a property once that is selected twice', async () => {
    const path = `/users/${user}/mailFolders/inbox/messages/delta?$select=subject,isRead,subject`;
    const { bytes, json } = await session.get(path);
    expect(Object.keys(json.value[0])).toEqual(['@odata.type', '@odata.etag', 'id', 'subject', 'isRead']);
    expect(bytes.toString().split('"subject":')).toHaveLength(11);
  });

  test('reports a new message, a changed one and one that moved on', async () => {
    const owner = session.users[1]!;
    const inbox = await walkDelta(session, delta(owner, 'inbox'));
    const sent = await walkDelta(session, delta(owner, 'sentitems'));
    const [added] = await session.control.addGenerated(owner, 'inbox', 1);
    const [changed, moved] = inbox.values.map((one) => String(one.id));
    await session.control.changeState(owner, changed!, { isRead: true, categories: ['Seen'] });
    await session.control.moveMessage(owner, moved!, 'sentitems');
    const next = await walkDelta(session, inbox.deltaLink);
    expect(next.values.map((one) => one.id).sort()).toEqual([added, changed, moved].sort());
    expect(removed(next.values)).toEqual([moved]);
    expect(next.values.find((one) => one.id === changed)).toMatchObject({
      isRead: true,
      categories: ['Seen'],
    });
    const arrived = await walkDelta(session, sent.deltaLink);
    expect(arrived.values.map((one) => one.id)).toEqual([moved]);
    expect((await walkDelta(session, next.deltaLink)).values).toEqual([]);
  });

  test('keeps the immutable id over a move and gives a new regular one', async () => {
    const owner = session.users[2]!;
    const page = await session.get(`/users/${owner}/mailFolders/inbox/messages?$top=1&$select=id`);
    const regular = page.json.value[0].id;
    const walk = await walkDelta(session, delta(owner, 'inbox'), {});
    const moved = await session.post(`/users/${owner}/messages/${regular}/move`, {
      destinationId: 'archive',
    });
    expect(moved.status).toBe(201);
    expect(moved.json.id).not.toBe(regular);
    expect((await session.get(`/users/${owner}/messages/${regular}`)).json.error.code).toBe(
      'ErrorItemNotFound',
    );
    const both = await session.post(`/users/${owner}/translateExchangeIds`, {
      inputIds: [moved.json.id, regular],
      sourceIdType: 'restId',
      targetIdType: 'restImmutableEntryId',
    });
    expect(both.json.value[0].targetId).toBe(both.json.value[1].targetId);
    expect(
      (await session.get(`/users/${owner}/messages/${both.json.value[0].targetId}`, IMMUTABLE)).json.id,
    ).toBe(both.json.value[0].targetId);
    expect(removed((await walkDelta(session, walk.deltaLink, {})).values)).toEqual([regular]);
  });

  test('leaves out older mail by a filter, and stops at $top', async () => {
    const newest = (
      await session.get(`/users/${user}/mailFolders/inbox/messages?$top=5&$select=receivedDateTime`)
    ).json.value;
    const walk = await walkDelta(
      session,
      `${delta(user, 'inbox')}&$filter=receivedDateTime ge ${newest[4].receivedDateTime}`,
    );
    expect(walk.values).toHaveLength(5);
    const later = await walkDelta(
      session,
      `${delta(user, 'inbox')}&$filter=receivedDateTime gt ${newest[4].receivedDateTime}`,
    );
    expect(later.values).toHaveLength(4);
    expect((await walkDelta(session, `${delta(user, 'inbox')}&$top=12`)).values).toHaveLength(12);
  });

  test('reports only the kind of change that was asked for', async () => {
    const owner = session.users[3]!;
    const walk = await walkDelta(session, `${delta(owner, 'inbox')}&changeType=created`);
    await session.control.churn(owner, { changed: 5, deleted: 5 });
    const [added] = await session.control.addGenerated(owner, 'inbox', 1);
    expect((await walkDelta(session, walk.deltaLink)).values.map((one) => one.id)).toEqual([added]);
  });

  test('does not take options beside a token', async () => {
    const page = await session.get(delta(user, 'inbox'));
    const answer = await session.get(`${page.json['@odata.nextLink']}&$select=id`);
    expect([answer.status, answer.json.error.code]).toEqual([400, 'ErrorInvalidUrlQuery']);
  });

  test('does not take the token of another folder', async () => {
    const walk = await walkDelta(session, delta(user, 'inbox'));
    const token = walk.deltaLink.split('$deltatoken=')[1];
    expect(
      (await session.get(`/users/${user}/mailFolders/sentitems/messages/delta?$deltatoken=${token}`)).status,
    ).toBe(400);
  });
});

describe('lost tokens', () => {
  test('expire for one folder with 410 and the way to start again', async () => {
    const owner = session.users[4]!;
    const inbox = await walkDelta(session, delta(owner, 'inbox'));
    const sent = await walkDelta(session, delta(owner, 'sentitems'));
    await session.control.expireDeltaTokens({ mailbox: owner, folder: 'inbox' });
    const gone = await session.get(inbox.deltaLink);
    expect([gone.status, gone.json.error.code]).toEqual([410, 'SyncStateNotFound']);
    expect((await session.get(sent.deltaLink)).status).toBe(200);
    const restarted = await walkDelta(session, gone.headers.get('location')!);
    expect(restarted.values).toHaveLength(36);
    expect((await session.get(restarted.deltaLink)).status).toBe(200);
  });

  test('may die in the middle of a walk while finished rounds live on', async () => {
    const owner = session.users[5]!;
    const done = await walkDelta(session, delta(owner, 'inbox'));
    const page = await session.get(delta(owner, 'inbox'));
    await session.control.expireDeltaTokens({ mailbox: owner, link: 'next' });
    expect((await session.get(page.json['@odata.nextLink'])).status).toBe(410);
    expect((await session.get(done.deltaLink)).status).toBe(200);
  });

  test('may die for a share of the folders', async () => {
    const links = [];
    for (const owner of session.users)
      links.push((await walkDelta(session, `${delta(owner, 'sentitems')}`)).deltaLink);
    await session.control.expireDeltaTokens({ fraction: 0.5 });
    let gone = 0;
    for (const link of links) if ((await session.get(link)).status === 410) gone++;
    expect(gone).toBeGreaterThan(5);
    expect(gone).toBeLessThan(35);
  });

  test('a deleted folder is told in the words of change tracking', async () => {
    const owner = session.users[6]!;
    const folder = await session.control.addFolder(owner, 'Short lived');
    await session.control.addGenerated(owner, folder.id, 3);
    const walk = await walkDelta(session, delta(owner, folder.id));
    expect(walk.values).toHaveLength(3);
    await session.control.deleteFolder(owner, folder.id);
    expect((await session.get(walk.deltaLink)).json.error.code).toBe('ErrorSyncFolderNotFound');
    expect((await session.get(delta(owner, folder.id))).json.error.code).toBe('ErrorItemNotFound');
  });
});

describe('folder delta', () => {
  test('gives the tree flat, then additions, renames, moves and removals', async () => {
    const owner = session.users[7]!;
    const walk = await walkDelta(session, `/users/${owner}/mailFolders/delta`);
    const names = walk.values.map((one) => one.displayName);
    expect(names).toEqual(
      expect.arrayContaining(['Inbox', 'Archiv 2024/25 📁', 'Kunden & Partner', 'Conflicts']),
    );
    const one = await session.control.addFolder(owner, 'One');
    const two = await session.control.addFolder(owner, 'Two', one.id);
    const second = await walkDelta(session, walk.deltaLink);
    expect(second.values.map((folder) => folder.displayName)).toEqual(['One', 'Two']);
    await session.control.renameFolder(owner, two.id, 'Zwei');
    await session.control.moveFolder(owner, two.id, 'inbox');
    await session.control.deleteFolder(owner, one.id);
    const third = await walkDelta(session, second.deltaLink);
    expect(third.values.find((folder) => folder.id === two.id)).toMatchObject({ displayName: 'Zwei' });
    expect(removed(third.values)).toEqual([one.id]);
  });
});

interface Known {
  readonly subject: unknown;
  readonly isRead: unknown;
  readonly changeKey: unknown;
}

/** A client that only follows links: what it knows of a folder. */
async function follow(
  owner: string,
  folder: string,
  link: string | undefined,
  known: Map<string, Known>,
  pageSize: number,
): Promise<string> {
  const headers = { prefer: `IdType="ImmutableId", odata.maxpagesize=${pageSize}` };
  const walk = await walkDelta(session, link ?? delta(owner, folder), headers);
  for (const one of walk.values) {
    if (one['@removed']) known.delete(String(one.id));
    else known.set(String(one.id), { subject: one.subject, isRead: one.isRead, changeKey: one.changeKey });
  }
  return walk.deltaLink;
}

describe('a client that follows delta links', () => {
  test('knows each folder exactly, whatever changes in between and however pages fall', async () => {
    const folders = ['inbox', 'sentitems', 'Archiv 2024/25 📁'];
    let next = 10;
    const round = fc.record({
      churn: fc.record({ new: fc.nat(4), changed: fc.nat(4), moved: fc.nat(6), deleted: fc.nat(3) }),
      pageSize: fc.integer({ min: 1, max: 30 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(round, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (rounds, chaotic) => {
          const owner = session.users[next++ % session.users.length]!;
          await session.control.setChaos(
            chaotic
              ? { emptyPages: 0.2, randomPageSizes: true, duplicates: 0.1, replays: 0.3 }
              : { emptyPages: 0, randomPageSizes: false, duplicates: 0, replays: 0 },
          );
          const ids = new Map(
            (await session.control.folders(owner)).map((folder) => [
              folder.wellKnownName ?? folder.displayName,
              folder.id,
            ]),
          );
          const known = new Map(folders.map((folder) => [folder, new Map<string, Known>()]));
          const links = new Map<string, string>();
          for (const { churn, pageSize } of rounds) {
            for (const folder of folders)
              links.set(
                folder,
                await follow(owner, ids.get(folder)!, links.get(folder), known.get(folder)!, pageSize),
              );
            await session.control.churn(owner, churn);
          }
          for (const folder of folders)
            await follow(owner, ids.get(folder)!, links.get(folder), known.get(folder)!, 50);
          const { messages } = await session.control.snapshot(owner);
          for (const folder of folders) {
            const actual = messages
              .filter((one) => one.folderId === ids.get(folder))
              .map(
                (one) =>
                  [one.id, { subject: one.subject, isRead: one.isRead, changeKey: one.changeKey }] as const,
              );
            expect(Object.fromEntries(known.get(folder)!)).toEqual(Object.fromEntries(actual));
          }
        },
      ),
      { numRuns: 15 },
    );
  }, 60_000);

  test('misses nothing when the folder changes in the middle of the first walk', async () => {
    const owner = session.users[8]!;
    const first = await session.get(delta(owner, 'inbox'), {
      prefer: 'IdType="ImmutableId", odata.maxpagesize=12',
    });
    const known = new Map<string, unknown>(first.json.value.map((one: { id: string }) => [one.id, one]));
    await session.control.churn(owner, { moved: 12, deleted: 8, new: 5, changed: 6 });
    const rest = await walkDelta(session, first.json['@odata.nextLink']);
    const last = await walkDelta(session, rest.deltaLink);
    for (const one of [...rest.values, ...last.values]) {
      if (one['@removed']) known.delete(String(one.id));
      else known.set(String(one.id), one);
    }
    const inbox = (await session.control.snapshot(owner)).messages
      .filter((one) => one.folderPath === 'Inbox')
      .map((one) => one.id);
    expect([...known.keys()].sort()).toEqual(inbox.sort());
  });
});
