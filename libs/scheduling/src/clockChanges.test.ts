import type { ClockSchedule } from '@holdfast/contracts';
import { describe, expect, jest, test } from '@jest/globals';
import { DateTime } from 'luxon';
import { lastFire, nextFire, stopTime } from './nextFire.ts';

jest.setTimeout(120_000);

/** All clock changes from 2024 to 2030: `<day> <what the clocks would show>><what they show instead>`. */
const changes: Record<string, string[]> = {
  'Europe/Berlin': [
    '2024-03-31 02:00>03:00',
    '2024-10-27 03:00>02:00',
    '2025-03-30 02:00>03:00',
    '2025-10-26 03:00>02:00',
    '2026-03-29 02:00>03:00',
    '2026-10-25 03:00>02:00',
    '2027-03-28 02:00>03:00',
    '2027-10-31 03:00>02:00',
    '2028-03-26 02:00>03:00',
    '2028-10-29 03:00>02:00',
    '2029-03-25 02:00>03:00',
    '2029-10-28 03:00>02:00',
    '2030-03-31 02:00>03:00',
    '2030-10-27 03:00>02:00',
  ],
  'America/New_York': [
    '2024-03-10 02:00>03:00',
    '2024-11-03 02:00>01:00',
    '2025-03-09 02:00>03:00',
    '2025-11-02 02:00>01:00',
    '2026-03-08 02:00>03:00',
    '2026-11-01 02:00>01:00',
    '2027-03-14 02:00>03:00',
    '2027-11-07 02:00>01:00',
    '2028-03-12 02:00>03:00',
    '2028-11-05 02:00>01:00',
    '2029-03-11 02:00>03:00',
    '2029-11-04 02:00>01:00',
    '2030-03-10 02:00>03:00',
    '2030-11-03 02:00>01:00',
  ],
  'Australia/Lord_Howe': [
    '2024-04-07 02:00>01:30',
    '2024-10-06 02:00>02:30',
    '2025-04-06 02:00>01:30',
    '2025-10-05 02:00>02:30',
    '2026-04-05 02:00>01:30',
    '2026-10-04 02:00>02:30',
    '2027-04-04 02:00>01:30',
    '2027-10-03 02:00>02:30',
    '2028-04-02 02:00>01:30',
    '2028-10-01 02:00>02:30',
    '2029-04-01 02:00>01:30',
    '2029-10-07 02:00>02:30',
    '2030-04-07 02:00>01:30',
    '2030-10-06 02:00>02:30',
  ],
  'America/Santiago': [
    '2024-04-07 00:00>23:00',
    '2024-09-08 00:00>01:00',
    '2025-04-06 00:00>23:00',
    '2025-09-07 00:00>01:00',
    '2026-04-05 00:00>23:00',
    '2026-09-06 00:00>01:00',
    '2027-04-04 00:00>23:00',
    '2027-09-05 00:00>01:00',
    '2028-04-02 00:00>23:00',
    '2028-09-03 00:00>01:00',
    '2029-04-08 00:00>23:00',
    '2029-09-02 00:00>01:00',
    '2030-04-07 00:00>23:00',
    '2030-09-08 00:00>01:00',
  ],
  'Africa/Cairo': [
    '2024-04-26 00:00>01:00',
    '2024-11-01 00:00>23:00',
    '2025-04-25 00:00>01:00',
    '2025-10-31 00:00>23:00',
    '2026-04-24 00:00>01:00',
    '2026-10-30 00:00>23:00',
    '2027-04-30 00:00>01:00',
    '2027-10-29 00:00>23:00',
    '2028-04-28 00:00>01:00',
    '2028-10-27 00:00>23:00',
    '2029-04-27 00:00>01:00',
    '2029-10-26 00:00>23:00',
    '2030-04-26 00:00>01:00',
    '2030-11-01 00:00>23:00',
  ],
};

const from = Date.UTC(2024, 0, 1);
const to = Date.UTC(2031, 0, 1);
const halfHourMs = 1_800_000;
const minuteMs = 60_000;
const quarterMs = 15 * minuteMs;

interface Change {
  zone: string;
  /** Where the clocks change, ms since epoch. */
  at: number;
  text: string;
}

const offsetOf = (zone: string, ms: number): number => DateTime.fromMillis(ms, { zone }).offset;

/** The changes that luxon knows of. */
function changesOf(zone: string): Change[] {
  const found: Change[] = [];
  let offset = offsetOf(zone, from);
  for (let day = from; day < to; day += 48 * halfHourMs) {
    if (offsetOf(zone, day + 48 * halfHourMs) === offset) continue;
    let at = day;
    while (offsetOf(zone, at) === offset) at += halfHourMs;
    const would = DateTime.fromMillis(at + offset * minuteMs, { zone: 'utc' }).toFormat('yyyy-MM-dd HH:mm');
    found.push({ zone, at, text: `${would}>${DateTime.fromMillis(at, { zone }).toFormat('HH:mm')}` });
    offset = offsetOf(zone, at);
  }
  return found;
}

interface Shown {
  ms: number;
  day: number;
  minutes: number;
}

/** What the clocks show, every quarter of an hour. */
function shownIn(zone: string, fromMs: number, toMs: number): Shown[] {
  const list: Shown[] = [];
  for (let ms = fromMs; ms < toMs; ms += quarterMs) {
    const { ordinal, hour, minute } = DateTime.fromMillis(ms, { zone });
    list.push({ ms, day: ordinal, minutes: hour * 60 + minute });
  }
  return list;
}

/** The fires of a daily time around a change: once a day, as soon as the clocks show it or more. */
function dailyFires(shown: readonly Shown[], time: string): string[] {
  const [hour = 0, minute = 0] = time.split(':').map(Number);
  const fires = new Map<number, number>();
  for (const { ms, day, minutes } of shown) {
    if (!fires.has(day) && minutes >= hour * 60 + minute) fires.set(day, ms);
  }
  // The first day is seen from its middle only.
  return [...fires.values()].slice(1).map((ms) => new Date(ms).toISOString());
}

function ours(schedule: ClockSchedule, fromMs: number, toMs: number): string[] {
  const fires: string[] = [];
  for (
    let fire = nextFire(schedule, new Date(fromMs - 1));
    fire !== undefined && fire.getTime() < toMs;
    fire = nextFire(schedule, fire)
  ) {
    fires.push(fire.toISOString());
    expect(lastFire(schedule, fire)).toEqual(fire);
  }
  return fires;
}

const daily = (zone: string, start: string): ClockSchedule => ({
  ...{ id: 'a', kind: 'daily', start, endsNextDay: false, timeZone: zone },
});

describe.each(Object.keys(changes))('the clocks of %s', (zone) => {
  const known = changesOf(zone);

  test('change from 2024 to 2030 as this table says', () => {
    expect(known.map(({ text }) => text)).toEqual(changes[zone]);
  });

  test('a time that does not exist fires when the gap ends, one that exists twice fires once', () => {
    for (const { at } of known) {
      const before = DateTime.fromMillis(at, { zone }).minus({ hours: 36 }).startOf('hour').toMillis();
      const after = at + 36 * 60 * minuteMs;
      const shown = shownIn(zone, before, after);
      for (let quarter = -6; quarter <= 6; quarter += 1) {
        const time = DateTime.fromMillis(at + quarter * 15 * minuteMs, { zone: 'utc' })
          .plus({ minutes: offsetOf(zone, at - minuteMs) })
          .toFormat('HH:mm');
        const expected = dailyFires(shown, time);
        expect(expected.length).toBeGreaterThanOrEqual(2);
        const first = new Date(expected[0] ?? '').getTime();
        expect([zone, time, ours(daily(zone, time), first, after)]).toEqual([zone, time, expected]);
      }
    }
  });

  test('a period goes on evenly, and a day with a change has fewer or more fires', () => {
    for (const { at } of known) {
      const start = DateTime.fromMillis(at, { zone }).minus({ hours: 2 }).startOf('day');
      const end = start.plus({ days: 1 });
      const every: ClockSchedule = {
        ...{ id: 'a', kind: 'periodic', every: 30, unit: 'minutes', start: '00:00', endsNextDay: false },
        timeZone: zone,
      };
      const fires = ours(every, start.toMillis(), end.toMillis());
      const expected: string[] = [];
      for (let ms = start.toMillis(); ms < end.toMillis(); ms += halfHourMs) {
        expected.push(new Date(ms).toISOString());
      }
      expect(fires).toEqual(expected);
    }
  });

  test('a window over the change ends when the clocks show its end', () => {
    for (const { at } of known) {
      const start = DateTime.fromMillis(at, { zone }).minus({ hours: 6 });
      const end = DateTime.fromMillis(at, { zone }).plus({ hours: 6 });
      const night: ClockSchedule = {
        ...{ id: 'a', kind: 'daily', start: start.toFormat('HH:mm'), end: end.toFormat('HH:mm') },
        ...{ endsNextDay: !start.hasSame(end, 'day'), timeZone: zone },
      };
      const fire = nextFire(night, new Date(start.toMillis() - minuteMs));
      expect(fire?.toISOString()).toBe(start.toJSDate().toISOString());
      expect(fire && stopTime(night, fire)?.toISOString()).toBe(end.toJSDate().toISOString());
    }
  });
});

test('a zone without changes has every local time once, whatever its offset', () => {
  for (const zone of ['Asia/Kolkata', 'Asia/Kathmandu', 'UTC', 'Asia/Tokyo']) {
    expect(changesOf(zone)).toEqual([]);
    const fires = ours(daily(zone, '02:30'), from, to);
    expect(fires.length).toBe(7 * 365 + 2);
    for (const fire of fires) expect(DateTime.fromISO(fire, { zone }).toFormat('HH:mm')).toBe('02:30');
  }
});
