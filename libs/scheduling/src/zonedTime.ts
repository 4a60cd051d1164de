/** A day of the calendar, without a time zone; `month` is 1 to 12. */
export interface CalendarDate {
  year: number;
  month: number;
  day: number;
}

const dayMs = 24 * 60 * 60 * 1000;
const formats = new Map<string, Intl.DateTimeFormat>();

// Making a format costs some hundred microseconds; 10,000 jobs use a handful of zones.
function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(timeZone, format);
  }
  return format;
}

/** What the clocks of a zone show at an instant, as milliseconds as if it were UTC. */
function wallClock(timeZone: string, instantMs: number): number {
  const field: Record<string, number> = {};
  for (const part of formatOf(timeZone).formatToParts(instantMs)) field[part.type] = Number(part.value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = field;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/** Offset of a zone from UTC at an instant, in milliseconds (east is positive). */
function offsetAt(timeZone: string, instantMs: number): number {
  const wholeSeconds = Math.floor(instantMs / 1000) * 1000;
  return wallClock(timeZone, wholeSeconds) - wholeSeconds;
}

/** The calendar day that the clocks of a zone show at an instant. */
export function dateIn(timeZone: string, instantMs: number): CalendarDate {
  const shown = new Date(wallClock(timeZone, instantMs));
  return { year: shown.getUTCFullYear(), month: shown.getUTCMonth() + 1, day: shown.getUTCDate() };
}

/** The day that many days later (or earlier, when negative). */
export function addDays(date: CalendarDate, days: number): CalendarDate {
  const moved = new Date(Date.UTC(date.year, date.month - 1, date.day + days));
  return { year: moved.getUTCFullYear(), month: moved.getUTCMonth() + 1, day: moved.getUTCDate() };
}

/** Negative when the first day is earlier, 0 for the same day. */
export const compareDates = (a: CalendarDate, b: CalendarDate): number =>
  a.year - b.year || a.month - b.month || a.day - b.day;

/** Days of a month. */
export const daysIn = (year: number, month: number): number =>
  new Date(Date.UTC(year, month, 0)).getUTCDate();

/** Monday = 1 … Sunday = 7. */
export function weekdayOf(date: CalendarDate): number {
  return new Date(Date.UTC(date.year, date.month - 1, date.day)).getUTCDay() || 7;
}

/**
 * The instant (ms since epoch) at which the clocks of a zone show a time of day on a day. A time that exists
 * twice is the first of the two; one that does not exist is the first moment after the gap.
 */
export function instantOf(timeZone: string, date: CalendarDate, hour: number, minute: number): number {
  const wanted = Date.UTC(date.year, date.month - 1, date.day, hour, minute);
  // No offset is further than 14 hours from UTC, so a day on both sides has the offsets that can apply.
  const before = offsetAt(timeZone, wanted - dayMs);
  const after = offsetAt(timeZone, wanted + dayMs);
  const candidates = [wanted - before, wanted - after].sort((a, b) => a - b);
  for (const instant of candidates) if (wallClock(timeZone, instant) === wanted) return instant;
  return firstMomentAfterGap(timeZone, wanted - dayMs, wanted + dayMs, before);
}

/** The first instant in the range with another offset than `before`: there the clocks jumped. */
function firstMomentAfterGap(timeZone: string, fromMs: number, toMs: number, before: number): number {
  let low = Math.floor(fromMs / 1000);
  let high = Math.floor(toMs / 1000);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(timeZone, middle * 1000) === before) low = middle;
    else high = middle;
  }
  return high * 1000;
}

/** What the clocks of a zone show at an instant, with the offset: `2026-11-22T03:30:00+01:00`. */
export function localTime(timeZone: string, instant: Date): string {
  const shown = wallClock(timeZone, instant.getTime());
  const minutes = Math.round(offsetAt(timeZone, instant.getTime()) / 60_000);
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  const sign = minutes < 0 ? '-' : '+';
  const offset = `${sign}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
  return `${new Date(shown).toISOString().slice(0, 19)}${offset}`;
}
