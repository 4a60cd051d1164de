import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { MailboxBase } from './content.ts';
import { FolderContents } from './folderContents.ts';
import { emptyBase } from './generatedBase.ts';

/** A base with one folder whose messages arrived at 1000·(count − position); counts how often it is asked. */
function countingBase(count: number): MailboxBase & { asked: number } {
  const base = {
    ...emptyBase(true),
    count,
    asked: 0,
    folderCount: () => count,
    at: (_: number, position: number) => position,
    position: (n: number) => n,
    receivedAt: (n: number) => {
      base.asked++;
      return 1000 * (count - n);
    },
  };
  return base;
}

describe('the contents of a folder', () => {
  test('agree with a plain sorted list, whatever leaves, comes and comes back', () => {
    const action = fc.record({ n: fc.nat(40), at: fc.nat(25_000), leave: fc.boolean() });
    fc.assert(
      fc.property(fc.nat(20), fc.array(action, { maxLength: 60 }), fc.nat(25_000), (count, actions, time) => {
        const contents = new FolderContents(countingBase(count), 1);
        const model = new Map<number, { at: number; added: boolean }>(
          Array.from({ length: count }, (_, n) => [n, { at: 1000 * (count - n), added: false }]),
        );
        for (const { n, at, leave } of actions) {
          const there = model.get(n);
          if (leave && there) {
            contents.remove(n, there.at);
            model.delete(n);
          } else if (!leave && !there) {
            contents.add(n, at);
            model.set(n, { at, added: true });
          }
        }
        const sorted = [...model]
          .sort(([a, x], [b, y]) => y.at - x.at || Number(x.added) - Number(y.added) || a - b)
          .map(([n]) => n);
        expect([...contents.range(0, 1000)]).toEqual(sorted);
        expect(contents.count).toBe(model.size);
        expect(contents.newerThan(time, false)).toBe(
          [...model.values()].filter((one) => one.at > time).length,
        );
        expect(contents.newerThan(time, true)).toBe(
          [...model.values()].filter((one) => one.at >= time).length,
        );
      }),
      { numRuns: 300 },
    );
  });

  test('a page at the end of a large folder costs no more than one at its start', () => {
    const base = countingBase(200_000);
    const contents = new FolderContents(base, 1);
    for (let n = 0; n < 2000; n++) contents.remove(n * 100, 1000 * (200_000 - n * 100));
    for (let n = 0; n < 500; n++) contents.add(300_000 + n, n * 400_000);
    base.asked = 0;
    const page = [...contents.range(contents.count - 100, 100)];
    expect(page).toHaveLength(100);
    expect(base.asked).toBeLessThan(100 * 12 * 20);
  });

  test('a rank outside the folder is refused', () => {
    expect(() => new FolderContents(countingBase(3), 1).at(3)).toThrow(RangeError);
  });
});
