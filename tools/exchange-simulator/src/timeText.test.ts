import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { graphDay, graphTime, mailDate } from './timeText.ts';

test('times are those of Date, whatever days came before', () => {
  const times = fc.integer({ min: Date.UTC(1, 0, 1), max: Date.UTC(9998, 0, 1) });
  fc.assert(
    fc.property(times, (at) => {
      const iso = new Date(at).toISOString();
      expect(graphTime(at)).toBe(`${iso.slice(0, 19)}Z`);
      expect(graphDay(at)).toBe(iso.slice(0, 10));
      expect(Date.parse(mailDate(at))).toBe(Math.floor(at / 1000) * 1000);
    }),
    { numRuns: 6000 },
  );
  expect(mailDate(Date.UTC(2026, 0, 4, 9, 8, 7))).toBe('Sun, 4 Jan 2026 09:08:07 +0000');
  expect(() => graphTime(Number.NaN)).toThrow(RangeError);
});
