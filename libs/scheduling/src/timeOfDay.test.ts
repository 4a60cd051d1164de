import { describe, expect, test } from '@jest/globals';
import { lastTimeOfDay, nextTimeOfDay } from './timeOfDay.ts';

const at = (iso: string): number => new Date(iso).getTime();
const iso = (ms: number): string => new Date(ms).toISOString();

describe('a time of every day', () => {
  test.each([
    [
      'an hour before it',
      'UTC',
      '2026-03-20T04:00:00Z',
      '2026-03-19T05:00:00.000Z',
      '2026-03-20T05:00:00.000Z',
    ],
    ['at it', 'UTC', '2026-03-20T05:00:00Z', '2026-03-20T05:00:00.000Z', '2026-03-21T05:00:00.000Z'],
    ['after it', 'UTC', '2026-03-20T05:00:01Z', '2026-03-20T05:00:00.000Z', '2026-03-21T05:00:00.000Z'],
    [
      'by the clocks of a zone',
      'Europe/Berlin',
      '2026-03-20T12:00:00Z',
      '2026-03-20T04:00:00.000Z',
      '2026-03-21T04:00:00.000Z',
    ],
    [
      'over the beginning of summer time',
      'Europe/Berlin',
      '2026-03-28T12:00:00Z',
      '2026-03-28T04:00:00.000Z',
      '2026-03-29T03:00:00.000Z',
    ],
    [
      'over a day that never was',
      'Pacific/Apia',
      '2011-12-30T09:59:00Z',
      '2011-12-29T15:00:00.000Z',
      '2011-12-30T10:00:00.000Z',
    ],
  ])('%s', (_what, zone, now, last, next) => {
    expect([iso(lastTimeOfDay('05:00', zone, at(now))), iso(nextTimeOfDay('05:00', zone, at(now)))]).toEqual([
      last,
      next,
    ]);
  });
});
