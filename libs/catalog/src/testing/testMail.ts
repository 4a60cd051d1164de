import { parseSearch } from '../parseSearch.ts';
import type { Catalog, CatalogHit, CatalogQuery, SearchPage } from '../ports.ts';
import { day, documentOf, type MailboxState, type TestItem } from './mailboxHistory.ts';

export const inbox = { id: 'f-inbox', parentId: null, name: 'Inbox', role: 'inbox' };
export const reports = { id: 'f-reports', parentId: 'f-inbox', name: 'Réports' };

export const item = (key: string, document: TestItem['document'], folderId = inbox.id): TestItem => ({
  ...{ key, document, folderId },
  isRead: false,
});

export const mail: MailboxState = {
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

export const everything: CatalogQuery = {
  scope: {},
  terms: [],
  asOf: { kind: 'ever' },
  order: 'date',
  limit: 50,
};

export const search = (
  catalog: Catalog,
  words: string,
  more: Partial<CatalogQuery> = {},
): Promise<SearchPage> => catalog.search({ ...everything, ...parseSearch(words), ...more });

export const keys = (page: { hits: readonly CatalogHit[] }): string[] =>
  page.hits.map(({ itemKey }) => itemKey);
