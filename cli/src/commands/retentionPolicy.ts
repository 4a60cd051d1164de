import type { ItemAge, RetentionPolicy } from '@holdfast/contracts';
import { type Command, Option } from 'commander';
import { UsageError } from '../errors.ts';
import { count } from '../options.ts';

/** The flags that say which restore points are kept. */
export interface PolicyOptions {
  keepLast?: number;
  keepDaily?: number;
  keepWeekly?: number;
  keepMonthly?: number;
  keepYearly?: number;
  keepAllDays?: number;
  itemAge?: string;
  itemAgeBy?: string;
  retentionZone?: string;
  weekStartsOn?: number;
}

type Draft = Record<string, unknown>;

/** Adds the flags of a policy: they change its rules one by one. */
export function policyOptions(command: Command): Command {
  const counts = [
    ['--keep-last <n>', 'newest restore points kept of each mailbox; 0 in any of these: no such rule'],
    ['--keep-daily <n>', 'one restore point a day for so many days'],
    ['--keep-weekly <n>', 'one a week for so many weeks'],
    ['--keep-monthly <n>', 'one a month for so many months'],
    ['--keep-yearly <n>', 'one a year for so many years'],
    ['--keep-all-days <n>', 'every restore point for so many days, whatever the other rules say'],
    ['--week-starts-on <n>', 'first day of a week, 1 (Monday) to 7 (Sunday)'],
  ] as const;
  for (const [flags, what] of counts) command.addOption(new Option(`${flags}`, what).argParser(count));
  return command
    .option(
      '--item-age <age>',
      'items older than 30d, 6m or 3y are neither backed up nor kept; none: whatever their age',
    )
    .addOption(new Option('--item-age-by <time>', 'what the age goes by').choices(['received', 'modified']))
    .option('--retention-zone <zone>', 'time zone of days, weeks, months and years (UTC)');
}

const units = { d: 'days', m: 'months', y: 'years' } as const;

/** `30d`, `6m`, `3y`. @throws UsageError */
export function ageOf(text: string, by: string | undefined): Draft {
  const [, count, unit] = /^(\d{1,6})\s*([dmy])(?:ays?|onths?|ears?)?$/i.exec(text) ?? [];
  const name = units[(unit?.toLowerCase() ?? '') as keyof typeof units];
  if (name === undefined) throw new UsageError(`"${text}" is no age`, 'Write it as 30d, 6m or 3y.');
  return { [name]: Number(count), ...(by === undefined ? {} : { by }) };
}

/**
 * The rules that the flags change; undefined when there are none. A rule that is taken away is there without a value.
 * @throws UsageError
 */
export function policyOf(options: PolicyOptions): Draft | undefined {
  if (options.itemAgeBy !== undefined && options.itemAge === undefined) {
    throw new UsageError('--item-age-by belongs to --item-age');
  }
  const policy: [string, unknown][] = Object.entries({
    keepLast: options.keepLast,
    daily: options.keepDaily,
    weekly: options.keepWeekly,
    monthly: options.keepMonthly,
    yearly: options.keepYearly,
    keepAllDays: options.keepAllDays,
    timeZone: options.retentionZone,
    weekStartsOn: options.weekStartsOn,
  }).flatMap(([rule, value]) => (value === undefined ? [] : [[rule, value === 0 ? undefined : value]]));
  const age = options.itemAge;
  if (age !== undefined) policy.push(['itemAge', age === 'none' ? undefined : ageOf(age, options.itemAgeBy)]);
  return policy.length === 0 ? undefined : Object.fromEntries(policy);
}

const plural = (count: number | undefined, unit: string): string[] =>
  count === undefined ? [] : [`${count} ${unit}${count === 1 ? '' : 's'}`];

/** `received more than 3 years ago` */
export function itemAgeText({ by, days, months, years }: ItemAge): string {
  const age = [...plural(days, 'day'), ...plural(months, 'month'), ...plural(years, 'year')].join();
  return `${by} more than ${age} ago`;
}

/** `5 newest, 7 days, 4 weeks; items of 3 years at most`. */
export function policyText(
  policy: Omit<RetentionPolicy, 'itemAge'> & { itemAge?: ItemAge | undefined },
): string {
  const { daily, itemAge, keepAllDays, keepLast, monthly, weekly, yearly } = policy;
  const rules = [
    ...(keepLast === undefined ? [] : [`${keepLast} newest`]),
    ...plural(daily, 'day'),
    ...plural(weekly, 'week'),
    ...plural(monthly, 'month'),
    ...plural(yearly, 'year'),
    ...plural(keepAllDays, 'day').map((days) => `all of the last ${days}`),
  ].join(', ');
  if (itemAge === undefined) return rules;
  return [...(rules === '' ? [] : [rules]), `no item ${itemAgeText(itemAge)}`].join('; ');
}
