import type { AsOf, Catalog } from '../ports.ts';
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
import { inbox, item, mail, reports, search } from './testMail.ts';
import { withCatalog } from './withCatalog.ts';

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

const fourDays = days.map((state, n) => ({ pointId: `p${n + 1}`, state, time: day(20 + n) }));

/** What a catalog says of the past. */
export function timeContract(open: OpenCatalog): void {
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
