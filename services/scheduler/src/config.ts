import { commonSettings } from '@holdfast/runtime';
import { z } from 'zod';

const milliseconds = (byDefault: number, least = 10) => z.coerce.number().int().min(least).default(byDefault);

/** The settings of the scheduler; times in milliseconds. */
export const schedulerSettingsSchema = z.object({
  ...commonSettings,
  /** How often unfinished runs are compared with the control data and the broker. */
  HOLDFAST_SCHEDULER_RECONCILE_MS: milliseconds(3_000),
  /** How long a task whose message the broker lost may show no sign of life before it is sent again. */
  HOLDFAST_SCHEDULER_ORPHAN_MS: milliseconds(45_000),
  /** How long a task may show no sign of life at all before it is sent again. */
  HOLDFAST_SCHEDULER_ABANDONED_MS: milliseconds(180_000),
  /** How often all jobs are read again, for changes whose event was lost. */
  HOLDFAST_SCHEDULER_REREAD_JOBS_MS: milliseconds(60_000),
  /** How often a standby tries to become the leader. */
  HOLDFAST_SCHEDULER_STANDBY_MS: milliseconds(2_000),
  /** A time of a schedule that is served so much later was missed: it is caught up, or not, as the job says. */
  HOLDFAST_SCHEDULER_MISSED_MS: milliseconds(300_000, 1_000),
  /** Folder in which pre- and post-run scripts of jobs lie; without it no script runs. */
  HOLDFAST_SCRIPTS_DIR: z.string().startsWith('/', 'must be an absolute path').optional(),
  /** Programs that may read a script, absolute paths with commas between. */
  HOLDFAST_SCRIPT_INTERPRETERS: z
    .string()
    .default('/bin/sh,/bin/bash,/usr/bin/python3,/usr/bin/perl,/usr/bin/pwsh')
    .transform((text) =>
      text
        .split(',')
        .map((path) => path.trim())
        .filter((path) => path !== ''),
    )
    .pipe(z.array(z.string().startsWith('/', 'must be absolute paths with commas between'))),
});
export type SchedulerSettings = z.infer<typeof schedulerSettingsSchema>;
