import type { Catalog, CatalogQuery } from '../ports.ts';
import { jestGlobals } from './jestGlobals.ts';
import { day, documentOf, indexPoints, shelfFacts } from './mailboxHistory.ts';
import type { OpenCatalog } from './openTestCatalog.ts';
import { inbox, item, keys, mail, search } from './testMail.ts';
import { withCatalog } from './withCatalog.ts';

async function filled(catalog: Catalog): Promise<string> {
  const { id } = await catalog.openShelf(shelfFacts());
  await indexPoints(catalog, id, [{ pointId: 'p1', state: mail, time: day(10) }]);
  return id;
}

/** What a search finds, shows, and leaves out. */
export function searchContract(open: OpenCatalog): void {
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
      'finds what is in Recoverable Items, or leaves it out',
      withCatalog(open, async (catalog) => {
        const { id } = await catalog.openShelf(shelfFacts());
        const root = { id: 'r', parentId: null, name: 'Recoverable Items', role: 'recoverableitemsroot' };
        const purges = { id: 'p', parentId: 'r', name: 'Purges' };
        const state = {
          folders: [inbox, root, purges],
          items: [
            item('k1', documentOf('Contract', { time: day(1) })),
            { ...item('k2', documentOf('Contract too', { time: day(2) })), folderId: 'p' },
          ],
        };
        await indexPoints(catalog, id, [{ pointId: 'p1', state, time: day(10) }]);
        expect(keys(await search(catalog, 'contract'))).toEqual(['k2', 'k1']);
        expect(keys(await search(catalog, 'contract', { recoverable: false }))).toEqual(['k1']);
        const within = { recoverable: false, folder: '/Recoverable Items' };
        expect(keys(await search(catalog, 'contract', within))).toEqual([]);
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
