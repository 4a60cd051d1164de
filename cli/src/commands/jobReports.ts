import type { Job } from '@holdfast/contracts';
import { type Command, Option } from 'commander';
import { collect, wholeNumber } from '../options.ts';

/** What the flags of a job say about its reports and alerts. */
export interface ReportOptions {
  recipientsOnly?: boolean;
  reportOn: string[];
  maxPointAge?: number;
  overdueAfter?: number;
}

/** The flags as the field `notifications`; undefined when none is given. */
export function notificationsOf(options: ReportOptions): Record<string, unknown> | undefined {
  const outcomes = options.reportOn.flatMap((text) => text.split(',')).filter((text) => text !== '');
  const given = Object.entries({
    recipients: options.recipientsOnly === undefined ? undefined : options.recipientsOnly ? 'replace' : 'add',
    on: options.reportOn.length === 0 ? undefined : outcomes.filter((outcome) => outcome !== 'nothing'),
    maxPointAgeHours: options.maxPointAge,
    overdueAfterMinutes: options.overdueAfter,
  }).filter(([, value]) => value !== undefined);
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

/** Who is told what of a job, as lines of facts; what is as in the settings is left out. */
export function reportFacts({ notifications, recipients }: Job): [string, string | undefined][] {
  const { maxPointAgeHours, on, overdueAfterMinutes } = notifications;
  const beside =
    notifications.recipients === 'add' ? ' (beside the global ones)' : ' (instead of the global ones)';
  return [
    ['recipients', recipients.length === 0 ? undefined : `${recipients.join('; ')}${beside}`],
    ['reports', on && (on.length === 0 ? 'nothing' : on.join(', '))],
    ['alert, point age', maxPointAgeHours === undefined ? undefined : `${maxPointAgeHours} hours`],
    ['alert, overdue', overdueAfterMinutes === undefined ? undefined : `${overdueAfterMinutes} minutes`],
  ];
}

/** Adds the flags to a command that makes a job. */
export function reportFlags(command: Command): Command {
  return command
    .option('--recipients-only', 'the report goes to --recipient alone, not to the global recipients')
    .option('--no-recipients-only', 'and to the global recipients (the default)')
    .option(
      '--report-on <outcomes>',
      'instead of the global ones: success, warning, failed, stopped, or nothing',
      collect,
      [],
    )
    .addOption(
      new Option('--max-point-age <hours>', 'alert when a mailbox has no younger restore point').argParser(
        wholeNumber,
      ),
    )
    .addOption(
      new Option('--overdue-after <minutes>', 'alert when nothing ran so long after its time').argParser(
        wholeNumber,
      ),
    );
}
