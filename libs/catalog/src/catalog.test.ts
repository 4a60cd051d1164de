import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { openSqliteCatalog } from './sqlite/sqliteTables.ts';
import { catalogContract, memoryCatalog } from './testing/index.ts';
import { day, documentOf, indexPoints, shelfFacts } from './testing/mailboxHistory.ts';
import { inbox, item, keys, search } from './testing/testMail.ts';

describe('the catalog in memory', () => {
  catalogContract(async () => ({ catalog: memoryCatalog(), dispose: async () => undefined }));
});

async function openInFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-catalog-'));
  const catalog = openSqliteCatalog(join(folder, 'catalog.db'));
  return {
    catalog,
    dispose: async () => {
      await catalog.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

describe('the catalog in SQLite', () => {
  catalogContract(openInFolder);

  test('a part that stands for more than 1,000 words finds all that have it, page by page', async () => {
    const { catalog, dispose } = await openInFolder();
    try {
      const { id } = await catalog.openShelf(shelfFacts());
      const has = Array.from({ length: 1100 }, (_, n) =>
        item(`has-${n}`, documentOf(`Has ${n}`, { time: day(n), body: `about xabcd${n}y` })),
      );
      const without = Array.from({ length: 900 }, (_, n) =>
        item(`without-${n}`, documentOf(`Without ${n}`, { time: day(n), body: 'about nothing' })),
      );
      const state = { folders: [inbox], items: [...has, ...without] };
      await indexPoints(catalog, id, [{ pointId: 'p1', state, time: day(2000) }]);
      const all = async (words: string) => {
        const found: string[] = [];
        let cursor: string | undefined;
        do {
          const more = cursor === undefined ? {} : { cursor };
          const page = await search(catalog, words, { limit: 200, ...more });
          expect(page.tooManyWords).toBeUndefined();
          found.push(...keys(page));
          cursor = page.next;
        } while (cursor !== undefined);
        return found.toSorted();
      };
      const named = (items: typeof has) => items.map(({ key }) => key).toSorted();
      expect(await all('*abcd*')).toEqual(named(has));
      expect(await all('about -*abcd*')).toEqual(named(without));
      expect(await all('*abcd* subject:7')).toEqual(['has-7']);
      // By relevance each word is weighed: there it says that it did not look for all.
      expect((await search(catalog, '*abcd*', { order: 'rank' })).tooManyWords).toBe(true);
    } finally {
      await dispose();
    }
  });
});
