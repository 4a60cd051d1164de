import type { Schedule } from '@holdfast/contracts';
import { addDays, dateIn, instantOf, weekdayOf } from './zonedTime.ts';

const minuteMs = 60_000;
// A day of the week comes at least once in 7 days; two more for what zones and gaps move over midnight.
const searchDays = 9;

type Interval = Extract<Schedule, { kind: 'interval' }>;
type Daily = Extract<Schedule, { kind: 'daily' }>;

/**
 * The first time after `after` (never `after` itself) at which a schedule fires; undefined for `manual`.
 *
 * An interval counts from `anchor` (when the job was made), so that it neither drifts nor depends on when
 * somebody asked. A daily time follows the clocks of its zone: a time that does not exist fires at the first
 * moment after the gap, one that exists twice fires once, at the first.
 */
export function nextFire(schedule: Schedule, after: Date, anchor: Date): Date | undefined {
  switch (schedule.kind) {
    case 'manual':
      return undefined;
    case 'interval':
      return new Date(
        intervalStep(schedule, after.getTime(), anchor.getTime()) + schedule.everyMinutes * minuteMs,
      );
    case 'daily':
      return nextDaily(schedule, after.getTime());
  }
}

/**
 * The fires that are due at `now` when the schedule was served up to `servedUntil`: none, or the newest one.
 * What was missed while nobody was there is caught up by one fire, however many were missed.
 */
export function dueFires(schedule: Schedule, servedUntil: Date, now: Date, anchor: Date): Date[] {
  const last = lastFire(schedule, now.getTime(), anchor.getTime());
  return last !== undefined && last > servedUntil.getTime() ? [new Date(last)] : [];
}

/** The newest fire at or before an instant. */
function lastFire(schedule: Schedule, nowMs: number, anchorMs: number): number | undefined {
  switch (schedule.kind) {
    case 'manual':
      return undefined;
    case 'interval': {
      const step = intervalStep(schedule, nowMs, anchorMs);
      return step > anchorMs ? step : undefined;
    }
    case 'daily':
      return lastDaily(schedule, nowMs);
  }
}

/** The newest multiple of the interval at or before an instant; the anchor itself when there is none yet. */
function intervalStep(schedule: Interval, atMs: number, anchorMs: number): number {
  const everyMs = schedule.everyMinutes * minuteMs;
  return anchorMs + Math.max(0, Math.floor((atMs - anchorMs) / everyMs)) * everyMs;
}

function nextDaily(schedule: Daily, afterMs: number): Date | undefined {
  const today = dateIn(schedule.timeZone, afterMs);
  for (let days = -1; days <= searchDays; days += 1) {
    const instant = fireOn(schedule, addDays(today, days));
    if (instant !== undefined && instant > afterMs) return new Date(instant);
  }
  return undefined;
}

function lastDaily(schedule: Daily, nowMs: number): number | undefined {
  const today = dateIn(schedule.timeZone, nowMs);
  for (let days = 1; days >= -searchDays; days -= 1) {
    const instant = fireOn(schedule, addDays(today, days));
    if (instant !== undefined && instant <= nowMs) return instant;
  }
  return undefined;
}

function fireOn(schedule: Daily, date: { year: number; month: number; day: number }): number | undefined {
  if (schedule.days !== undefined && !schedule.days.includes(weekdayOf(date))) return undefined;
  const [hour = 0, minute = 0] = schedule.time.split(':').map(Number);
  return instantOf(schedule.timeZone, date, hour, minute);
}
