import type { ClockSchedule, Schedule } from '@holdfast/contracts';
import { describe, expect, test } from '@jest/globals';
import { Cron } from 'croner';
import fc from 'fast-check';
import { DateTime } from 'luxon';
import { lastFire, nextFire, stopTime } from './nextFire.ts';

const at = (iso: string): Date => new Date(iso);
const daily = (start: string, timeZone: string): ClockSchedule => ({
  ...{ id: 'a', kind: 'daily', start, endsNextDay: false, timeZone },
});
type Periodic = Extract<Schedule, { kind: 'periodic' }>;
type Monthly = Extract<Schedule, { kind: 'monthly' }>;
const periodic = (given: Partial<Periodic>): Periodic => ({
  ...{ id: 'a', kind: 'periodic', every: 1, unit: 'hours', start: '00:00', endsNextDay: false },
  timeZone: 'UTC',
  ...given,
});
const monthly = (given: Partial<Monthly>): Monthly => ({
  ...{ id: 'a', kind: 'monthly', start: '02:00', endsNextDay: false, timeZone: 'UTC' },
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
const times = fc
  .record({ hour: fc.integer({ min: 0, max: 23 }), minute: fc.integer({ min: 0, max: 59 }) })
  .map(({ hour, minute }) => `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`);
const dailySchedules = fc.tuple(times, fc.constantFrom(...zones)).map(([time, zone]) => daily(time, zone));
const dayLists = fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 7 });
const monthLists = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 12 });
const weeks = fc.constantFrom<Monthly['week']>(1, 2, 3, 4, 'last');
const monthDays = fc.oneof(
  fc.record({
    day: fc.oneof(fc.integer({ min: 1, max: 31 }), fc.constant('last' as const)),
    shortMonths: fc.constantFrom('last' as const, 'skip' as const),
  }),
  fc.record({ week: weeks, weekday: fc.integer({ min: 1, max: 7 }) }),
);
const monthlySchedules = fc
  .tuple(times, fc.constantFrom(...zones), monthDays, monthLists)
  .map(([start, timeZone, on, months]) => monthly({ start, timeZone, months, ...on }))
  // 30 and 31 February never come.
  .filter(
    ({ day, months, shortMonths }) =>
      typeof day !== 'number' || shortMonths === 'last' || day < 30 || months?.some((m) => m === 1) === true,
  );
const periodicSchedules = fc
  .tuple(times, fc.constantFrom(...zones), fc.integer({ min: 1, max: 1_440 }), dayLists)
  .map(([start, timeZone, every, days]) => periodic({ start, timeZone, every, unit: 'minutes', days }));
const schedules: fc.Arbitrary<ClockSchedule> = fc.oneof(
  dailySchedules,
  fc.tuple(dailySchedules, dayLists).map(([schedule, days]) => ({ ...schedule, days })),
  monthlySchedules,
  periodicSchedules,
);

describe('for any schedule', () => {
  test('the next fire is later than asked and nothing lies between', () => {
    fc.assert(
      fc.property(
        schedules,
        instants,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (schedule, after, share) => {
          const fire = nextFire(schedule, after);
          expect(fire).toBeDefined();
          if (fire === undefined) return;
          expect(fire.getTime()).toBeGreaterThan(after.getTime());
          const between = new Date(
            after.getTime() + Math.floor((fire.getTime() - after.getTime() - 1) * share),
          );
          expect(nextFire(schedule, between)).toEqual(fire);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('the newest fire is where the next one was: both walk over the same times', () => {
    fc.assert(
      fc.property(schedules, instants, (schedule, after) => {
        const fire = nextFire(schedule, after);
        if (fire === undefined) throw new Error('never fires');
        expect(lastFire(schedule, fire)).toEqual(fire);
        const before = lastFire(schedule, new Date(fire.getTime() - 1));
        expect(before === undefined || before <= after).toBe(true);
        expect(before && nextFire(schedule, before)).toEqual(before && fire);
      }),
      { numRuns: 300 },
    );
  });

  test('a run is never stopped before it begins', () => {
    fc.assert(
      fc.property(schedules, times, instants, (given, end, after) => {
        const schedule = { ...given, end, endsNextDay: end <= given.start };
        const fire = nextFire(schedule, after);
        const stop = fire && stopTime(schedule, fire);
        expect(fire === undefined || (stop !== undefined && stop > fire)).toBe(true);
      }),
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
        const [hour, minute] = schedule.start.split(':').map(Number);
        const oracle = new Cron(`${minute} ${hour} * * *`, { timezone: schedule.timeZone });
        const ours = nextFire(schedule, after);
        const theirs = oracle.nextRun(after);
        const clock = new Intl.DateTimeFormat('en-GB', { timeZone: schedule.timeZone, timeStyle: 'short' });
        const exists = ours !== undefined && clock.format(ours) === schedule.start;
        const steady = (date: Date): boolean =>
          clock.format(new Date(date.getTime() - 86_400_000)) ===
          clock.format(new Date(date.getTime() + 86_400_000));
        fc.pre(exists && steady(after) && ours !== undefined && steady(ours));
        expect(ours).toEqual(theirs);
      }),
      { numRuns: 200 },
    );
  });

  test('a calendar that is walked day by day agrees on the days of months', () => {
    fc.assert(
      fc.property(monthlySchedules, instants, (schedule, after) => {
        const fire = nextFire(schedule, after);
        if (fire === undefined) throw new Error('never fires');
        const zone = schedule.timeZone;
        const last = DateTime.fromJSDate(fire, { zone }).startOf('day');
        for (
          let day = DateTime.fromJSDate(after, { zone }).startOf('day');
          day < last;
          day = day.plus({ days: 1 })
        ) {
          if (day.hasSame(DateTime.fromJSDate(after, { zone }), 'day')) continue;
          expect([day.toISODate(), isDayOf(schedule, day)]).toEqual([day.toISODate(), false]);
        }
        expect([last.toISODate(), isDayOf(schedule, last)]).toEqual([last.toISODate(), true]);
      }),
      { numRuns: 200 },
    );
  });
});

/** Whether a monthly schedule fires on a day, by what a calendar says of that day. */
function isDayOf({ day, week, weekday, months, shortMonths }: Monthly, date: DateTime): boolean {
  if (months !== undefined && !months.includes(date.month)) return false;
  const isLast = date.plus({ days: 1 }).month !== date.month;
  if (day === 'last') return isLast;
  if (day !== undefined) return date.day === day || (isLast && date.day < day && shortMonths === 'last');
  if (date.weekday !== weekday) return false;
  const isLastOfItsKind = date.plus({ weeks: 1 }).month !== date.month;
  return week === 'last' ? isLastOfItsKind : Math.ceil(date.day / 7) === week;
}
