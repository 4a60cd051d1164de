import type { ClockSchedule } from '@holdfast/contracts';
import { addDays, type CalendarDate, compareDates, daysIn, weekdayOf } from './zonedTime.ts';

// A chosen weekday comes at least once in 7 days; the search begins up to 2 days early, and gaps move fires.
const searchDays = 12;
// 29 February comes at least once in 8 years.
const searchMonths = 8 * 12 + 1;

/** Days on which a schedule fires, from a day on, soonest first; as many as are needed to find the next fire. */
export function* daysFrom(schedule: ClockSchedule, from: CalendarDate): Iterable<CalendarDate> {
  const first = firstDay(schedule);
  const start = first !== undefined && compareDates(first, from) > 0 ? first : from;
  for (const date of walk(schedule, start, 1)) if (compareDates(date, start) >= 0) yield date;
}

/** Days on which a schedule fires, up to a day, newest first. */
export function* daysBefore(schedule: ClockSchedule, until: CalendarDate): Iterable<CalendarDate> {
  const first = firstDay(schedule);
  for (const date of walk(schedule, until, -1)) {
    if (first !== undefined && compareDates(date, first) < 0) return;
    if (compareDates(date, until) <= 0) yield date;
  }
}

function firstDay({ effectiveFrom }: ClockSchedule): CalendarDate | undefined {
  if (effectiveFrom === undefined) return undefined;
  const [year = 0, month = 1, day = 1] = effectiveFrom.split('-').map(Number);
  return { year, month, day };
}

function* walk(schedule: ClockSchedule, from: CalendarDate, direction: 1 | -1): Iterable<CalendarDate> {
  if (schedule.kind === 'daily' || schedule.kind === 'periodic') {
    for (let days = 0; days <= searchDays; days += 1) {
      const date = addDays(from, days * direction);
      if (schedule.days === undefined || schedule.days.includes(weekdayOf(date))) yield date;
    }
    return;
  }
  for (let months = 0; months <= searchMonths; months += 1) {
    const at = from.year * 12 + from.month - 1 + months * direction;
    const date = dayOfMonth(schedule, Math.floor(at / 12), (at % 12) + 1);
    if (date !== undefined) yield date;
  }
}

type Monthly = Extract<ClockSchedule, { kind: 'monthly' | 'yearly' }>;

/** The day of a month on which a schedule fires; undefined when it does not in this month. */
function dayOfMonth(schedule: Monthly, year: number, month: number): CalendarDate | undefined {
  if (schedule.kind === 'yearly' && schedule.month !== month) return undefined;
  if (schedule.kind === 'monthly' && schedule.months?.includes(month) === false) return undefined;
  const last = daysIn(year, month);
  const day = schedule.day === undefined ? nthWeekday(schedule, year, month, last) : schedule.day;
  if (day === 'last') return { year, month, day: last };
  if (day <= last) return { year, month, day };
  return schedule.shortMonths === 'last' ? { year, month, day: last } : undefined;
}

function nthWeekday({ week, weekday }: Monthly, year: number, month: number, last: number): number {
  const wanted = weekday ?? 1;
  if (week === 'last') return last - ((weekdayOf({ year, month, day: last }) - wanted + 7) % 7);
  const first = 1 + ((wanted - weekdayOf({ year, month, day: 1 }) + 7) % 7);
  return first + 7 * ((week ?? 1) - 1);
}
