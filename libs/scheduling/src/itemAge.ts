import type { Age, ItemAge } from '@holdfast/contracts';
import { dateOf, dayAt, startOfDay } from './calendarSlots.ts';

const dayMs = 24 * 60 * 60 * 1000;

/**
 * Items whose time is before this instant are too old. It is the beginning of the day, in the zone, that lies the age
 * before today, so it moves once a day: what is backed up in the morning does not go in the evening. A day of the
 * month that an earlier month does not have is its last (a month before 31 March is 28 or 29 February).
 */
export function itemCutOff(age: Age, nowMs: number, timeZone: string): number {
  return startOfDay(timeZone, dayBefore(age, dayAt(timeZone, nowMs)));
}

/** The times of an item that an age can go by, ms since epoch. */
export interface ItemTimes {
  receivedMs: number;
  /** Absent when the source does not tell: then the time of receipt counts. */
  modifiedMs?: number | undefined;
}

/** True when an item is neither backed up nor kept, given the cut-off of its policy's age. */
export function isTooOld(item: ItemTimes, by: ItemAge['by'], cutOffMs: number): boolean {
  const time = by === 'modified' ? (item.modifiedMs ?? item.receivedMs) : item.receivedMs;
  return time < cutOffMs;
}

/** The instant from which on something of this time is too old. */
export function tooOldFrom(age: Age, timeMs: number, timeZone: string): number {
  const day = dayAt(timeZone, timeMs);
  // The cut-off stands at the beginning of a day, so it has passed the time when it stands at the next day or later.
  let from = addAge(age, day);
  while (startOfDay(timeZone, dayBefore(age, from)) <= timeMs) from += 1;
  return startOfDay(timeZone, from);
}

/** The age for people: `3 years`, `1 day`. */
export function ageText(age: Age): string {
  const [unit, count] =
    age.days !== undefined
      ? ['day', age.days]
      : age.months !== undefined
        ? ['month', age.months]
        : ['year', age.years ?? 0];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

const dayBefore = (age: Age, day: number): number => moved(day, -(age.days ?? 0), -monthsOf(age));
const addAge = (age: Age, day: number): number => moved(day, age.days ?? 0, monthsOf(age));
const monthsOf = (age: Age): number => (age.months ?? 0) + 12 * (age.years ?? 0);

function moved(day: number, days: number, months: number): number {
  if (months === 0) return day + days;
  const date = dateOf(day);
  const month = date.month - 1 + months;
  const lastOfMonth = new Date(Date.UTC(date.year, month + 1, 0)).getUTCDate();
  return Date.UTC(date.year, month, Math.min(date.day, lastOfMonth)) / dayMs + days;
}
