import { describe, expect, test } from '@jest/globals';
import { type KeepRules, type RetentionPoint, selectPoints } from './selectPoints.ts';

const at = (iso: string): number => new Date(iso).getTime();
const full = (iso: string): RetentionPoint => ({ pointId: iso, kind: 'full', timeMs: at(iso) });
const select = (points: readonly string[], policy: KeepRules, now: string) =>
  selectPoints(points.map(full), policy, { nowMs: at(now) });
/** Ids of the points that stay, oldest first. */
const kept = (points: readonly string[], policy: KeepRules, now: string): string[] =>
  select(points, policy, now)
    .filter(({ keep }) => keep)
    .map(({ point }) => point.pointId)
    .reverse();

/** A point a day at 02:00 UTC, from a day to another, both included. */
function nightly(from: string, to: string): string[] {
  const points: string[] = [];
  for (let ms = at(`${from}T02:00:00Z`); ms <= at(`${to}T02:00:00Z`); ms += 86_400_000) {
    points.push(new Date(ms).toISOString());
  }
  return points;
}
const days = (ids: readonly string[]): string[] => ids.map((id) => id.slice(0, 10));

describe('a point stands for the days, weeks, months and years at whose end it was the state', () => {
  test('seven days are today and the six before', () => {
    const left = kept(nightly('2026-01-01', '2026-03-20'), { daily: 7 }, '2026-03-20T12:00:00Z');
    expect(days(left)).toEqual([
      '2026-03-14',
      '2026-03-15',
      '2026-03-16',
      '2026-03-17',
      '2026-03-18',
      '2026-03-19',
      '2026-03-20',
    ]);
  });

  test('of several points of a day the last stands for it', () => {
    const points = ['2026-03-19T06:00:00Z', '2026-03-19T18:00:00Z', '2026-03-20T06:00:00Z'];
    expect(kept(points, { daily: 2 }, '2026-03-20T12:00:00Z')).toEqual(points.slice(1));
  });

  test('days on which nothing changed are represented by the point that was valid', () => {
    const points = ['2026-03-01T02:00:00Z', '2026-03-10T02:00:00Z', '2026-03-20T02:00:00Z'];
    // The tenth stands for the days up to the nineteenth.
    expect(days(kept(points, { daily: 2 }, '2026-03-20T12:00:00Z'))).toEqual(['2026-03-10', '2026-03-20']);
    expect(days(kept(points, { daily: 11 }, '2026-03-20T12:00:00Z'))).toEqual(['2026-03-10', '2026-03-20']);
    expect(days(kept(points, { daily: 12 }, '2026-03-20T12:00:00Z'))).toEqual([
      '2026-03-01',
      '2026-03-10',
      '2026-03-20',
    ]);
  });

  test('a mailbox that did not change for years keeps its only state', () => {
    const [only] = select(['2020-01-01T00:00:00Z'], { daily: 1 }, '2026-03-20T12:00:00Z');
    expect(only).toMatchObject({ keep: true, reason: 'newest complete restore point' });
  });

  test('a quiet month is represented by the point of the month before', () => {
    const points = ['2026-01-15T02:00:00Z', '2026-03-02T02:00:00Z', '2026-03-20T02:00:00Z'];
    expect(days(kept(points, { monthly: 2 }, '2026-03-20T12:00:00Z'))).toEqual(['2026-01-15', '2026-03-20']);
  });

  test('weeks begin on Monday, or where the policy says', () => {
    // 2026-03-15 is a Sunday, 2026-03-14 a Saturday.
    const points = nightly('2026-02-20', '2026-03-18');
    const now = '2026-03-18T12:00:00Z';
    expect(days(kept(points, { weekly: 3 }, now))).toEqual(['2026-03-08', '2026-03-15', '2026-03-18']);
    expect(days(kept(points, { weekly: 3, weekStartsOn: 7 }, now))).toEqual([
      '2026-03-07',
      '2026-03-14',
      '2026-03-18',
    ]);
  });

  test('ISO weeks do not care for the new year: 2026-W01 began in 2025', () => {
    const points = nightly('2025-12-20', '2026-01-05');
    // W52 ended on 28 December, W01 on 4 January.
    expect(days(kept(points, { weekly: 3 }, '2026-01-05T12:00:00Z'))).toEqual([
      '2025-12-28',
      '2026-01-04',
      '2026-01-05',
    ]);
  });

  test.each([
    ['a leap year', '2024-01-20', '2024-03-10', ['2024-02-29', '2024-03-10']],
    ['a common year', '2025-01-20', '2025-03-10', ['2025-02-28', '2025-03-10']],
  ])('February of %s', (_what, from, to, left) => {
    expect(days(kept(nightly(from, to), { monthly: 2 }, `${to}T12:00:00Z`))).toEqual(left);
  });

  test('years end on 31 December', () => {
    const points = nightly('2023-06-01', '2026-03-20');
    expect(days(kept(points, { yearly: 3 }, '2026-03-20T12:00:00Z'))).toEqual([
      '2024-12-31',
      '2025-12-31',
      '2026-03-20',
    ]);
  });

  test('a mix keeps what any of its rules wants', () => {
    const policy = { keepLast: 2, daily: 3, weekly: 2, monthly: 3, yearly: 2 };
    expect(days(kept(nightly('2024-06-01', '2026-03-20'), policy, '2026-03-20T12:00:00Z'))).toEqual([
      '2025-12-31',
      '2026-01-31',
      '2026-02-28',
      '2026-03-15',
      '2026-03-18',
      '2026-03-19',
      '2026-03-20',
    ]);
  });
});

describe('days begin where the time zone says', () => {
  const points = [
    '2026-03-28T22:30:00Z',
    '2026-03-28T23:30:00Z',
    '2026-03-29T21:30:00Z',
    '2026-03-30T12:00:00Z',
  ];
  test.each([
    // 23:30 in Berlin on the 28th, 00:30 on the 29th (a day of 23 hours), 23:30 on the 29th.
    ['Europe/Berlin', [points[0], points[2], points[3]]],
    ['UTC', [points[1], points[2], points[3]]],
  ])('%s', (timeZone, left) => {
    expect(kept(points, { daily: 3, timeZone }, '2026-03-30T13:00:00Z')).toEqual(left);
  });

  test.each([
    ['a day of 25 hours', 'Europe/Berlin', '2026-10-25T22:59:59.999Z', '2026-10-25T23:00:00Z'],
    ['a day of 23 hours', 'Europe/Berlin', '2026-03-29T21:59:59.999Z', '2026-03-29T22:00:00Z'],
    [
      'a day that begins at one o’clock',
      'America/Asuncion',
      '2024-10-06T03:59:59.999Z',
      '2024-10-06T04:00:00Z',
    ],
    [
      'a day whose midnight comes twice',
      'America/Havana',
      '2025-11-02T03:59:59.999Z',
      '2025-11-02T04:00:00Z',
    ],
    [
      'a midnight that is taken back a minute later',
      'America/St_Johns',
      '2010-11-07T02:29:59.999Z',
      '2010-11-07T02:30:00Z',
    ],
    ['a day that never was', 'Pacific/Apia', '2011-12-30T09:59:59.999Z', '2011-12-30T10:00:00Z'],
    [
      'half an hour of summer time',
      'Australia/Lord_Howe',
      '2026-04-04T12:59:59.999Z',
      '2026-04-04T13:00:00Z',
    ],
  ])('%s ends to the millisecond (%s)', (_what, timeZone, last, first) => {
    const now = new Date(at(first) + 20 * 3_600_000).toISOString();
    const newest = new Date(at(first) + 10 * 3_600_000).toISOString();
    const before = new Date(at(last) - 60_000).toISOString();
    // The one before the border stands for the day that ended there; the one on the border is superseded in its day.
    expect(kept([before, last, first, newest], { daily: 2, timeZone }, now)).toEqual([last, newest]);
  });
});

describe('the floor', () => {
  test('every state of the last days stays, whenever it was made', () => {
    const points = [
      '2026-03-01T02:00:00Z',
      '2026-03-08T02:00:00Z',
      '2026-03-19T02:00:00Z',
      '2026-03-20T02:00:00Z',
    ];
    expect(days(kept(points, { keepLast: 1, keepAllDays: 7 }, '2026-03-20T12:00:00Z'))).toEqual([
      '2026-03-08',
      '2026-03-19',
      '2026-03-20',
    ]);
  });

  test('ends to the millisecond', () => {
    const points = ['2026-03-01T02:00:00.000Z', '2026-03-08T02:00:00.000Z'];
    expect(kept(points, { keepAllDays: 7 }, '2026-03-15T01:59:59.999Z')).toHaveLength(2);
    expect(kept(points, { keepAllDays: 7 }, '2026-03-15T02:00:00.000Z')).toHaveLength(1);
  });
});

describe('the item age', () => {
  const itemAge = { years: 1, by: 'received' } as const;

  test('alone: a point goes when it can hold nothing younger; the newest stays', () => {
    const points = nightly('2024-01-01', '2026-03-20');
    const left = kept(points, { itemAge }, '2026-03-20T12:00:00Z');
    expect(days(left)[0]).toBe('2025-03-20');
    expect(left).toHaveLength(366);
    expect(days(kept(points, { itemAge }, '2029-01-01T00:00:00Z'))).toEqual(['2026-03-20']);
  });

  test('with other rules: these decide, within the age', () => {
    const points = nightly('2024-01-01', '2026-03-20');
    expect(days(kept(points, { itemAge, monthly: 3 }, '2026-03-20T12:00:00Z'))).toEqual([
      '2026-01-31',
      '2026-02-28',
      '2026-03-20',
    ]);
    const quiet = ['2023-01-01T02:00:00Z', '2023-02-01T02:00:00Z', '2026-03-01T02:00:00Z'];
    const decisions = select(quiet, { itemAge, keepLast: 3 }, '2026-03-20T12:00:00Z');
    expect(decisions.map(({ keep, reason }) => [keep, reason])).toEqual([
      [true, 'newest complete restore point'],
      [false, 'holds only items older than 1 year'],
      [false, 'holds only items older than 1 year'],
    ]);
  });
});

describe('a decision explains itself', () => {
  const now = '2026-03-20T12:00:00Z';
  const policy = { keepLast: 2, daily: 3, monthly: 2, yearly: 2 };
  const decisions = new Map(
    select(nightly('2025-12-01', '2026-03-20'), policy, now).map((d) => [d.point.pointId.slice(0, 10), d]),
  );

  test('what stays names its rules and when it goes', () => {
    expect(decisions.get('2025-12-31')).toMatchObject({
      reason: 'yearly: 2025',
      goesAtMs: at('2027-01-01T00:00:00Z'),
    });
    expect(decisions.get('2026-02-28')).toMatchObject({
      reason: 'monthly: 2026-02',
      goesAtMs: at('2026-04-01T00:00:00Z'),
    });
    expect(decisions.get('2026-03-18')).toMatchObject({
      reason: 'daily: 2026-03-18',
      goesAtMs: at('2026-03-21T00:00:00Z'),
    });
  });

  test('what newer points decide has no date', () => {
    expect(decisions.get('2026-03-19')).toMatchObject({
      reason: 'number 2 of the newest 2, daily: 2026-03-19',
    });
    expect(decisions.get('2026-03-19')).not.toHaveProperty('goesAtMs');
    expect(decisions.get('2026-03-20')).not.toHaveProperty('goesAtMs');
  });

  test('what goes says what it is not', () => {
    expect(decisions.get('2026-03-17')).toMatchObject({
      keep: false,
      reason: 'older than the newest 2, not the last state of a day, month, year that still counts',
    });
  });

  test('what is held says so, and has no date', () => {
    const [, , third] = selectPoints(
      nightly('2026-03-01', '2026-03-20').map(full),
      { keepLast: 1, daily: 5 },
      {
        nowMs: at(now),
        heldBecause: () => 'held: a case',
      },
    );
    expect(third).toMatchObject({
      keep: true,
      reason: 'daily: 2026-03-18; held: a case',
      held: 'held: a case',
    });
    expect(third).not.toHaveProperty('goesAtMs');
  });
});
