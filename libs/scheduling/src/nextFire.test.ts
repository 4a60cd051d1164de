import type { Schedule } from '@holdfast/contracts';
import { describe, expect, test } from '@jest/globals';
import { Cron } from 'croner';
import fc from 'fast-check';
import { dueFires, nextFire } from './nextFire.ts';

const at = (iso: string): Date => new Date(iso);
const daily = (time: string, timeZone: string, days?: number[]): Schedule => ({
  kind: 'daily',
  time,
  timeZone,
  ...(days === undefined ? {} : { days }),
});
const anchor = at('2020-01-01T00:00:00Z');

function firesBetween(schedule: Schedule, from: string, to: string): string[] {
  const fires: string[] = [];
  let fire = nextFire(schedule, at(from), anchor);
  while (fire !== undefined && fire <= at(to)) {
    fires.push(fire.toISOString());
    fire = nextFire(schedule, fire, anchor);
  }
  return fires;
}

describe('an interval', () => {
  const hourly: Schedule = { kind: 'interval', everyMinutes: 60 };

  test('counts from the anchor and not from the last fire', () => {
    const made = at('2026-11-22T08:17:00Z');
    expect(nextFire(hourly, at('2026-11-22T10:40:00Z'), made)?.toISOString()).toBe(
      '2026-11-22T11:17:00.000Z',
    );
  });

  test('fires first one interval after the anchor', () => {
    expect(nextFire(hourly, anchor, anchor)).toEqual(at('2020-01-01T01:00:00Z'));
    expect(nextFire(hourly, at('2019-06-01T00:00:00Z'), anchor)).toEqual(at('2020-01-01T01:00:00Z'));
  });

  test('asked at a fire time answers the one after it', () => {
    expect(nextFire(hourly, at('2020-01-01T05:00:00Z'), anchor)).toEqual(at('2020-01-01T06:00:00Z'));
  });
});

test('a manual schedule never fires', () => {
  expect(nextFire({ kind: 'manual' }, anchor, anchor)).toBeUndefined();
  expect(dueFires({ kind: 'manual' }, anchor, at('2030-01-01T00:00:00Z'), anchor)).toEqual([]);
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
    expect(nextFire(daily('12:00', 'UTC', [7]), at('2026-11-16T00:00Z'), anchor)).toEqual(
      at('2026-11-22T12:00Z'),
    );
  });
});

describe('after a downtime', () => {
  test('many missed fires are caught up by one, the newest', () => {
    const due = dueFires(daily('02:00', 'UTC'), at('2026-11-01T02:00Z'), at('2026-11-22T09:00Z'), anchor);
    expect(due).toEqual([at('2026-11-22T02:00Z')]);
  });

  test('nothing is due when the newest fire was served', () => {
    expect(dueFires(daily('02:00', 'UTC'), at('2026-11-22T02:00Z'), at('2026-11-22T09:00Z'), anchor)).toEqual(
      [],
    );
  });

  test('a fire is due at its very moment', () => {
    const fire = at('2026-11-22T02:00Z');
    expect(dueFires(daily('02:00', 'UTC'), at('2026-11-21T02:00Z'), fire, anchor)).toEqual([fire]);
  });

  test('an interval does not fire at the moment the job was made', () => {
    expect(dueFires({ kind: 'interval', everyMinutes: 5 }, at('2019-01-01T00:00Z'), anchor, anchor)).toEqual(
      [],
    );
  });
});

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'America/Santiago',
  'Pacific/Auckland',
  'Pacific/Chatham',
  'America/St_Johns',
  'Africa/Casablanca',
];
const instants = fc.date({ min: at('2021-01-01T00:00Z'), max: at('2031-01-01T00:00Z'), noInvalidDate: true });
const dailySchedules = fc.record({
  kind: fc.constant('daily' as const),
  time: fc
    .record({ hour: fc.integer({ min: 0, max: 23 }), minute: fc.integer({ min: 0, max: 59 }) })
    .map(({ hour, minute }) => `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`),
  timeZone: fc.constantFrom(...zones),
});
const dayLists = fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 7 });
const schedules: fc.Arbitrary<Schedule> = fc.oneof(
  fc.record({ kind: fc.constant('interval' as const), everyMinutes: fc.integer({ min: 1, max: 10_080 }) }),
  dailySchedules,
  fc.tuple(dailySchedules, dayLists).map(([schedule, days]) => ({ ...schedule, days })),
);

describe('for any schedule', () => {
  test('the next fire is later than asked and nothing lies between', () => {
    fc.assert(
      fc.property(
        schedules,
        instants,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (schedule, after, share) => {
          const fire = nextFire(schedule, after, anchor);
          expect(fire).toBeDefined();
          if (fire === undefined) return;
          expect(fire.getTime()).toBeGreaterThan(after.getTime());
          const between = new Date(
            after.getTime() + Math.floor((fire.getTime() - after.getTime() - 1) * share),
          );
          expect(nextFire(schedule, between, anchor)).toEqual(fire);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('what is due at a moment is the newest fire, and serving it leaves nothing due', () => {
    fc.assert(
      fc.property(
        schedules,
        instants,
        fc.integer({ min: 0, max: 40 * 24 * 60 }),
        (schedule, served, minutes) => {
          const now = new Date(served.getTime() + minutes * 60_000);
          const due = dueFires(schedule, served, now, anchor);
          const next = nextFire(schedule, served, anchor);
          expect(due.length).toBe(next !== undefined && next <= now ? 1 : 0);
          for (const fire of due) {
            expect(dueFires(schedule, fire, now, anchor)).toEqual([]);
            expect(nextFire(schedule, fire, anchor)?.getTime()).toBeGreaterThan(now.getTime());
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('a daily time fires once on each of its days', () => {
    fc.assert(
      fc.property(dailySchedules, instants, (schedule, from) => {
        const to = new Date(from.getTime() + 20 * 24 * 3_600_000);
        const days = firesBetween(schedule, from.toISOString(), to.toISOString()).map((fire) =>
          new Intl.DateTimeFormat('en-CA', { timeZone: schedule.timeZone }).format(at(fire)),
        );
        expect(new Set(days).size).toBe(days.length);
        expect(days.length).toBeGreaterThanOrEqual(19);
        expect(days.length).toBeLessThanOrEqual(21);
      }),
      { numRuns: 60 },
    );
  });

  test('an independent calculator agrees wherever the clocks do not change', () => {
    fc.assert(
      fc.property(dailySchedules, instants, (schedule, after) => {
        const [hour, minute] = schedule.time.split(':').map(Number);
        const oracle = new Cron(`${minute} ${hour} * * *`, { timezone: schedule.timeZone });
        const ours = nextFire(schedule, after, anchor);
        const theirs = oracle.nextRun(after);
        const clock = new Intl.DateTimeFormat('en-GB', { timeZone: schedule.timeZone, timeStyle: 'short' });
        const exists = ours !== undefined && clock.format(ours) === schedule.time;
        const steady = (date: Date): boolean =>
          clock.format(new Date(date.getTime() - 86_400_000)) ===
          clock.format(new Date(date.getTime() + 86_400_000));
        fc.pre(exists && steady(after) && ours !== undefined && steady(ours));
        expect(ours).toEqual(theirs);
      }),
      { numRuns: 200 },
    );
  });
});
