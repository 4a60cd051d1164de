import type { Catalog } from '../ports.ts';
import { jestGlobals } from './jestGlobals.ts';
import {
  day,
  documentOf,
  indexPoints,
  type MailboxState,
  shelfFacts,
  type TestPoint,
} from './mailboxHistory.ts';
import type { OpenCatalog } from './openTestCatalog.ts';

/** A catalog that grew and shrank point by point says the same as one made anew from the points that are left. */
export function rebuildContract(open: OpenCatalog, histories: number): void {
  const { describe, expect, test } = jestGlobals();
  describe('a rebuild', () => {
    test(`equals what grew point by point (${histories} histories)`, async () => {
      for (let seed = 1; seed <= histories; seed++) {
        const points = randomHistory(seed);
        const random = randomOf(seed * 7919);
        const dropped = new Set(
          points.slice(0, -1).flatMap(({ pointId }) => (random() < 0.4 ? [pointId] : [])),
        );
        const grown = await open();
        const anew = await open();
        try {
          const answers: unknown[] = [];
          for (const [catalog, all] of [
            [grown.catalog, points],
            [anew.catalog, points.filter(({ pointId }) => !dropped.has(pointId))],
          ] as const) {
            const { id } = await catalog.openShelf(shelfFacts());
            await indexPoints(catalog, id, all);
            if (all === points)
              for (const pointId of shuffled([...dropped], random)) await catalog.dropPoint(id, pointId);
            answers.push(await everythingOf(catalog, id, points));
          }
          expect({ seed, answer: answers[0] }).toEqual({ seed, answer: answers[1] });
        } finally {
          await grown.dispose();
          await anew.dispose();
        }
      }
    }, 240_000);
  });
}

async function everythingOf(
  catalog: Catalog,
  shelfId: string,
  points: readonly TestPoint[],
): Promise<unknown> {
  const folders = await catalog.foldersEver(shelfId);
  const items = [];
  for (const { id } of folders) {
    const { items: found } = await catalog.itemsEver(shelfId, id, { limit: 1000 });
    items.push(found.map((item) => JSON.stringify(item)).toSorted());
  }
  const query = { scope: {}, terms: [], order: 'date' as const, limit: 1000 };
  const asOf = [];
  for (const { pointId } of points) {
    const { hits } = await catalog.search({ ...query, asOf: { kind: 'point', pointId } });
    asOf.push(hits.map(({ itemKey, folderId, subject }) => `${folderId} ${itemKey} ${subject}`).toSorted());
  }
  const ever = (await catalog.search({ ...query, asOf: { kind: 'ever' } })).hits;
  return { folders, items, asOf, ever: ever.map((hit) => JSON.stringify(hit)).toSorted() };
}

/** Small numbers that repeat for a seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled<T>(list: T[], random: () => number): T[] {
  return list
    .map((one) => ({ one, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);
}

/** Few items that come, go, come back, move, are read and edited, so that equal states meet again. */
function randomHistory(seed: number): TestPoint[] {
  const random = randomOf(seed);
  const pick = (n: number) => Math.floor(random() * n);
  const folderIds = ['f1', 'f2', 'f3'];
  return Array.from({ length: 2 + pick(7) }, (_, n) => {
    const folders = folderIds
      .slice(0, 1 + pick(3))
      .map((id) => ({ id, parentId: null, name: id === 'f2' && random() < 0.3 ? 'Renamed' : id }));
    const items: MailboxState['items'] = [];
    for (let key = 0; key < 6; key++) {
      for (const { id: folderId } of folders) {
        if (random() < 0.55) continue;
        const document = documentOf(`Item ${key} form ${pick(2)}`, { time: day(key) });
        items.push({ folderId, key: `k${key}`, document, isRead: random() < 0.3 });
      }
    }
    return { pointId: `p${n}`, time: day(40 + n), state: { folders, items } };
  });
}
