import { jestGlobals } from './jestGlobals.ts';
import { day, documentOf, indexPoints, shelfFacts } from './mailboxHistory.ts';
import type { OpenCatalog } from './openTestCatalog.ts';
import { withCatalog } from './withCatalog.ts';

/** What is announced, what is done, and what is behind. */
export function backlogContract(open: OpenCatalog): void {
  const { describe, expect, test } = jestGlobals();
  describe('the backlog', () => {
    const point = (pointId: string, since: number) => ({
      pointId,
      pointName: `name-${pointId}`,
      time: since,
      since,
    });
    const state = {
      folders: [{ id: 'f', parentId: null, name: 'Inbox' }],
      items: [{ folderId: 'f', key: 'k', document: documentOf('One'), isRead: false }],
    };

    test(
      'holds points that were announced until they are here',
      withCatalog(open, async (catalog) => {
        const facts = shelfFacts();
        await catalog.expectPoint(facts, point('p1', day(1)));
        await catalog.expectPoint(facts, point('p1', day(5)));
        await catalog.expectPoint(
          shelfFacts({ mailboxKey: 'b'.repeat(32), mailboxId: 'mbx-2' }),
          point('q1', day(0)),
        );
        expect((await catalog.waiting(10)).map(({ mailboxId }) => mailboxId)).toEqual(['mbx-2', 'mbx-1']);
        expect((await catalog.waiting(1)).map(({ mailboxId }) => mailboxId)).toEqual(['mbx-2']);
        expect(await catalog.behind({})).toEqual({ points: 2, since: new Date(day(0)).toISOString() });
        expect(await catalog.behind({ mailboxIds: ['mbx-1'] })).toEqual({
          points: 1,
          since: new Date(day(1)).toISOString(),
        });
        const shelf = await catalog.openShelf(facts);
        await indexPoints(catalog, shelf.id, [{ pointId: 'p1', state, time: day(1) }]);
        expect(await catalog.behind({ mailboxIds: ['mbx-1'] })).toEqual({ points: 0 });
        // Told again of what is here: nothing to do.
        await catalog.expectPoint(facts, point('p1', day(9)));
        expect((await catalog.waiting(10)).map(({ mailboxId }) => mailboxId)).toEqual(['mbx-2']);
        const status = await catalog.status({}, undefined, 10);
        expect(
          status.items.map(({ shelf: { mailboxId }, indexedPoints, behind }) => [
            mailboxId,
            indexedPoints,
            behind.points,
          ]),
        ).toEqual([
          ['mbx-1', 1, 0],
          ['mbx-2', 0, 1],
        ]);
        const page = await catalog.status({}, undefined, 1);
        expect((await catalog.status({}, page.next, 10)).items).toHaveLength(1);
      }),
    );

    test(
      'holds checks until the one that was asked for is done',
      withCatalog(open, async (catalog) => {
        await catalog.expectCheck(shelfFacts(), { since: 7, rebuild: false });
        await catalog.expectCheck(shelfFacts(), { since: 8, rebuild: true });
        const [shelf] = await catalog.waiting(10);
        expect(shelf?.check).toEqual({ since: 8, rebuild: true });
        await catalog.clearCheck(shelf!.id, 7);
        expect(await catalog.waiting(10)).toHaveLength(1);
        await catalog.clearCheck(shelf!.id, 8);
        expect(await catalog.waiting(10)).toEqual([]);
      }),
    );

    test(
      'a point that expired is to be taken away; one nobody knows is nothing',
      withCatalog(open, async (catalog) => {
        const { id } = await catalog.openShelf(shelfFacts());
        await indexPoints(catalog, id, [
          { pointId: 'p1', state, time: day(1) },
          { pointId: 'p2', state, time: day(2) },
        ]);
        await catalog.expectDeparture('repo-1', 'a'.repeat(32), 'p9');
        await catalog.expectDeparture('repo-9', 'a'.repeat(32), 'p1');
        expect(await catalog.waiting(10)).toEqual([]);
        await catalog.expectDeparture('repo-1', 'a'.repeat(32), 'p1');
        expect(await catalog.waiting(10)).toHaveLength(1);
        expect((await catalog.history(id, 'k'))[0]).toMatchObject({ validFrom: { pointId: 'p2' } });
        await catalog.dropPoint(id, 'p1');
        expect(await catalog.waiting(10)).toEqual([]);
        expect((await catalog.points(id)).map(({ pointId }) => pointId)).toEqual(['p2']);
      }),
    );

    test(
      'trouble of a shelf is told until a point succeeds, and a removed shelf leaves nothing',
      withCatalog(open, async (catalog) => {
        const { id } = await catalog.openShelf(shelfFacts());
        const trouble = {
          code: 'gone',
          message: 'The repository is away.',
          at: new Date(day(1)).toISOString(),
        };
        await catalog.setTrouble(id, trouble);
        expect((await catalog.shelf(id))?.trouble).toEqual(trouble);
        await indexPoints(catalog, id, [{ pointId: 'p1', state, time: day(1) }]);
        expect((await catalog.shelf(id))?.trouble).toBeUndefined();
        await catalog.removeShelf(id);
        expect(await catalog.shelf(id)).toBeUndefined();
        expect(await catalog.shelves({}, undefined, 10)).toEqual([]);
        const found = await catalog.search({
          scope: {},
          terms: [],
          asOf: { kind: 'ever' },
          order: 'date',
          limit: 5,
        });
        expect(found).toEqual({ hits: [], behind: { points: 0 } });
        // The same mailbox again begins anew.
        const again = await catalog.openShelf(shelfFacts());
        expect(again.indexedSeq).toBe(0);
        await indexPoints(catalog, again.id, [{ pointId: 'p1', state, time: day(1) }]);
        expect(await catalog.history(again.id, 'k')).toHaveLength(1);
      }),
    );

    test(
      'a mailbox under another organization is made anew there',
      withCatalog(open, async (catalog) => {
        const { id } = await catalog.openShelf(shelfFacts());
        await indexPoints(catalog, id, [{ pointId: 'p1', state, time: day(1) }]);
        const moved = await catalog.openShelf(shelfFacts({ organizationId: 'org-2', mailboxId: 'mbx-9' }));
        expect(moved).toMatchObject({ id, organizationId: 'org-2', mailboxId: 'mbx-9', indexedSeq: 0 });
        await indexPoints(catalog, id, [{ pointId: 'p1', state, time: day(1) }]);
        const query = { terms: [], asOf: { kind: 'ever' as const }, order: 'date' as const, limit: 5 };
        expect((await catalog.search({ ...query, scope: { organizationIds: ['org-2'] } })).hits).toHaveLength(
          1,
        );
        expect((await catalog.search({ ...query, scope: { organizationIds: ['org-1'] } })).hits).toHaveLength(
          0,
        );
      }),
    );
  });
}
