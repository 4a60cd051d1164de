import type { ClockSchedule, Schedule } from '@holdfast/contracts';
import { describe, expect, test } from '@jest/globals';
import { lastFire, nextFire, nextFires, stopTime } from './nextFire.ts';

const at = (iso: string): Date => new Date(iso);
const daily = (start: string, timeZone: string, days?: number[]): ClockSchedule => ({
  ...{ id: 'a', kind: 'daily', start, endsNextDay: false, timeZone },
  ...(days === undefined ? {} : { days }),
});
type Periodic = Extract<Schedule, { kind: 'periodic' }>;
type Monthly = Extract<Schedule, { kind: 'monthly' }>;
type Yearly = Extract<Schedule, { kind: 'yearly' }>;
const periodic = (given: Partial<Periodic>): Periodic => ({
  ...{ id: 'a', kind: 'periodic', every: 1, unit: 'hours', start: '00:00', endsNextDay: false },
  timeZone: 'UTC',
  ...given,
});
const monthly = (given: Partial<Monthly>): Monthly => ({
  ...{ id: 'a', kind: 'monthly', start: '02:00', endsNextDay: false, timeZone: 'UTC' },
  ...given,
});
const yearly = (given: Partial<Yearly>): Yearly => ({
  ...{ id: 'a', kind: 'yearly', month: 1, start: '02:00', endsNextDay: false, timeZone: 'UTC' },
  ...given,
});

function firesBetween(schedule: Schedule, from: string, to: string): string[] {
  const fires: string[] = [];
  let fire = nextFire(schedule, at(from));
  while (fire !== undefined && fire <= at(to)) {
    fires.push(fire.toISOString());
    fire = nextFire(schedule, fire);
  }
  return fires;
}
const minutes = (fires: readonly string[]): string[] => fires.map((fire) => fire.slice(0, 16));

test('a schedule that follows another job does not fire by the clock', () => {
  const after: Schedule = {
    ...{ id: 'a', kind: 'after', jobId: 'job-1', outcomes: ['success'], delayMinutes: 0, timeZone: 'UTC' },
  };
  expect(nextFire(after, at('2026-01-01T00:00Z'))).toBeUndefined();
  expect(lastFire(after, at('2026-01-01T00:00Z'))).toBeUndefined();
  expect(stopTime(after, at('2026-01-01T00:00Z'))).toBeUndefined();
});

describe('a period', () => {
  test('is counted from the start of each day, and asked at a fire time answers the one after it', () => {
    const fires = firesBetween(
      periodic({ every: 7, start: '01:00' }),
      '2026-11-22T00:00Z',
      '2026-11-23T08:00Z',
    );
    expect(minutes(fires)).toEqual([
      '2026-11-22T01:00',
      '2026-11-22T08:00',
      '2026-11-22T15:00',
      '2026-11-22T22:00',
      '2026-11-23T01:00',
      '2026-11-23T08:00',
    ]);
  });

  test('keeps to its window and its days; at the end of the window it does not fire', () => {
    const office = periodic({ every: 90, unit: 'minutes', start: '09:00', end: '12:00', days: [1, 5] });
    expect(minutes(firesBetween(office, '2026-11-19T00:00Z', '2026-11-24T00:00Z'))).toEqual([
      '2026-11-20T09:00',
      '2026-11-20T10:30',
      '2026-11-23T09:00',
      '2026-11-23T10:30',
    ]);
  });

  test('with a window over midnight belongs to the day on which it begins', () => {
    const night = periodic({ every: 2, start: '22:00', end: '03:00', endsNextDay: true, days: [5] });
    expect(minutes(firesBetween(night, '2026-11-19T00:00Z', '2026-11-27T12:00Z'))).toEqual([
      '2026-11-20T22:00',
      '2026-11-21T00:00',
      '2026-11-21T02:00',
    ]);
    expect(stopTime(night, at('2026-11-21T02:00Z'))).toEqual(at('2026-11-21T03:00Z'));
    expect(lastFire(night, at('2026-11-26T12:00Z'))).toEqual(at('2026-11-21T02:00Z'));
  });
});

describe('a day of the month', () => {
  const year = (schedule: Schedule): string[] =>
    firesBetween(schedule, '2027-12-31T23:00Z', '2028-12-31T23:00Z').map((fire) => fire.slice(5, 10));

  test.each<[string, Schedule, string[]]>([
    ['the last day', monthly({ day: 'last', months: [1, 2, 4] }), ['01-31', '02-29', '04-30']],
    [
      'the 31st, or the last day where there is none',
      monthly({ day: 31, shortMonths: 'last', months: [2, 3, 4] }),
      ['02-29', '03-31', '04-30'],
    ],
    ['the 31st, where there is one', monthly({ day: 31, shortMonths: 'skip', months: [2, 3, 4] }), ['03-31']],
    ['the 15th', monthly({ day: 15, months: [6, 1] }), ['01-15', '06-15']],
    ['the second Tuesday', monthly({ week: 2, weekday: 2, months: [2, 8] }), ['02-08', '08-08']],
    [
      'the first Sunday, which may be the first day',
      monthly({ week: 1, weekday: 7, months: [10] }),
      ['10-01'],
    ],
    ['the last Friday', monthly({ week: 'last', weekday: 5, months: [3, 6] }), ['03-31', '06-30']],
    ['once a year', yearly({ month: 12, day: 24 }), ['12-24']],
    ['the last Monday of May', yearly({ month: 5, week: 'last', weekday: 1 }), ['05-29']],
  ])('%s', (_what, schedule, expected) => {
    expect(year(schedule)).toEqual(expected);
  });

  test('29 February comes in leap years only, also over the year 2100', () => {
    const leap = yearly({ month: 2, day: 29, shortMonths: 'skip' });
    expect(nextFire(leap, at('2025-01-01T00:00Z'))).toEqual(at('2028-02-29T02:00Z'));
    expect(nextFire(leap, at('2096-03-01T00:00Z'))).toEqual(at('2104-02-29T02:00Z'));
    expect(lastFire(leap, at('2104-02-28T00:00Z'))).toEqual(at('2096-02-29T02:00Z'));
  });
});

describe('the day from which a schedule is effective', () => {
  test('is one of the clocks of its zone', () => {
    const schedule: Schedule = { ...daily('00:30', 'Pacific/Auckland'), effectiveFrom: '2026-12-01' };
    expect(nextFire(schedule, at('2026-01-01T00:00Z'))?.toISOString()).toBe('2026-11-30T11:30:00.000Z');
    expect(lastFire(schedule, at('2026-11-30T11:29Z'))).toBeUndefined();
    expect(lastFire(schedule, at('2026-11-30T11:30Z'))).toEqual(at('2026-11-30T11:30Z'));
  });

  test('may lie years ahead', () => {
    const schedule: Schedule = { ...monthly({ day: 'last' }), effectiveFrom: '2031-02-10' };
    expect(nextFire(schedule, at('2026-01-01T00:00Z'))).toEqual(at('2031-02-28T02:00Z'));
  });
});

describe('the end of a schedule', () => {
  test('is on the same day, or on the next when it says so', () => {
    const day: ClockSchedule = { ...daily('21:00', 'UTC'), end: '23:30' };
    expect(stopTime(day, at('2026-11-22T21:00Z'))).toEqual(at('2026-11-22T23:30Z'));
    const night: ClockSchedule = { ...daily('21:00', 'UTC'), end: '06:00', endsNextDay: true };
    expect(stopTime(night, at('2026-11-22T21:00Z'))).toEqual(at('2026-11-23T06:00Z'));
    expect(stopTime(daily('21:00', 'UTC'), at('2026-11-22T21:00Z'))).toBeUndefined();
  });

  test('a window that the clocks leap over keeps its length', () => {
    const gap: ClockSchedule = { ...daily('02:10', 'Europe/Berlin'), end: '02:40' };
    const fire = nextFire(gap, at('2026-03-28T12:00Z'));
    expect(fire).toEqual(at('2026-03-29T01:00Z'));
    expect(fire && stopTime(gap, fire)).toEqual(at('2026-03-29T01:30Z'));
  });
});

test('several schedules: soonest first, those of one moment are one fire, of the first of them', () => {
  const morning = daily('08:00', 'UTC');
  const schedules: Schedule[] = [
    { ...monthly({ day: 22, start: '08:00' }), id: 'month' },
    { ...morning, id: 'day' },
    { ...daily('09:00', 'Europe/Berlin', [1]), id: 'monday' },
  ];
  const fires = nextFires(schedules, at('2026-11-22T07:00Z'), 4);
  expect(fires.map(({ time, schedule }) => `${time.toISOString().slice(0, 16)} ${schedule.id}`)).toEqual([
    '2026-11-22T08:00 month',
    '2026-11-23T08:00 day',
    '2026-11-24T08:00 day',
    '2026-11-25T08:00 day',
  ]);
  expect(nextFires([], at('2026-11-22T07:00Z'), 4)).toEqual([]);
});

describe('a daily time when the clocks change', () => {
  // zone, time, range, the fires in it (UTC). Changes from the tz database.
  const table: [string, string, string, string, string[], string][] = [
    [
      'Europe/Berlin',
      '02:30',
      '2026-03-28T12:00Z',
      '2026-03-30T12:00Z',
      ['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z'],
      'does not exist: first moment after the gap',
    ],
    [
      'Europe/Berlin',
      '02:00',
      '2026-03-28T12:00Z',
      '2026-03-29T12:00Z',
      ['2026-03-29T01:00:00.000Z'],
      'is the first missing minute',
    ],
    [
      'Europe/Berlin',
      '03:00',
      '2026-03-28T12:00Z',
      '2026-03-29T12:00Z',
      ['2026-03-29T01:00:00.000Z'],
      'is the first minute after the gap',
    ],
    [
      'Europe/Berlin',
      '02:30',
      '2026-10-24T12:00Z',
      '2026-10-26T12:00Z',
      ['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z'],
      'exists twice: fires once',
    ],
    [
      'America/New_York',
      '02:30',
      '2027-03-13T12:00Z',
      '2027-03-14T23:00Z',
      ['2027-03-14T07:00:00.000Z'],
      'does not exist',
    ],
    [
      'America/New_York',
      '01:30',
      '2027-11-06T12:00Z',
      '2027-11-08T12:00Z',
      ['2027-11-07T05:30:00.000Z', '2027-11-08T06:30:00.000Z'],
      'exists twice',
    ],
    [
      'Australia/Lord_Howe',
      '02:15',
      '2026-10-03T00:00Z',
      '2026-10-04T12:00Z',
      ['2026-10-03T15:30:00.000Z'],
      'falls into a gap of half an hour',
    ],
    [
      'Australia/Lord_Howe',
      '01:45',
      '2026-04-04T00:00Z',
      '2026-04-05T12:00Z',
      ['2026-04-04T14:45:00.000Z'],
      'exists twice, half an hour apart',
    ],
    [
      'America/Santiago',
      '00:30',
      '2026-09-05T12:00Z',
      '2026-09-06T23:00Z',
      ['2026-09-06T04:00:00.000Z'],
      'is missing at midnight',
    ],
    [
      'Africa/Cairo',
      '00:00',
      '2026-04-23T12:00Z',
      '2026-04-24T23:00Z',
      ['2026-04-23T22:00:00.000Z', '2026-04-24T21:00:00.000Z'],
      'midnight itself is missing',
    ],
    [
      'Asia/Kathmandu',
      '21:30',
      '2026-01-01T00:00Z',
      '2026-01-02T00:00Z',
      ['2026-01-01T15:45:00.000Z'],
      'has an offset of 5 hours 45 minutes',
    ],
    [
      'Pacific/Apia',
      '12:00',
      '2011-12-28T12:00Z',
      '2011-12-31T12:00Z',
      [
        '2011-12-28T22:00:00.000Z',
        '2011-12-29T22:00:00.000Z',
        '2011-12-30T10:00:00.000Z',
        '2011-12-30T22:00:00.000Z',
      ],
      'a whole day is missing: its fire comes when the next day begins',
    ],
  ];

  for (const [zone, time, from, to, expected, situation] of table) {
    test(`${time} in ${zone} ${situation} (${from.slice(0, 10)})`, () => {
      expect(firesBetween(daily(time, zone), from, to)).toEqual(expected);
    });
  }
});

describe('days of the week', () => {
  test('are those of the zone, not of UTC', () => {
    // Monday 00:30 in Auckland is Sunday 11:30 UTC.
    expect(
      firesBetween(daily('00:30', 'Pacific/Auckland', [1]), '2026-11-20T00:00Z', '2026-12-01T00:00Z'),
    ).toEqual(['2026-11-22T11:30:00.000Z', '2026-11-29T11:30:00.000Z']);
  });

  test('Sunday is 7', () => {
    expect(nextFire(daily('12:00', 'UTC', [7]), at('2026-11-16T00:00Z'))).toEqual(at('2026-11-22T12:00Z'));
  });
});

describe('the newest fire', () => {
  test('many that were missed are one, the newest; at its very moment it counts', () => {
    expect(lastFire(daily('02:00', 'UTC'), at('2026-11-22T09:00Z'))).toEqual(at('2026-11-22T02:00Z'));
    expect(lastFire(daily('02:00', 'UTC'), at('2026-11-22T02:00Z'))).toEqual(at('2026-11-22T02:00Z'));
    expect(lastFire(daily('02:00', 'UTC'), at('2026-11-22T01:59Z'))).toEqual(at('2026-11-21T02:00Z'));
  });
});
