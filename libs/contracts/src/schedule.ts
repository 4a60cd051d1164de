import { z } from 'zod';
import { deterministicId, idSchema } from './ids.ts';
import { scheduleRetentionSchema } from './retention.ts';
import { timeOfDaySchema, timeZoneSchema } from './timeZone.ts';

/** How an ended run counts for the jobs that run after it; a warning counts as successful. */
export const chainOutcomes = ['success', 'failed', 'stopped'] as const;
export type ChainOutcome = (typeof chainOutcomes)[number];

const mostSchedules = 20;
const dayMinutes = 24 * 60;
/** Days that every year has; 29 February is not one of them. */
const daysOfMonth = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

const weekday = z
  .number()
  .int('must be a whole number')
  .min(1, 'must be 1 (Monday) to 7 (Sunday)')
  .max(7, 'must be 1 (Monday) to 7 (Sunday)');
const month = z
  .number()
  .int('must be a whole number')
  .min(1, 'must be 1 (January) to 12 (December)')
  .max(12, 'must be 1 (January) to 12 (December)');
const distinct = (list: readonly number[]): boolean => new Set(list).size === list.length;
const daysSchema = z
  .array(weekday)
  .min(1, 'name at least one day, Monday = 1 … Sunday = 7; leave it out for every day')
  .refine(distinct, 'names a day twice');
const monthsSchema = z
  .array(month)
  .min(1, 'name at least one month, January = 1 … December = 12; leave it out for every month')
  .refine(distinct, 'names a month twice');

const orLast = (most: number) => {
  const error = `must be 1 to ${most}, or "last"`;
  return z.union([z.number().int(error).min(1, error).max(most, error), z.literal('last')], { error });
};
/** A day of a month: its number, or the last one. */
export const dayOfMonthSchema = orLast(31);
/** Which of the same weekdays of a month. */
export const weekOfMonthSchema = orLast(4);

const zoned = {
  /** The clocks that times, days and dates are read on. */
  timeZone: timeZoneSchema,
  /** First day on which it may fire; at once when absent. */
  effectiveFrom: z.iso.date('must be a date such as 2026-12-01').optional(),
  /** Instead of the job's policy for restore points that this schedule makes. */
  retention: scheduleRetentionSchema.optional(),
};
const window = {
  /** When it fires. */
  start: timeOfDaySchema,
  /** A run that is not finished at this time is stopped; what it has stored stays. */
  end: timeOfDaySchema.optional(),
  /** `end` is on the day after the day of `start`. */
  endsNextDay: z.boolean().default(false),
};
const dayOfMonth = {
  /** Day of the month; instead of `week` and `weekday`. */
  day: dayOfMonthSchema.optional(),
  /** First (1) to fourth (4) or last `weekday` of the month; instead of `day`. */
  week: weekOfMonthSchema.optional(),
  weekday: weekday.optional(),
  /** What a month without this day does: fire on its last day, or not at all. Needed only where months differ. */
  shortMonths: z.enum(['last', 'skip']).optional(),
};

interface Window {
  start: string;
  end?: string | undefined;
  endsNextDay: boolean;
}
type Problem = (field: string, message: string) => void;
const problems =
  <T>(check: (value: T, problem: Problem) => void) =>
  (value: T, context: z.RefinementCtx): void =>
    check(value, (field, message) => context.addIssue({ code: 'custom', message, path: [field] }));

function checkWindow({ start, end, endsNextDay }: Window, problem: Problem): void {
  if (end === undefined) {
    if (endsNextDay) problem('endsNextDay', 'belongs to an end: give "end" too, or leave this out');
  } else if (!endsNextDay && end <= start) {
    problem('end', `is not after the start ${start}: give a later time, or set endsNextDay to true`);
  }
}

interface DayOfMonth {
  day?: number | 'last' | undefined;
  week?: number | 'last' | undefined;
  weekday?: number | undefined;
  shortMonths?: 'last' | 'skip' | undefined;
}

function checkDay(given: DayOfMonth, months: readonly number[], problem: Problem): void {
  const { day, week, weekday: named, shortMonths } = given;
  if (day === undefined && week === undefined && named === undefined) {
    problem('day', 'is missing: give a day of the month, or week and weekday');
    return;
  }
  if (day !== undefined) {
    if (week !== undefined) problem('week', 'belongs to "weekday" and not to "day": leave one of them out');
    if (named !== undefined) problem('weekday', 'belongs to "week" and not to "day": leave one of them out');
  } else {
    if (week === undefined) problem('week', 'is missing: 1 to 4, or "last", says which of the weekdays');
    if (named === undefined) problem('weekday', 'is missing: Monday = 1 … Sunday = 7');
  }
  if (typeof day !== 'number' || day > 31 || shortMonths === 'last') return;
  const longest = Math.max(...months.map((number) => (number === 2 ? 29 : (daysOfMonth[number - 1] ?? 31))));
  if (day > longest) {
    problem('day', `no chosen month has a day ${day}: choose ${longest} or less, or "last"`);
  } else if (shortMonths === undefined && months.some((number) => day > (daysOfMonth[number - 1] ?? 31))) {
    problem(
      'shortMonths',
      `is missing: not every chosen month has a day ${day}; "last" fires on the last day instead, "skip" not at all`,
    );
  }
}

const everyMonth = Array.from({ length: 12 }, (_, index) => index + 1);
const mostPerUnit = { minutes: dayMinutes, hours: 24 } as const;

/** The kinds of schedules; `id` says whether one must have an id. */
const kinds = <Id extends z.ZodType<string | undefined>>(id: Id) =>
  z.discriminatedUnion('kind', [
    z
      .strictObject({
        kind: z.literal('daily'),
        id,
        /** Monday = 1 … Sunday = 7; every day when absent. */
        days: daysSchema.optional(),
        ...window,
        ...zoned,
      })
      .superRefine(problems(checkWindow)),
    z
      .strictObject({
        kind: z.literal('monthly'),
        id,
        /** January = 1 … December = 12; every month when absent. */
        months: monthsSchema.optional(),
        ...dayOfMonth,
        ...window,
        ...zoned,
      })
      .superRefine(
        problems((value, problem) => {
          checkWindow(value, problem);
          checkDay(value, value.months ?? everyMonth, problem);
        }),
      ),
    z.strictObject({ kind: z.literal('yearly'), id, month, ...dayOfMonth, ...window, ...zoned }).superRefine(
      problems((value, problem) => {
        checkWindow(value, problem);
        checkDay(value, [value.month], problem);
      }),
    ),
    z
      .strictObject({
        kind: z.literal('periodic'),
        id,
        /** So many minutes or hours between two fires, counted from `start` on each day. */
        every: z.number().int('must be a whole number').min(1, 'must be at least 1'),
        unit: z.enum(['minutes', 'hours']),
        /** Monday = 1 … Sunday = 7; every day when absent. */
        days: daysSchema.optional(),
        ...window,
        /** First fire of a day. */
        start: timeOfDaySchema.default('00:00'),
        ...zoned,
      })
      .superRefine(
        problems((value, problem) => {
          checkWindow(value, problem);
          const most = mostPerUnit[value.unit];
          if (value.every > most)
            problem('every', `must be at most ${most} ${value.unit}: a day begins anew`);
          if (value.endsNextDay && value.end !== undefined && value.end > value.start) {
            problem('end', `is more than a day after the start ${value.start}: give an earlier time`);
          }
        }),
      ),
    z.strictObject({
      kind: z.literal('after'),
      id,
      /** The job whose runs are followed; runs of chosen mailboxes only do not count. */
      jobId: idSchema,
      /** Results that count; a run with warnings is successful. */
      outcomes: z
        .array(z.enum(chainOutcomes))
        .min(1, 'name at least one of success, failed, stopped')
        .refine((list) => new Set(list).size === list.length, 'names a result twice')
        .default(['success']),
      /** From the end of that run to the start of this one; 0 = at once. */
      delayMinutes: z
        .number()
        .int('must be a whole number')
        .min(0, 'must be at least 0 (at once)')
        .max(7 * dayMinutes, `must be at most ${7 * dayMinutes} (a week)`)
        .default(0),
      ...zoned,
      /** The clocks on which `effectiveFrom` is read. */
      timeZone: timeZoneSchema.default('UTC'),
    }),
  ]);

/** When a job runs by itself. A job without schedules runs on demand. */
export const scheduleSchema = kinds(idSchema);
export type Schedule = z.infer<typeof scheduleSchema>;
export type ScheduleKind = Schedule['kind'];
/** A schedule that follows the clocks, in contrast to one that follows another job. */
export type ClockSchedule = Exclude<Schedule, { kind: 'after' }>;

const givenSchema = kinds(idSchema.optional());

/**
 * A schedule as users send it. Without an id it gets one made of what it says: the same schedule sent again is the
 * same schedule, a changed one counts anew from the change.
 */
export const scheduleInputSchema = givenSchema
  .transform((given): unknown => {
    const { id, ...rest } = given;
    return { ...given, id: id ?? deterministicId('sch', JSON.stringify(sorted(rest))) };
  })
  .pipe(scheduleSchema as z.ZodType<Schedule, unknown>);
export type ScheduleInput = z.input<typeof scheduleInputSchema>;

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, entry]) => [key, sorted(entry)]),
  );
}

/** The schedules of a job; none = on demand. */
export const schedulesSchema = z
  .array(scheduleInputSchema)
  .max(mostSchedules, `must be at most ${mostSchedules} schedules`)
  .superRefine((list, context) => {
    const seen = new Map<string, number>();
    for (const [index, { id }] of list.entries()) {
      const earlier = seen.get(id);
      if (earlier === undefined) {
        seen.set(id, index);
        continue;
      }
      const message = `is the same as schedules[${earlier}]: leave one out, or give it another id`;
      context.addIssue({ code: 'custom', message, path: [index, 'id'] });
    }
  });

/** The zone in which the times of a job are shown: that of its first schedule; UTC for a job on demand. */
export const zoneOfSchedules = (schedules: readonly Pick<Schedule, 'timeZone'>[] | undefined): string =>
  schedules?.[0]?.timeZone ?? 'UTC';
