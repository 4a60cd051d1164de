import { type CalendarRule, calendarRules } from '@holdfast/contracts';
import { DateTime } from 'luxon';
import type { KeepRules } from '../selectPoints.ts';

const dayMs = 24 * 60 * 60 * 1000;
const units = { daily: 'day', weekly: 'day', monthly: 'month', yearly: 'year' } as const;

/** First moment of the slot that holds an instant, by luxon. */
function slotStart(rule: CalendarRule, nowMs: number, zone: string, weekStartsOn: number): DateTime {
  const start = DateTime.fromMillis(nowMs, { zone }).startOf(units[rule]);
  return rule === 'weekly' ? start.minus({ days: (start.weekday - weekStartsOn + 7) % 7 }) : start;
}

/**
 * Which of these times of complete points stay, worked out the other way round than by the library: by asking for each
 * slot, with the calendar of luxon, which point was the state at its end. Ascending.
 */
export function keptByCalendar(times: readonly number[], policy: KeepRules, nowMs: number): number[] {
  const { keepLast = 0, keepAllDays = 0, timeZone = 'UTC', weekStartsOn = 1 } = policy;
  const oldestFirst = [...times].sort((a, b) => a - b);
  const stays = new Set(oldestFirst.slice(-Math.max(1, keepLast)));
  for (const rule of calendarRules) {
    const step = rule === 'weekly' ? 'weeks' : (`${units[rule]}s` as const);
    const start = slotStart(rule, nowMs, timeZone, weekStartsOn);
    for (let back = 0; back < (policy[rule] ?? 0); back += 1) {
      const end = start.minus({ [step]: back - 1 }).toMillis();
      const state = oldestFirst.findLast((time) => time < end);
      if (state !== undefined) stays.add(state);
    }
  }
  for (const [index, time] of oldestFirst.entries()) {
    if ((oldestFirst[index + 1] ?? nowMs) > nowMs - keepAllDays * dayMs) stays.add(time);
  }
  return [...stays].sort((a, b) => a - b);
}
