import type { CalendarRule } from '@holdfast/contracts';
import { dateIn, instantOf } from './zonedTime.ts';

const dayMs = 24 * 60 * 60 * 1000;

/** A calendar in which slots are counted: the days, weeks, months and years of a zone. */
export interface Calendar {
  timeZone: string;
  /** Monday = 1 … Sunday = 7. */
  weekStartsOn: number;
}

/** Day of a zone that an instant belongs to, as the number of days since 1970-01-01 on its calendar. */
export function dayAt(timeZone: string, instantMs: number): number {
  const { year, month, day } = dateIn(timeZone, instantMs);
  const shown = Date.UTC(year, month - 1, day) / dayMs;
  // Clocks that were put back over midnight show yesterday once more; the new day has begun all the same.
  return startOfDay(timeZone, shown + 1) <= instantMs ? shown + 1 : shown;
}

/** The instant at which a day begins: the first midnight, or the first moment after a gap over it. */
export function startOfDay(timeZone: string, day: number): number {
  return instantOf(timeZone, dateOf(day), 0, 0);
}

/** The day as a calendar date. */
export function dateOf(day: number): { year: number; month: number; day: number } {
  const date = new Date(day * dayMs);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}

/** Number of the slot in which a day lies; the slot after it has the next number. */
export function slotOf(rule: CalendarRule, day: number, weekStartsOn: number): number {
  const { year, month } = dateOf(day);
  switch (rule) {
    case 'daily':
      return day;
    case 'weekly':
      // 1970-01-01 was a Thursday, three days after a Monday.
      return Math.floor((day + 4 - weekStartsOn) / 7);
    case 'monthly':
      return year * 12 + month - 1;
    case 'yearly':
      return year;
  }
}

/** First day of a slot. */
export function firstDayOf(rule: CalendarRule, slot: number, weekStartsOn: number): number {
  switch (rule) {
    case 'daily':
      return slot;
    case 'weekly':
      return slot * 7 - 4 + weekStartsOn;
    case 'monthly':
      return Date.UTC(Math.floor(slot / 12), slot % 12, 1) / dayMs;
    case 'yearly':
      return Date.UTC(slot, 0, 1) / dayMs;
  }
}

/** A slot for people: `2026-11-23`, `week of 2026-11-23`, `2026-11`, `2026`. */
export function slotName(rule: CalendarRule, slot: number, weekStartsOn: number): string {
  const first = new Date(firstDayOf(rule, slot, weekStartsOn) * dayMs).toISOString();
  switch (rule) {
    case 'daily':
      return first.slice(0, 10);
    case 'weekly':
      return `week of ${first.slice(0, 10)}`;
    case 'monthly':
      return first.slice(0, 7);
    case 'yearly':
      return first.slice(0, 4);
  }
}
