import { expect, test } from '@jest/globals';
import { longestPauseMs, retryAfterMs } from './retryAfter.ts';

const now = Date.UTC(2026, 0, 5, 10);

test.each([
  ['10', 10_000],
  ['0', 0],
  ['2.128', 2_128],
  [' 7 ', 7_000],
  ['Mon, 05 Jan 2026 10:00:30 GMT', 30_000],
  ['Mon, 05 Jan 2026 09:00:00 GMT', 0],
  ['99999999', longestPauseMs],
  ['Fri, 01 Jan 2027 00:00:00 GMT', longestPauseMs],
])('Retry-After "%s" asks for a pause of %d ms', (header, ms) => {
  expect(retryAfterMs(header, now)).toBe(ms);
});

test.each([undefined, '', 'soon', '-5', '1e9', '10 20'])('Retry-After %p says nothing', (header) => {
  expect(retryAfterMs(header, now)).toBeUndefined();
});
