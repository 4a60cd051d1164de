import type { RestoreInput } from '@holdfast/contracts';
import { DEFAULT_CLIENT, DEFAULT_SECRET, DEFAULT_TENANT } from '@holdfast/exchange-simulator';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { signal } from './exchange.support.ts';
import { type RestoreBench, startRestoreBench } from './restore.support.ts';

jest.setTimeout(120_000);

/** The conflict matrix of docs/restore.md: what becomes of one message, by policy and by what the target has of it. */
const policies = {
  skip: { onConflict: 'skip' },
  rename: { onConflict: 'rename' },
  overwrite: { onConflict: 'overwrite' },
  missing: { only: 'missing' },
  'missing or changed, rename': { only: 'missing-or-changed', onConflict: 'rename' },
  'missing or changed, overwrite': { only: 'missing-or-changed', onConflict: 'overwrite' },
} satisfies Record<string, Partial<RestoreInput>>;
type Policy = keyof typeof policies;

const states = [
  'missing',
  'same',
  'changed',
  'moved',
  'moved and changed',
  'in a renamed folder',
  'where a folder of another class has the name',
  'missing, mailbox full',
  'same, mailbox full',
  'missing, permission to read only',
] as const;
type State = (typeof states)[number];

type Cell = 'created' | 'skipped' | 'renamed' | 'overwritten' | 'mailbox-full' | 'access-denied';

const matrix: Record<Policy, Record<State, Cell>> = {
  skip: row('created', 'skipped', 'skipped', 'created', 'created', 'skipped', 'skipped'),
  rename: row('created', 'renamed', 'renamed', 'created', 'created', 'renamed', 'mailbox-full'),
  overwrite: row('created', 'skipped', 'overwritten', 'created', 'created', 'skipped', 'skipped'),
  missing: row('created', 'skipped', 'skipped', 'skipped', 'skipped', 'skipped', 'skipped'),
  'missing or changed, rename': row(
    'created',
    'skipped',
    'renamed',
    'skipped',
    'created',
    'skipped',
    'skipped',
  ),
  'missing or changed, overwrite': row(
    ...(['created', 'skipped', 'overwritten', 'skipped', 'created', 'skipped', 'skipped'] as const),
  ),
};

function row(
  ...[missing, same, changed, moved, movedAndChanged, renamedFolder, sameWhenFull]: Cell[]
): Record<State, Cell> {
  const cell = (given: Cell | undefined): Cell => given ?? 'skipped';
  return {
    missing: cell(missing),
    same: cell(same),
    changed: cell(changed),
    moved: cell(moved),
    'moved and changed': cell(movedAndChanged),
    'in a renamed folder': cell(renamedFolder),
    'where a folder of another class has the name': 'created',
    'missing, mailbox full': 'mailbox-full',
    'same, mailbox full': cell(sameWhenFull),
    'missing, permission to read only': 'access-denied',
  };
}

const text = (subject: string) =>
  Buffer.from(
    [
      'From: Bo <bo@fabrikam.example>',
      'To: Ann <ann@contoso.example>',
      `Subject: ${subject}`,
      `Message-ID: <${subject.replaceAll(/\W/g, '-')}@fabrikam.example>`,
      'Date: Mon, 5 Jan 2026 10:00:00 +0000',
      '',
      'The text.',
      '',
    ].join('\r\n'),
  ).toString('base64');

let bench: RestoreBench;
let users = 0;
beforeAll(async () => {
  const applications = [{ clientId: DEFAULT_CLIENT, secrets: [{ value: DEFAULT_SECRET }] }];
  const count = Object.keys(policies).length * states.length + 4;
  bench = await startRestoreBench({
    limits: { retryAfter: 0.1 },
    tenants: [
      {
        ...{ tenantId: DEFAULT_TENANT, applications },
        users: Array.from({ length: count }, (_, n) => ({ userPrincipalName: `user${n}@contoso.example` })),
      },
    ],
  });
});
afterAll(() => bench.stop());

/** Brings the mailbox from how it was backed up to the state of a cell. */
async function bringAbout(state: State, user: string, folder: string, message: string): Promise<void> {
  const { control } = bench;
  switch (state) {
    case 'missing':
      return control.deleteMessage(user, message, 'hard');
    case 'same':
      return;
    case 'changed':
      return control.changeState(user, message, { categories: ['Red'] });
    case 'moved':
    case 'moved and changed':
      await control.moveMessage(user, message, 'archive');
      if (state === 'moved and changed') await control.changeState(user, message, { categories: ['Red'] });
      return;
    case 'in a renamed folder':
      return control.renameFolder(user, folder, 'Called otherwise');
    case 'where a folder of another class has the name':
      await control.deleteFolder(user, folder);
      await control.addFolder(user, 'Projects/2026 📁', undefined, 'contacts');
      return;
    case 'missing, mailbox full':
      await control.deleteMessage(user, message, 'hard');
      return control.setMailboxKind(user, 'full');
    case 'same, mailbox full':
      return control.setMailboxKind(user, 'full');
    case 'missing, permission to read only':
      await control.deleteMessage(user, message, 'hard');
      return control.setMailboxKind(user, 'readOnly');
  }
}

describe.each(Object.keys(policies) as Policy[])('conflict policy %s', (policy) => {
  test.each(states)('an item that is %s', async (state) => {
    const user = bench.users[users++] as string;
    const { control } = bench;
    const folder = (await control.addFolder(user, 'Projects/2026 📁')).id;
    const message = await control.addMessage(user, folder, text('Quarterly plan'), {
      isRead: true,
      categories: ['Blue'],
    });
    const point = await bench.backUp(user);
    await bringAbout(state, user, folder, message);
    const before = await bench.messages(user);

    const selection = { kind: 'items' as const, items: [{ folderId: folder, itemKey: message }] };
    const { session, plan, ledger } = await bench.restore(user, point, { ...policies[policy], selection });
    const [line] = ledger;
    const after = await bench.messages(user);
    const wanted = matrix[policy][state];
    const told = { state: session.state, error: session.error?.code, action: line?.action };

    if (wanted === 'mailbox-full' || wanted === 'access-denied') {
      expect({ ...told, plan: plan[0]?.action }).toMatchObject({ state: 'failed', error: wanted });
      expect(after).toEqual(before);
      return;
    }
    expect(told).toEqual({ state: 'success', error: undefined, action: wanted });
    const word = { created: 'create', skipped: 'skip', renamed: 'rename', overwritten: 'overwrite' }[wanted];
    expect([plan[0]?.action, line?.planned]).toEqual([word, undefined]);
    if (wanted === 'skipped') {
      expect(after).toEqual(before);
      return;
    }
    // What came back is in its folder, is no draft, and equals the backup; what was there is there, or was replaced.
    const fresh = after.filter(({ id }) => !before.some((one) => one.id === id));
    expect(fresh).toHaveLength(1);
    expect(fresh[0]).toMatchObject({ isDraft: false, isRead: true, categories: ['Blue'] });
    const folderName = state === 'in a renamed folder' ? 'Called otherwise' : 'Projects/2026 📁';
    const beside = state === 'where a folder of another class has the name' ? ' (restored)' : '';
    expect(fresh[0]?.folderPath).toBe(`${folderName}${beside}`);
    expect(fresh[0]?.subject.startsWith('Quarterly plan')).toBe(true);
    expect(fresh[0]?.subject.includes('(restored 20')).toBe(wanted === 'renamed');
    const gone = before.filter(({ id }) => !after.some((one) => one.id === id));
    expect(gone.map(({ id }) => id)).toEqual(wanted === 'overwritten' ? [message] : []);
  });
});

test('a folder that was lost comes back with its class and name', async () => {
  const user = bench.users[users++] as string;
  const folderClass = 'IPF.Note.OutlookHomepage';
  const writer = await bench.connector.writer({ userId: user, address: '' }, { signal });
  const name = `RSS/Feeds 📰 ${'x'.repeat(230)}`;
  const { id } = await writer.ensureFolder(null, name, { folderClass });
  await writer.close();
  await bench.control.addMessage(user, id, text('News of the day'));
  const point = await bench.backUp(user);
  await bench.control.deleteFolder(user, id);
  const { session } = await bench.restore(user, point, { only: 'missing' });
  expect(session.state).toBe('success');
  const back = (await bench.control.folders(user)).filter((one) => one.displayName === name);
  expect(back).toMatchObject([{ folderClass }]);
  expect((await bench.messages(user)).filter(({ folderPath }) => folderPath === name)).toHaveLength(1);
});

describe('Recoverable Items', () => {
  const deleted = async (user: string) => {
    const kept = await bench.control.addMessage(user, 'inbox', text('Kept'));
    const id = await bench.control.addMessage(user, 'inbox', text('Deleted for good'));
    await bench.control.deleteMessage(user, id, 'soft');
    return { kept, point: await bench.backUp(user, { recoverable: true }) };
  };
  const paths = async (user: string) =>
    (await bench.messages(user))
      .map(({ folderPath, subject }) => `${folderPath.replaceAll('\t', '/')}: ${subject}`)
      .sort();

  test('stay away from the restore of a mailbox unless they are asked for', async () => {
    const user = bench.users[users++] as string;
    const { kept, point } = await deleted(user);
    await bench.control.deleteMessage(user, kept, 'hard');
    const { session, ledger } = await bench.restore(user, point);
    expect([session.state, ledger.map(({ subject }) => subject)]).toEqual(['success', ['Kept']]);
    expect(session.plan?.warnings.map(({ code }) => code)).toEqual(['recoverable-left-out']);
    expect(await paths(user)).toEqual(['Inbox: Kept']);
  });

  test('come back where people see them, once, and never to their old place', async () => {
    const user = bench.users[users++] as string;
    const { point } = await deleted(user);
    for (const created of [1, 0]) {
      const { session, plan } = await bench.restore(user, point, { includeRecoverable: true });
      expect(session).toMatchObject({ state: 'success', progress: { created } });
      expect(plan.find(({ subject }) => subject === 'Deleted for good')).toMatchObject({
        folderPath: '/Recoverable Items/Deletions',
        targetPath: '/Recovered Items/Deletions',
      });
      expect(await paths(user)).toEqual(['Inbox: Kept', 'Recovered Items/Deletions: Deleted for good']);
    }
  });

  test('a chosen folder of theirs is refused by name, until they are asked for', async () => {
    const user = bench.users[users++] as string;
    const { point } = await deleted(user);
    const folders = ['/Recoverable Items'];
    const selection = { kind: 'folders' as const, folders, withSubfolders: true };
    const refused = await bench.restore(user, point, { selection });
    expect(refused.session.error).toMatchObject({
      code: 'recoverable-not-asked-for',
      message: expect.stringContaining('/Recoverable Items/Deletions'),
    });
    const asked = await bench.restore(
      user,
      point,
      { selection, includeRecoverable: true },
      { part: { targetFolder: ['Back'] } },
    );
    expect(asked.session).toMatchObject({ state: 'success', progress: { created: 1 } });
    expect(await paths(user)).toContain('Back/Recovered Items/Deletions: Deleted for good');
  });
});

test('nothing was sent to anybody, and nothing stayed a draft', async () => {
  const { sentMail, invitations } = await bench.control.statistics();
  expect([...sentMail, ...invitations]).toEqual([]);
  expect(await bench.control.drafts()).toBe(0);
});
