import type { ClockSchedule } from '@holdfast/contracts';
import { addDays, type CalendarDate, instantOf } from './zonedTime.ts';

const minuteMs = 60_000;

/** One day of a schedule: its first fire, and the end of its window (both ms since epoch). */
export interface FireWindow {
  first: number;
  /** Nothing is fired from here on, and unfinished runs are stopped; undefined: no end is set. */
  end: number | undefined;
}

/**
 * The window that begins on a day. A window that the clocks leap over as a whole (both of its times do not exist)
 * keeps its length.
 */
export function windowOn(schedule: ClockSchedule, date: CalendarDate): FireWindow {
  const { timeZone, start, end, endsNextDay } = schedule;
  const from = clock(start);
  const first = instantOf(timeZone, date, from.hour, from.minute);
  if (end === undefined) return { first, end: undefined };
  const until = clock(end);
  const endDate = endsNextDay ? addDays(date, 1) : date;
  const instant = instantOf(timeZone, endDate, until.hour, until.minute);
  const lengthMs = (until.hour * 60 + until.minute - from.hour * 60 - from.minute) * minuteMs;
  return { first, end: instant > first ? instant : first + lengthMs };
}

/** The first fire of a day after an instant; undefined when there is none. */
export function nextFireOn(schedule: ClockSchedule, date: CalendarDate, afterMs: number): number | undefined {
  const window = windowOn(schedule, date);
  if (schedule.kind !== 'periodic') return window.first > afterMs ? window.first : undefined;
  const step = stepMs(schedule);
  const steps = Math.max(0, Math.floor((afterMs - window.first) / step) + 1);
  const fire = window.first + steps * step;
  return fire < lastMoment(schedule, date, window) ? fire : undefined;
}

/** The newest fire of a day at or before an instant; undefined when there is none. */
export function lastFireOn(schedule: ClockSchedule, date: CalendarDate, atMs: number): number | undefined {
  const window = windowOn(schedule, date);
  if (window.first > atMs) return undefined;
  if (schedule.kind !== 'periodic') return window.first;
  const step = stepMs(schedule);
  const until = Math.min(atMs, lastMoment(schedule, date, window) - 1);
  return until < window.first ? undefined : window.first + Math.floor((until - window.first) / step) * step;
}

type Periodic = Extract<ClockSchedule, { kind: 'periodic' }>;

const stepMs = ({ every, unit }: Periodic): number => every * (unit === 'hours' ? 60 : 1) * minuteMs;

/** Without an end a day goes on to midnight. */
const lastMoment = (schedule: Periodic, date: CalendarDate, { end }: FireWindow): number =>
  end ?? instantOf(schedule.timeZone, addDays(date, 1), 0, 0);

function clock(time: string): { hour: number; minute: number } {
  const [hour = 0, minute = 0] = time.split(':').map(Number);
  return { hour, minute };
}
