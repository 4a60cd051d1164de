import { z } from 'zod';
import { idSchema } from './ids.ts';
import { addressListSchema, jobNotificationsSchema } from './mailSettings.ts';
import { retentionSchema } from './retention.ts';
import { scheduleSchema, schedulesSchema } from './schedule.ts';
import { destinationSchema, exclusionsSchema, sourceSchema } from './scope.ts';
import { jobScriptsSchema } from './script.ts';

/** Mailboxes that failed are tried again at the end of a run, as part of it; the report waits for that. */
export const retrySchema = z.strictObject({
  /** How often; 0 = never. */
  times: z.number().int('must be a whole number').min(0, 'must be at least 0').max(20).default(3),
  /** Pause before each time. */
  pauseMinutes: z.number().int('must be a whole number').min(0, 'must be at least 0').max(1_440).default(10),
});
export type Retry = z.infer<typeof retrySchema>;

export const jobOptionsSchema = z.strictObject({
  /** Mailboxes at work at the same time; enforced by the broker. */
  concurrency: z.number().int().min(1).max(256).default(3),
  /** How often a mailbox is tried in a run before it counts as failed. */
  attempts: z.number().int().min(1).max(10).default(3),
  retry: retrySchema.prefault({}),
  /** Recoverable Items (what users deleted for good, and what a hold keeps) are backed up too. */
  includeRecoverable: z.boolean().default(false),
});
export type JobOptions = z.infer<typeof jobOptionsSchema>;

export const jobInputSchema = z.strictObject({
  name: z.string().min(1).max(120),
  organizationId: idSchema,
  repositoryId: idSchema,
  /** Where its mailboxes come from; the order decides the order of processing. */
  sources: z
    .array(sourceSchema)
    .min(1, 'name at least one source of mailboxes')
    .max(1_000, 'must be at most 1000'),
  /** What this job does not back up; the settings have what no job does. */
  exclude: exclusionsSchema.prefault({}),
  /** Other repositories for some mailboxes; what matches none goes to `repositoryId`. */
  destinations: z.array(destinationSchema).max(100, 'must be at most 100').default([]),
  /** Programs that run before and after each run. */
  scripts: jobScriptsSchema.prefault({}),
  /** When it runs by itself; on demand when empty. */
  schedules: schedulesSchema.default([]),
  /** A time of the schedules that passed while no scheduler was there is caught up by one run, or passed over. */
  catchUp: z.boolean().default(true),
  retention: retentionSchema.prefault({ keepLast: 30 }),
  options: jobOptionsSchema.prefault({}),
  /** Recipients of the run report: beside the global ones, or instead of them (`notifications.recipients`). */
  recipients: addressListSchema.default([]),
  /** What differs from the global mail and alert settings for this job. */
  notifications: jobNotificationsSchema.prefault({}),
  pool: idSchema.default('default'),
  /** Off: its schedules do not fire; it can be run by hand. */
  enabled: z.boolean().default(true),
});
export type JobInput = z.infer<typeof jobInputSchema>;

export const jobSchema = z.object({
  ...jobInputSchema.shape,
  id: idSchema,
  createdAt: z.iso.datetime(),
  /** Number of the newest run, so that runs are counted from 1 within a job. */
  lastRunNumber: z.number().int().default(0),
  schedules: z.array(scheduleSchema).default([]),
  /**
   * Up to here each schedule was served, by its id: its newest fire, for which a run was made once, or the moment at
   * which it was added, changed or enabled (so that a time of day that has passed today does not fire at once). For a
   * schedule that follows another job: the end of the newest run that was looked at.
   */
  lastFires: z.record(idSchema, z.iso.datetime()).default({}),
});
export type Job = z.infer<typeof jobSchema>;
