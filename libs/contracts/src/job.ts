import { z } from 'zod';
import { idSchema } from './ids.ts';
import { addressListSchema, jobNotificationsSchema } from './mailSettings.ts';
import { retentionSchema } from './retention.ts';
import { timeZoneSchema } from './timeZone.ts';

/** Where the mailboxes of a job come from; the order of the sources decides the order of processing. */
export const sourceSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('organization') }),
  z.strictObject({ kind: z.literal('group'), groupId: z.string().min(1) }),
  z.strictObject({ kind: z.literal('mailbox'), address: z.string().min(3) }),
]);
export type Source = z.infer<typeof sourceSchema>;

export const scheduleSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('manual') }),
  z.strictObject({
    kind: z.literal('interval'),
    everyMinutes: z
      .number()
      .int()
      .min(1)
      .max(7 * 24 * 60),
  }),
  z.strictObject({
    kind: z.literal('daily'),
    time: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day such as 21:30'),
    timeZone: timeZoneSchema,
    /** Monday = 1 … Sunday = 7; all days when absent. */
    days: z.array(z.number().int().min(1).max(7)).min(1).optional(),
  }),
]);
export type Schedule = z.infer<typeof scheduleSchema>;

export const jobOptionsSchema = z.strictObject({
  /** Mailboxes at work at the same time; enforced by the broker. */
  concurrency: z.number().int().min(1).max(256).default(3),
  /** How often a mailbox is tried in a run before it counts as failed. */
  attempts: z.number().int().min(1).max(10).default(3),
});
export type JobOptions = z.infer<typeof jobOptionsSchema>;

export const jobInputSchema = z.strictObject({
  name: z.string().min(1).max(120),
  organizationId: idSchema,
  repositoryId: idSchema,
  sources: z.array(sourceSchema).min(1, 'name at least one source of mailboxes'),
  /** Addresses that are never backed up by this job. */
  exclude: z.array(z.string().min(3)).default([]),
  schedule: scheduleSchema.default({ kind: 'manual' }),
  retention: retentionSchema.prefault({ keepLast: 30 }),
  options: jobOptionsSchema.prefault({}),
  /** Recipients of the run report: beside the global ones, or instead of them (`notifications.recipients`). */
  recipients: addressListSchema.default([]),
  /** What differs from the global mail and alert settings for this job. */
  notifications: jobNotificationsSchema.prefault({}),
  pool: idSchema.default('default'),
  enabled: z.boolean().default(true),
});
export type JobInput = z.infer<typeof jobInputSchema>;

export const jobSchema = z.object({
  ...jobInputSchema.shape,
  id: idSchema,
  createdAt: z.iso.datetime(),
  /** Number of the newest run, so that runs are counted from 1 within a job. */
  lastRunNumber: z.number().int().default(0),
  /**
   * Up to here the schedule was served: its newest fire, for which a run was made once, or the moment at which it was
   * changed (so that a new time of day that has passed today does not fire at once).
   */
  lastFire: z.iso.datetime().optional(),
});
export type Job = z.infer<typeof jobSchema>;
