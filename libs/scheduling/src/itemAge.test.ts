import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DateTime } from 'luxon';
import { ageText, isTooOld, itemCutOff, tooOldFrom } from './itemAge.ts';

const at = (iso: string): number => new Date(iso).getTime();
const cutOff = (age: Parameters<typeof itemCutOff>[0], now: string, zone = 'UTC'): string =>
  new Date(itemCutOff(age, at(now), zone)).toISOString();

describe('the cut-off of an item age', () => {
  test.each([
    ['30 days', { days: 30 }, '2026-03-20T12:34:56Z', 'UTC', '2026-02-18T00:00:00.000Z'],
    ['a month', { months: 1 }, '2026-03-20T12:00:00Z', 'UTC', '2026-02-20T00:00:00.000Z'],
    ['a month, to a shorter one', { months: 1 }, '2026-03-31T12:00:00Z', 'UTC', '2026-02-28T00:00:00.000Z'],
    ['a month, in a leap year', { months: 1 }, '2024-03-31T12:00:00Z', 'UTC', '2024-02-29T00:00:00.000Z'],
    ['a year from a leap day', { years: 1 }, '2024-02-29T12:00:00Z', 'UTC', '2023-02-28T00:00:00.000Z'],
    ['seven years', { years: 7 }, '2026-03-20T12:00:00Z', 'UTC', '2019-03-20T00:00:00.000Z'],
    [
      'in a zone where it is tomorrow',
      { days: 1 },
      '2026-03-20T12:00:00Z',
      'Pacific/Auckland',
      '2026-03-19T11:00:00.000Z',
    ],
    [
      'over the beginning of summer time',
      { days: 1 },
      '2026-03-30T06:00:00Z',
      'Europe/Berlin',
      '2026-03-28T23:00:00.000Z',
    ],
  ])('%s', (_what, age, now, zone, expected) => {
    expect(cutOff(age, now, zone)).toBe(expected);
  });

  test('moves once a day, so nothing is backed up in the morning and dropped in the evening', () => {
    const day = ['2026-03-20T00:00:00Z', '2026-03-20T09:00:00Z', '2026-03-20T23:59:59.999Z'];
    expect(new Set(day.map((now) => cutOff({ days: 10 }, now))).size).toBe(1);
    expect(cutOff({ days: 10 }, '2026-03-21T00:00:00Z')).not.toBe(cutOff({ days: 10 }, day[0] ?? ''));
  });

  test('is what an independent calendar says', () => {
    const ages = fc.oneof(
      fc.record({ days: fc.integer({ min: 1, max: 4000 }) }),
      fc.record({ months: fc.integer({ min: 1, max: 130 }) }),
      fc.record({ years: fc.integer({ min: 1, max: 12 }) }),
    );
    const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata');
    const moments = fc.integer({ min: at('2000-01-01T00:00:00Z'), max: at('2040-01-01T00:00:00Z') });
    fc.assert(
      fc.property(ages, zones, moments, (age, zone, now) => {
        const expected = DateTime.fromMillis(now, { zone }).startOf('day').minus(age).startOf('day');
        expect(itemCutOff(age, now, zone)).toBe(expected.toMillis());
        const from = tooOldFrom(age, now, zone);
        expect(itemCutOff(age, from, zone)).toBeGreaterThan(now);
        expect(itemCutOff(age, from - 1, zone)).toBeLessThanOrEqual(now);
      }),
    );
  });
});

describe('an item is too old', () => {
  const cut = at('2026-03-20T00:00:00Z');
  test.each([
    ['received before the cut-off', { receivedMs: cut - 1 }, 'received', true],
    ['received at the cut-off', { receivedMs: cut }, 'received', false],
    [
      'received before it and changed since, by receipt',
      { receivedMs: cut - 1, modifiedMs: cut },
      'received',
      true,
    ],
    [
      'received before it and changed since, by change',
      { receivedMs: cut - 1, modifiedMs: cut },
      'modified',
      false,
    ],
    ['not known to have changed, by change', { receivedMs: cut - 1 }, 'modified', true],
  ] as const)('%s', (_what, item, by, expected) => {
    expect(isTooOld(item, by, cut)).toBe(expected);
  });
});

test('an age reads like a sentence', () => {
  expect([{ days: 1 }, { days: 30 }, { months: 6 }, { years: 1 }].map(ageText)).toEqual([
    '1 day',
    '30 days',
    '6 months',
    '1 year',
  ]);
});
