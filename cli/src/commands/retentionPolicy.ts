import type { RetentionPolicy } from '@holdfast/contracts';
import { type Command, Option } from 'commander';
import { UsageError } from '../errors.ts';
import { wholeNumber } from '../options.ts';

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

/** Adds the flags of a policy. The flags that are given are the whole policy. */
export function policyOptions(command: Command): Command {
  const counts = [
    ['--keep-last <n>', 'newest restore points kept of each mailbox'],
    ['--keep-daily <n>', 'one restore point a day for so many days'],
    ['--keep-weekly <n>', 'one a week for so many weeks'],
    ['--keep-monthly <n>', 'one a month for so many months'],
    ['--keep-yearly <n>', 'one a year for so many years'],
    ['--keep-all-days <n>', 'every restore point for so many days, whatever the other rules say'],
    ['--week-starts-on <n>', 'first day of a week, 1 (Monday) to 7 (Sunday)'],
  ] as const;
  for (const [flags, what] of counts) command.addOption(new Option(flags, what).argParser(wholeNumber));
  return command
    .option('--item-age <age>', 'items older than 30d, 6m or 3y are neither backed up nor kept')
    .addOption(new Option('--item-age-by <time>', 'what the age goes by').choices(['received', 'modified']))
    .option('--retention-zone <zone>', 'time zone of days, weeks, months and years (UTC)');
}

const units = { d: 'days', m: 'months', y: 'years' } as const;

/** `30d`, `6m`, `3y`. @throws UsageError */
function ageOf(text: string, by: string | undefined): Draft {
  const [, count, unit] = /^(\d{1,6})\s*([dmy])(?:ays?|onths?|ears?)?$/i.exec(text) ?? [];
  const name = units[(unit?.toLowerCase() ?? '') as keyof typeof units];
  if (name === undefined) throw new UsageError(`"${text}" is no age`, 'Write it as 30d, 6m or 3y.');
  return { [name]: Number(count), ...(by === undefined ? {} : { by }) };
}

/** The policy that the flags describe; undefined when they describe none. @throws UsageError */
export function policyOf(options: PolicyOptions): Draft | undefined {
  if (options.itemAgeBy !== undefined && options.itemAge === undefined) {
    throw new UsageError('--item-age-by belongs to --item-age');
  }
  const policy = Object.entries({
    keepLast: options.keepLast,
    daily: options.keepDaily,
    weekly: options.keepWeekly,
    monthly: options.keepMonthly,
    yearly: options.keepYearly,
    keepAllDays: options.keepAllDays,
    itemAge: options.itemAge === undefined ? undefined : ageOf(options.itemAge, options.itemAgeBy),
    timeZone: options.retentionZone,
    weekStartsOn: options.weekStartsOn,
  }).filter(([, value]) => value !== undefined);
  return policy.length === 0 ? undefined : Object.fromEntries(policy);
}

/** `5 newest, 7 days, 4 weeks; items of 3 years at most`. */
export function policyText(policy: RetentionPolicy): string {
  const { daily, itemAge, keepAllDays, keepLast, monthly, weekly, yearly } = policy;
  const plural = (count: number | undefined, unit: string): string[] =>
    count === undefined ? [] : [`${count} ${unit}${count === 1 ? '' : 's'}`];
  const rules = [
    ...(keepLast === undefined ? [] : [`${keepLast} newest`]),
    ...plural(daily, 'day'),
    ...plural(weekly, 'week'),
    ...plural(monthly, 'month'),
    ...plural(yearly, 'year'),
    ...plural(keepAllDays, 'day').map((days) => `all of the last ${days}`),
  ].join(', ');
  if (itemAge === undefined) return rules;
  const age = [
    ...plural(itemAge.days, 'day'),
    ...plural(itemAge.months, 'month'),
    ...plural(itemAge.years, 'year'),
  ].join();
  return [...(rules === '' ? [] : [rules]), `no item ${itemAge.by} more than ${age} ago`].join('; ');
}
