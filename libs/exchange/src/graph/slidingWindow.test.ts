import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SlidingWindow } from './slidingWindow.ts';

describe('a sliding window', () => {
  test('a burst from a standing start is free, then it waits for the oldest to expire', () => {
    const window = new SlidingWindow({ limit: 3, windowMs: 1_200 });
    expect([0, 1, 2].map((at) => window.reserve(1, at))).toEqual([0, 0, 0]);
    const wait = window.reserve(1, 5);
    expect(wait).toBeGreaterThanOrEqual(1_200 - 5);
    expect(wait).toBeLessThanOrEqual(1_200 + 10);
    expect(window.reserve(1, 5 + wait)).toBe(0);
  });

  test('what alone is more than the limit passes when the window is empty', () => {
    const window = new SlidingWindow({ limit: 10, windowMs: 1_000 });
    expect(window.reserve(50, 0)).toBe(0);
    expect(window.reserve(1, 10)).toBeGreaterThan(0);
  });

  test('in no window is more used than the limit, and waiting as told always succeeds', () => {
    const steps = fc.array(
      fc.record({ pause: fc.integer({ min: 0, max: 400 }), amount: fc.integer({ min: 1, max: 5 }) }),
      {
        maxLength: 200,
      },
    );
    fc.assert(
      fc.property(steps, (all) => {
        const window = new SlidingWindow({ limit: 12, windowMs: 1_000 });
        const used: { at: number; amount: number }[] = [];
        let now = 0;
        for (const { pause, amount } of all) {
          now += pause;
          const wait = window.reserve(amount, now);
          if (wait > 0) {
            now += wait;
            let again = window.reserve(amount, now);
            // Room for one more may need a second slot to go.
            for (let tries = 0; again > 0 && tries < 200; tries++) {
              now += again;
              again = window.reserve(amount, now);
            }
            expect(again).toBe(0);
          }
          used.push({ at: now, amount });
          const inWindow = used.filter((u) => u.at > now - 1_000).reduce((sum, u) => sum + u.amount, 0);
          expect(inWindow).toBeLessThanOrEqual(12);
        }
      }),
    );
  });
});
