import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { emptyBook, grantable, type SlotBook, withoutEnded, withoutShare, withShare } from './slotBook.ts';

const sum = (book: SlotBook, lane?: 'normal') =>
  Object.values(book.shares)
    .filter((share) => lane === undefined || share.lane === lane)
    .reduce((total, share) => total + share.slots, 0);

describe('the book of slots', () => {
  test('whatever is asked, given back or ends in whatever order: never beyond capacity, normal never into the reserve', () => {
    const ask = fc.record({
      kind: fc.constant('ask' as const),
      lane: fc.constantFrom('normal' as const, 'reserved' as const),
      want: fc.integer({ min: 1, max: 6 }),
      ttl: fc.integer({ min: 1, max: 20 }),
    });
    const leave = fc.record({ kind: fc.constant('leave' as const), which: fc.nat(30) });
    const wait = fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 10 }) });
    const limits = fc.record({
      capacity: fc.integer({ min: 1, max: 8 }),
      reserved: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(limits, fc.array(fc.oneof(ask, leave, wait), { maxLength: 60 }), (limit, steps) => {
        let book = emptyBook;
        let now = 0;
        for (const [n, step] of steps.entries()) {
          if (step.kind === 'wait') now += step.ms;
          if (step.kind === 'leave') book = withoutShare(book, `s${step.which}`);
          book = withoutEnded(book, now);
          if (step.kind === 'ask') {
            const slots = grantable(book, { owner: 'o', lane: step.lane, want: step.want, ...limit });
            expect(slots).toBeLessThanOrEqual(step.want);
            const share = { owner: 'o', lane: step.lane, slots, until: now + step.ttl };
            if (slots > 0) book = withShare(book, `s${n}`, share);
          }
          expect(sum(book)).toBeLessThanOrEqual(limit.capacity);
          expect(sum(book, 'normal')).toBeLessThanOrEqual(Math.max(0, limit.capacity - limit.reserved));
        }
      }),
    );
  });

  test('nothing free is nothing granted, also when the reserve is larger than the capacity', () => {
    expect(grantable(emptyBook, { owner: 'o', lane: 'normal', want: 2, capacity: 1, reserved: 3 })).toBe(0);
    expect(grantable(emptyBook, { owner: 'o', lane: 'reserved', want: 2, capacity: 1, reserved: 3 })).toBe(1);
  });

  test('ended shares go, the shared pause stays', () => {
    const book: SlotBook = {
      shares: { a: { owner: 'a', lane: 'normal', slots: 1, until: 10 } },
      fence: 99,
    };
    expect(withoutEnded(book, 10)).toEqual({ shares: {}, fence: 99 });
  });
});
