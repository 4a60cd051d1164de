import type { Schedule } from '@holdfast/contracts';
import { type Command, Option } from 'commander';
import { parse as parseYaml } from 'yaml';
import { UsageError } from '../errors.ts';
import { collect, wholeNumber } from '../options.ts';

/** The flags that say when a job runs. */
export interface ScheduleOptions {
  schedule: string[];
  daily?: string;
  monthly?: string;
  yearly?: string;
  every?: string;
  after?: string;
  days?: string;
  on?: string;
  months?: string;
  start?: string;
  end?: string;
  timeZone?: string;
  effectiveFrom?: string;
  afterResults?: string;
  delayMinutes?: number;
  onDemand?: boolean;
}

type Draft = Record<string, unknown>;

const dayNames = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const monthNames = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const kinds = ['daily', 'monthly', 'yearly', 'every', 'after'] as const;

const list = (text: string): string[] => text.split(/[\s,]+/).filter((part) => part !== '');

/** `Mon`, `monday` or `1` → 1. What is none of these goes to the API as it is, which says what is wrong. */
function numberOf(names: readonly string[], text: string): number | string {
  const index = names.findIndex((name) => text.toLowerCase().startsWith(name.toLowerCase()));
  if (index >= 0) return index + 1;
  return /^\d+$/.test(text) ? Number(text) : text;
}

const dayOf = (text: string): number | string => numberOf(dayNames, text);

/** `15`, `last`, `2 tue`, `last fri`. */
function dayOfMonth(text: string | undefined): Draft {
  const [first, second] = text === undefined ? [] : list(text);
  const place = first === undefined || first === 'last' ? first : numberOf([], first);
  return second === undefined ? { day: place } : { week: place, weekday: dayOf(second) };
}

function windowOf(start: string | undefined, end: string | undefined): Draft {
  const endsNextDay = end !== undefined && end <= (start ?? '00:00');
  return { start, end, ...(endsNextDay ? { endsNextDay } : {}) };
}

/** Which schedule the flags describe; undefined when they describe none. @throws UsageError */
function fromFlags(options: ScheduleOptions): Draft | undefined {
  const given = kinds.filter((kind) => options[kind] !== undefined);
  const [kind, another] = given;
  if (another !== undefined) {
    const names = given.map((name) => `--${name}`).join(' and ');
    throw new UsageError(`${names} are two schedules`, 'Give one of them, and the other as --schedule.');
  }
  if (kind === undefined) {
    const parts = ['days', 'on', 'months', 'start', 'end', 'timeZone', 'effectiveFrom'] as const;
    if (parts.every((part) => options[part] === undefined)) return undefined;
    throw new UsageError('say when: --daily, --monthly, --yearly, --every or --after');
  }
  const timeZone = options.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const zoned = { timeZone, effectiveFrom: options.effectiveFrom };
  const days = options.days === undefined ? undefined : list(options.days).map(dayOf);
  const months = options.months === undefined ? undefined : list(options.months);
  const numbers = months?.map((text) => numberOf(monthNames, text));
  const window = windowOf(options[kind], options.end);
  switch (kind) {
    case 'daily':
      return { kind, days, ...window, ...zoned };
    case 'monthly':
      return { kind, months: numbers, ...dayOfMonth(options.on), shortMonths: 'last', ...window, ...zoned };
    case 'yearly':
      return {
        ...{ kind, month: numbers?.[0], ...dayOfMonth(options.on), shortMonths: 'last' },
        ...{ ...window, ...zoned },
      };
    case 'every': {
      const [, every, unit] = /^(\d+)\s*([mh])/.exec(options.every ?? '') ?? [];
      if (every === undefined) throw new UsageError('--every is a number with m or h, such as 30m or 4h');
      const period = { every: Number(every), unit: unit === 'h' ? 'hours' : 'minutes' };
      return { kind: 'periodic', ...period, days, ...windowOf(options.start, options.end), ...zoned };
    }
    case 'after': {
      const outcomes = options.afterResults === undefined ? undefined : list(options.afterResults);
      return { kind, jobId: options.after, outcomes, delayMinutes: options.delayMinutes, ...zoned };
    }
  }
}

function fromText(text: string): Draft {
  try {
    const parsed: unknown = parseYaml(text, { maxAliasCount: 0 });
    if (parsed !== null && typeof parsed === 'object' && !Array.isArray(parsed)) return { ...parsed };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`--schedule is no YAML: ${why}`);
  }
  throw new UsageError('--schedule holds the fields of one schedule: {kind: daily, start: "21:30", …}');
}

/** All schedules that the flags describe; undefined when they say nothing about schedules. @throws UsageError */
export function schedulesOf(options: ScheduleOptions): Draft[] | undefined {
  const flagged = fromFlags(options);
  const all = [...options.schedule.map(fromText), ...(flagged === undefined ? [] : [flagged])];
  if (options.onDemand === true) {
    if (all.length > 0) throw new UsageError('--on-demand means no schedule at all');
    return [];
  }
  if (all.length === 0) return undefined;
  return all.map((draft) => Object.fromEntries(Object.entries(draft).filter(([, v]) => v !== undefined)));
}

export const scheduleOptions = (command: Command): Command =>
  command
    .option('--daily <HH:MM>', 'run on every day, or on --days, at this time')
    .option('--monthly <HH:MM>', 'run on the day --on of every month, or of --months')
    .option('--yearly <HH:MM>', 'run on the day --on of the month --months')
    .option('--every <30m|4h>', 'run so often, from --start to --end, on --days')
    .option('--after <job>', 'run after each run of another job')
    .option('--days <mon,fri>', 'days of the week; 1 is Monday')
    .option('--on <day>', '15, last, "2 tue" (second Tuesday) or "last fri"')
    .option('--months <jan,jul>', 'months; 1 is January')
    .option('--start <HH:MM>', 'with --every: first time of a day')
    .option('--end <HH:MM>', 'a run that is not finished is stopped then; before the start: on the next day')
    .option('--time-zone <zone>', 'of all times, such as Europe/Berlin; this machine’s by default')
    .option('--effective-from <date>', 'not before this day, such as 2026-12-01')
    .option('--after-results <list>', 'with --after: success (warnings count as that), failed, stopped')
    .addOption(new Option('--delay-minutes <n>', 'with --after: so much later').argParser(wholeNumber))
    .option('--schedule <yaml>', 'a schedule as YAML, {kind: daily, …} (repeat for more)', collect, [])
    .option('--on-demand', 'no schedule');

function whenText(schedule: Exclude<Schedule, { kind: 'after' }>): string {
  const { start } = schedule;
  if (schedule.kind === 'daily') return `${daysText(schedule.days) || 'daily'} ${start}`;
  if (schedule.kind === 'periodic') {
    const until = schedule.end === undefined ? '' : `–${schedule.end}`;
    const within = start === '00:00' && until === '' ? '' : `${start}${until}`;
    const every = `every ${schedule.every} ${schedule.unit === 'hours' ? 'h' : 'min'}`;
    return [every, daysText(schedule.days), within].filter((part) => part !== '').join(' ');
  }
  const { day, week, weekday = 1 } = schedule;
  const on =
    day === undefined ? `${week}. ${dayNames[weekday - 1]}` : day === 'last' ? 'last day' : `${day}.`;
  const months = schedule.kind === 'yearly' ? [schedule.month] : (schedule.months ?? []);
  const named = months.map((month) => monthNames[month - 1]).join(', ');
  return `${on.replace('last.', 'last')} of ${named === '' ? 'the month' : named} ${start}`;
}

const daysText = (days: readonly number[] | undefined): string =>
  (days ?? []).map((day) => dayNames[day - 1]).join(', ');

/** A schedule in a few words. */
export function scheduleText(schedule: Schedule, nameOf = (id: string): string => id): string {
  if (schedule.kind === 'after') {
    const { jobId, outcomes, delayMinutes } = schedule;
    const results = outcomes.length === 3 ? '' : ` (${outcomes.join(', ')})`;
    return `${delayMinutes === 0 ? '' : `${delayMinutes} min `}after ${nameOf(jobId)}${results}`;
  }
  const end = schedule.end === undefined || schedule.kind === 'periodic' ? '' : `–${schedule.end}`;
  return `${whenText(schedule)}${end} ${schedule.timeZone}`;
}

/** All schedules of a job, for a table. */
export const schedulesText = (schedules: readonly Schedule[], nameOf?: (id: string) => string): string =>
  schedules.length === 0
    ? 'on demand'
    : schedules.map((schedule) => scheduleText(schedule, nameOf)).join('; ');
