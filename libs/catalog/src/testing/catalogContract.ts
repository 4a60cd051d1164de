import { parseSearch } from '../parseSearch.ts';
import type { AsOf, Catalog, CatalogHit, CatalogQuery, SearchPage } from '../ports.ts';
import { backlogContract } from './backlogContract.ts';
import { jestGlobals } from './jestGlobals.ts';
import {
  batchBetween,
  day,
  documentOf,
  indexPoints,
  type MailboxState,
  shelfFacts,
  type TestItem,
} from './mailboxHistory.ts';
import type { OpenCatalog } from './openTestCatalog.ts';
import { rebuildContract } from './rebuildContract.ts';
import { withCatalog } from './withCatalog.ts';

/** What every catalog must do. Call it inside a `describe` of the adapter's test. */
export function catalogContract(open: OpenCatalog, options: { histories?: number } = {}): void {
  searchContract(open);
  timeContract(open);
  backlogContract(open);
  rebuildContract(open, options.histories ?? 20);
}

const inbox = { id: 'f-inbox', parentId: null, name: 'Inbox', role: 'inbox' };
const reports = { id: 'f-reports', parentId: 'f-inbox', name: 'Réports' };

const item = (key: string, document: TestItem['document'], folderId = inbox.id): TestItem => ({
  ...{ key, document, folderId },
  isRead: false,
});

const mail: MailboxState = {
  folders: [inbox, reports],
  items: [
    item(
      'k1',
      documentOf('Quarterly figures', {
        time: day(1),
        body: 'The résumé of the meeting about ＡＢＣ figures is attached.',
        attachments: ['Budget_2026.xlsx'],
      }),
    ),
    item('k2', documentOf('Lunch', { time: day(2), body: 'Soup, then strawberries.', size: 9_000_000 })),
    item(
      'k3',
      documentOf('会議の報告', {
        time: day(3),
        body: '東京で会議をします。',
        from: 'Jürgen Groß <jg@köln.example>',
      }),
      reports.id,
    ),
    item(
      'k4',
      documentOf('Invitation', { time: day(4), kind: 'meeting', body: 'meetings all day' }),
      reports.id,
    ),
  ],
};

async function filled(catalog: Catalog): Promise<string> {
  const { id } = await catalog.openShelf(shelfFacts());
  await indexPoints(catalog, id, [{ pointId: 'p1', state: mail, time: day(10) }]);
  return id;
}

const everything: CatalogQuery = {
  scope: {},
  terms: [],
  asOf: { kind: 'ever' },
  order: 'date',
  limit: 50,
};

const search = (catalog: Catalog, words: string, more: Partial<CatalogQuery> = {}): Promise<SearchPage> =>
  catalog.search({ ...everything, ...parseSearch(words), ...more });

const keys = (page: { hits: readonly CatalogHit[] }): string[] => page.hits.map(({ itemKey }) => itemKey);

function searchContract(open: OpenCatalog): void {
  const { describe, expect, test } = jestGlobals();
  describe('a search', () => {
    const cases: [string, string[]][] = [
      ['meeting', ['k1']],
      ['meet*', ['k4', 'k1']],
      ['*eetin*', ['k4', 'k1']],
      ['*eeting', ['k1']],
      ['*rawberr*', ['k2']],
      ['RESUME', ['k1']],
      ['résumé', ['k1']],
      ['abc', ['k1']],
      ['ａｂｃ', ['k1']],
      ['"résumé of the meeting"', ['k1']],
      ['"meeting of the résumé"', []],
      ['"the meet*"', ['k1']],
      ['attachment:budget_2026', ['k1']],
      ['attachment:*udget*', ['k1']],
      ['has:attachment', ['k1']],
      ['from:ann', ['k4', 'k2', 'k1']],
      ['from:gross', ['k3']],
      ['from:koln', ['k3']],
      ['to:bo@fabrikam.org', ['k4', 'k3', 'k2', 'k1']],
      ['to:*bo@fabri*', ['k4', 'k3', 'k2', 'k1']],
      ['*nn@conto*', ['k4', 'k2', 'k1']],
      ['subject:lunch', ['k2']],
      ['subject:soup', []],
      ['body:soup', ['k2']],
      ['会議', ['k3']],
      ['東京', ['k3']],
      ['報', ['k3']],
      ['*会議*', ['k3']],
      ['kind:meeting', ['k4']],
      ['larger:1MB', ['k2']],
      ['smaller:1MB', ['k4', 'k3', 'k1']],
      ['after:2026-01-03', ['k4', 'k3', 'k2']],
      ['before:2026-01-03', ['k1']],
      ['after:2026-01-03 before:2026-01-04', ['k2']],
      ['folder:/Inbox/Reports', ['k4', 'k3']],
      ['folder:/inbox', ['k4', 'k3', 'k2', 'k1']],
      ['folder:port', ['k4', 'k3']],
      ['soup strawberries', ['k2']],
      ['soup meeting', []],
      ['meet* -subject:invitation', ['k1']],
      ['-soup', ['k4', 'k3', 'k1']],
      ['nowhere', []],
      ['*nowhere*', []],
      ['', ['k4', 'k3', 'k2', 'k1']],
    ];
    test.each(cases)('for %s finds %j', async (words, expected) =>
      withCatalog(open, async (catalog) => {
        await filled(catalog);
        expect(keys(await search(catalog, words))).toEqual(expected);
      })(),
    );

    test(
      'by relevance puts a word of the subject first',
      withCatalog(open, async (catalog) => {
        const { id } = await catalog.openShelf(shelfFacts());
        const filler = 'nothing of the kind, only words that say little about what was wanted here. '.repeat(
          5,
        );
        const state = {
          folders: [inbox],
          items: [
            item('body', documentOf('Other', { time: day(5), body: `${filler} zebra ${filler}` })),
            item('subject', documentOf('Zebra', { time: day(1), body: filler })),
            ...Array.from({ length: 8 }, (_, n) =>
              item(`x${n}`, documentOf(`Filler ${n}`, { body: filler })),
            ),
          ],
        };
        await indexPoints(catalog, id, [{ pointId: 'p1', state, time: day(10) }]);
        expect(keys(await search(catalog, 'zebra', { order: 'date' }))).toEqual(['body', 'subject']);
        const ranked = keys(await search(catalog, 'zebra', { order: 'rank' }));
        // Not every database weighs; what is found is the same.
        expect(ranked.toSorted()).toEqual(['body', 'subject']);
        if (catalog.kind === 'sqlite') expect(ranked).toEqual(['subject', 'body']);
      }),
    );

    test(
      'shows what was found, in the form in which it stands there',
      withCatalog(open, async (catalog) => {
        await filled(catalog);
        const [hit] = (await search(catalog, 'resume *udget*')).hits;
        const shown = hit?.snippets.map(({ field, text, marks }) => [
          field,
          ...marks.map(([start, end]) => text.slice(start, end)),
        ]);
        expect(shown).toEqual([
          ['attachment', 'Budget_2026'],
          ['body', 'résumé'],
        ]);
        expect(hit).toMatchObject({
          address: 'ann@contoso.com',
          folderPath: '/Inbox',
          attachments: ['Budget_2026.xlsx'],
          status: 'present',
          validFrom: { pointId: 'p1' },
          validTo: { pointId: 'p1', pointName: 'name-p1', time: new Date(day(10)).toISOString() },
        });
      }),
    );

    test(
      'comes in pages that neither lose nor repeat',
      withCatalog(open, async (catalog) => {
        const { id } = await catalog.openShelf(shelfFacts());
        const items = Array.from({ length: 23 }, (_, n) =>
          item(`k${n}`, documentOf(`Note ${n}`, { time: day(0) + (n % 7) * 1000, body: 'lorem ipsum' })),
        );
        await indexPoints(catalog, id, [
          { pointId: 'p1', state: { folders: [inbox], items }, time: day(10) },
        ]);
        for (const order of ['date', 'rank'] as const) {
          const seen: string[] = [];
          let cursor: string | undefined;
          do {
            const page = await search(catalog, 'lorem', {
              limit: 4,
              order,
              ...(cursor === undefined ? {} : { cursor }),
            });
            seen.push(...keys(page));
            cursor = page.next;
          } while (cursor !== undefined && seen.length < 100);
          expect(seen.toSorted()).toEqual(items.map(({ key }) => key).toSorted());
        }
        await expect(search(catalog, 'lorem', { cursor: 'nonsense' })).rejects.toMatchObject({
          code: 'invalid-input',
        });
      }),
    );

    test(
      'stays within its mailboxes, organizations and repositories',
      withCatalog(open, async (catalog) => {
        const places = [
          shelfFacts(),
          shelfFacts({ mailboxKey: 'b'.repeat(32), mailboxId: 'mbx-2', address: 'bo@contoso.com' }),
          shelfFacts({ mailboxKey: 'c'.repeat(32), mailboxId: 'mbx-3', organizationId: 'org-2' }),
          shelfFacts({ repositoryId: 'repo-2' }),
        ];
        for (const [n, facts] of places.entries()) {
          const { id } = await catalog.openShelf(facts);
          const state = {
            folders: [inbox],
            items: [item(`k${n}`, documentOf(`Shared ${n}`, { time: day(n) }))],
          };
          await indexPoints(catalog, id, [{ pointId: `p${n}`, state, time: day(10) }]);
        }
        const found = async (scope: CatalogQuery['scope']) =>
          keys(await search(catalog, 'shared', { scope }));
        expect(await found({})).toEqual(['k3', 'k2', 'k1', 'k0']);
        expect(await found({ mailboxIds: ['mbx-1'] })).toEqual(['k3', 'k0']);
        expect(await found({ mailboxIds: ['mbx-1', 'mbx-2'], repositoryIds: ['repo-1'] })).toEqual([
          'k1',
          'k0',
        ]);
        expect(await found({ organizationIds: ['org-2'] })).toEqual(['k2']);
        expect(await found({ organizationIds: ['org-9'] })).toEqual([]);
        expect(await found({ mailboxIds: [] })).toEqual([]);
      }),
    );
  });
}

/** Ann's mail over four days: k1 is read, k2 moves, k3 is edited, k4 goes; k5 comes last. */
const days: MailboxState[] = (() => {
  const [k1, k2, k3, k4] = mail.items.map((one, n) => ({
    ...one,
    folderId: inbox.id,
    document: documentOf(`Letter ${n + 1}`, { time: day(n), body: 'constant' }),
  })) as [TestItem, TestItem, TestItem, TestItem];
  const folders = [inbox, reports];
  return [
    { folders, items: [k1, k2, k3, k4] },
    { folders, items: [{ ...k1, isRead: true }, { ...k2, folderId: reports.id }, k3, k4] },
    {
      folders,
      items: [
        { ...k1, isRead: true },
        { ...k2, folderId: reports.id },
        { ...k3, document: documentOf('Letter 3 edited', { time: day(2), body: 'constant' }) },
      ],
    },
    {
      folders: [inbox],
      items: [
        { ...k1, isRead: true },
        { ...k3, document: documentOf('Letter 3 edited', { time: day(2), body: 'constant' }) },
        item('k5', documentOf('Letter 5', { time: day(9), body: 'constant' })),
      ],
    },
  ];
})();

export const fourDays = days.map((state, n) => ({ pointId: `p${n + 1}`, state, time: day(20 + n) }));

function timeContract(open: OpenCatalog): void {
  const { describe, expect, test } = jestGlobals();
  const subjects = async (catalog: Catalog, asOf: AsOf) =>
    (await search(catalog, 'constant', { asOf })).hits.map(
      ({ subject, folderPath }) => `${folderPath} ${subject}`,
    );

  describe('the history of a mailbox', () => {
    test(
      'as of any point is what that point has',
      withCatalog(open, async (catalog) => {
        const { id } = await catalog.openShelf(shelfFacts());
        await indexPoints(catalog, id, fourDays);
        const first = ['/Inbox Letter 4', '/Inbox Letter 3', '/Inbox Letter 2', '/Inbox Letter 1'];
        expect(await subjects(catalog, { kind: 'point', pointId: 'p1' })).toEqual(first);
        expect(await subjects(catalog, { kind: 'time', time: day(20) + 5 })).toEqual(first);
        expect(await subjects(catalog, { kind: 'time', time: day(19) })).toEqual([]);
        expect(await subjects(catalog, { kind: 'point', pointId: 'p3' })).toEqual([
          '/Inbox Letter 3 edited',
          '/Inbox/Réports Letter 2',
          '/Inbox Letter 1',
        ]);
        expect(await subjects(catalog, { kind: 'latest' })).toEqual([
          '/Inbox Letter 5',
          '/Inbox Letter 3 edited',
          '/Inbox Letter 1',
        ]);
        expect(await subjects(catalog, { kind: 'point', pointId: 'p9' })).toEqual([]);
      }),
    );

    test(
      'over all time has what is gone, marked, with the points in which it lived',
      withCatalog(open, async (catalog) => {
        const { id } = await catalog.openShelf(shelfFacts());
        await indexPoints(catalog, id, fourDays);
        const { hits } = await search(catalog, 'constant');
        expect(
          hits
            .map(({ subject, status, validFrom, validTo }) => [
              subject,
              status,
              validFrom.pointId,
              validTo.pointId,
            ])
            .toSorted(([a = ''], [b = '']) => (a < b ? 1 : -1)),
        ).toEqual([
          ['Letter 5', 'present', 'p4', 'p4'],
          ['Letter 4', 'deleted', 'p1', 'p2'],
          ['Letter 3 edited', 'present', 'p3', 'p4'],
          ['Letter 3', 'changed', 'p1', 'p2'],
          ['Letter 2', 'deleted', 'p2', 'p3'],
          ['Letter 1', 'present', 'p2', 'p4'],
        ]);
        const history = await catalog.history(id, 'k2');
        expect(
          history.map(({ folderPath, status, validTo }) => [folderPath, status, validTo.pointId]),
        ).toEqual([
          ['/Inbox/Réports', 'deleted', 'p3'],
          ['/Inbox', 'deleted', 'p1'],
        ]);
        expect((await catalog.foldersEver(id)).map(({ path, status }) => [path, status])).toEqual([
          ['/Inbox', 'present'],
          ['/Inbox/Réports', 'deleted'],
        ]);
      }),
    );

    test(
      'lists all that ever was in a folder, page by page',
      withCatalog(open, async (catalog) => {
        const { id } = await catalog.openShelf(shelfFacts());
        await indexPoints(catalog, id, fourDays);
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await catalog.itemsEver(id, inbox.id, {
            limit: 2,
            ...(cursor === undefined ? {} : { cursor }),
          });
          seen.push(
            ...page.items.map(({ itemKey, status, state }) => `${itemKey} ${status} ${state.isRead}`),
          );
          cursor = page.next;
        } while (cursor !== undefined);
        expect(seen.toSorted()).toEqual([
          'k1 changed false',
          'k1 present true',
          'k2 deleted false',
          'k3 changed false',
          'k3 present false',
          'k4 deleted false',
          'k5 present false',
        ]);
        expect(await catalog.itemsEver(id, 'f-nowhere', { limit: 2 })).toEqual({ items: [] });
      }),
    );

    test(
      'a point that is being written is not seen, and is taken back when another one comes first',
      withCatalog(open, async (catalog) => {
        const { id } = await catalog.openShelf(shelfFacts());
        await indexPoints(catalog, id, fourDays.slice(0, 1));
        const before = await search(catalog, '');
        const begin = (pointId: string) =>
          catalog.beginPoint(id, { pointId, pointName: pointId, time: day(30), root: pointId });
        await begin('px');
        await catalog.write(id, batchBetween(days[0]!, days[3]!));
        const during = await search(catalog, '');
        expect(during.hits).toEqual(before.hits);
        expect((await catalog.foldersEver(id)).map(({ status }) => status)).toEqual(['present', 'present']);
        // The same again changes nothing.
        await begin('px');
        await catalog.write(id, batchBetween(days[0]!, days[3]!));
        await begin('py');
        await catalog.write(id, batchBetween(days[0]!, days[1]!));
        await catalog.commitPoint(id);
        expect(await subjects(catalog, { kind: 'latest' })).toEqual([
          '/Inbox Letter 4',
          '/Inbox Letter 3',
          '/Inbox/Réports Letter 2',
          '/Inbox Letter 1',
        ]);
        expect((await search(catalog, '"letter 5"')).hits).toEqual([]);
      }),
    );
  });
}
