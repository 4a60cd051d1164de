import type { ClockSchedule, Schedule } from '@holdfast/contracts';
import { daysBefore, daysFrom } from './calendarDays.ts';
import { lastFireOn, nextFireOn, windowOn } from './fireWindow.ts';
import { addDays, dateIn } from './zonedTime.ts';

// A window that goes on over midnight began the day before; the clocks may move a fire over midnight as well.
const aroundDays = 2;

/**
 * The first time after `after` (never `after` itself) at which a schedule fires; undefined for one that follows
 * another job.
 *
 * Times follow the clocks of the schedule's zone: one that does not exist fires at the first moment after the gap,
 * one that exists twice fires once, at the first. Periodic fires are counted in elapsed time from the start of each
 * day's window.
 */
export function nextFire(schedule: Schedule, after: Date): Date | undefined {
  if (schedule.kind === 'after') return undefined;
  const from = addDays(dateIn(schedule.timeZone, after.getTime()), -aroundDays);
  for (const date of daysFrom(schedule, from)) {
    const fire = nextFireOn(schedule, date, after.getTime());
    if (fire !== undefined) return new Date(fire);
  }
  return undefined;
}

/** The newest time at or before `at` at which a schedule fires; undefined when there is none. */
export function lastFire(schedule: Schedule, at: Date): Date | undefined {
  if (schedule.kind === 'after') return undefined;
  const until = addDays(dateIn(schedule.timeZone, at.getTime()), aroundDays);
  for (const date of daysBefore(schedule, until)) {
    const fire = lastFireOn(schedule, date, at.getTime());
    if (fire !== undefined) return new Date(fire);
  }
  return undefined;
}

/** When a run that a schedule made at `fire` is stopped; undefined when it may take as long as it likes. */
export function stopTime(schedule: Schedule, fire: Date): Date | undefined {
  if (schedule.kind === 'after' || schedule.end === undefined) return undefined;
  for (const date of daysBefore(schedule, addDays(dateIn(schedule.timeZone, fire.getTime()), aroundDays))) {
    const { first, end } = windowOn(schedule, date);
    if (first <= fire.getTime()) return end === undefined ? undefined : new Date(end);
  }
  return undefined;
}

/** A time at which a job fires, and the first of its schedules that says so. */
export interface ScheduledFire {
  time: Date;
  schedule: ClockSchedule;
}

/** The next fires of several schedules after a time, soonest first; those of one moment are one fire. */
export function nextFires(schedules: readonly Schedule[], after: Date, count: number): ScheduledFire[] {
  const clocked = schedules.filter((schedule) => schedule.kind !== 'after');
  const next = clocked.map((schedule) => nextFire(schedule, after));
  const fires: ScheduledFire[] = [];
  while (fires.length < count) {
    const time = next.reduce((a, b) => (a === undefined || (b !== undefined && b < a) ? b : a), undefined);
    const schedule = clocked[next.findIndex((fire) => fire?.getTime() === time?.getTime())];
    if (time === undefined || schedule === undefined) break;
    fires.push({ time, schedule });
    for (const [index, fire] of next.entries()) {
      const own = clocked[index];
      if (own !== undefined && fire !== undefined && fire <= time) next[index] = nextFire(own, time);
    }
  }
  return fires;
}
