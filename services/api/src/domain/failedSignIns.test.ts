import { describe, expect, test } from '@jest/globals';
import { createFailedSignIns } from './failedSignIns.ts';

const limits = { limit: 3, windowMs: 10_000, addresses: 2 };

describe('failed sign-ins of an address', () => {
  test('are free up to the limit, then cost the rest of the window', () => {
    let now = 0;
    const failures = createFailedSignIns(() => now, limits);
    for (let n = 0; n < 3; n += 1) {
      expect(failures.pauseSeconds('a')).toBe(0);
      failures.failed('a');
    }
    now = 4_000;
    expect(failures.pauseSeconds('a')).toBe(6);
    expect(failures.pauseSeconds('b')).toBe(0);
    now = 10_000;
    expect(failures.pauseSeconds('a')).toBe(0);
  });

  test('are forgotten for the oldest address when there are too many', () => {
    const failures = createFailedSignIns(() => 0, { ...limits, limit: 1 });
    for (const address of ['a', 'b', 'c']) failures.failed(address);
    expect(['a', 'b', 'c'].map((address) => failures.pauseSeconds(address) > 0)).toEqual([false, true, true]);
  });
});
