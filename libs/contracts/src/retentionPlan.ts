import { z } from 'zod';
import { idSchema } from './ids.ts';
import { retentionSchema } from './retention.ts';

const when = z.iso.datetime();

/** What becomes of one restore point, why, and when. */
export const plannedPointSchema = z.object({
  /** `<repositoryId>.<pointId>` */
  id: z.string(),
  time: when,
  /** Until when it was the state of the mailbox; absent for the newest. */
  validUntil: when.optional(),
  itemsTotal: z.number(),
  /**
   * `stays`; `goes` into the waiting room with the next pass; `waiting` there; `stopped`: it would go, but the guard
   * stopped the plan until somebody approves it.
   */
  action: z.enum(['stays', 'goes', 'waiting', 'stopped']),
  reason: z.string(),
  /** Every rule that keeps it, and until when by itself. */
  keptBy: z.array(z.object({ rule: z.string(), as: z.string(), until: when.optional() })),
  /** Who holds it and why; a restore that reads it counts as well. */
  held: z.string().optional(),
  /** When it goes into the waiting room if nothing changes but the date; absent when only newer points decide. */
  goesAt: when.optional(),
  /** Not removed before this. */
  removedAt: when.optional(),
});
export type PlannedPoint = z.infer<typeof plannedPointSchema>;

export const freedSchema = z.object({
  /** Objects that no other restore point of the repository needs. */
  objects: z.number(),
  /** Their stored bytes. */
  bytes: z.number(),
  /** `at-most`: not all other mailboxes were looked at; `not-measured`: there was too much to look at. */
  bound: z.enum(['exact', 'at-most', 'not-measured']),
});

/** The plan of one mailbox in one repository, newest restore point first. */
export const mailboxRetentionPlanSchema = z.object({
  mailboxId: idSchema,
  mailboxAddress: z.string(),
  repositoryId: idSchema,
  stays: z.number().int(),
  goes: z.number().int(),
  waiting: z.number().int(),
  stopped: z.number().int(),
  /** What removing all that goes, waits or is stopped would free; when it was asked for. */
  freed: freedSchema.optional(),
  points: z.array(plannedPointSchema),
});
export type MailboxRetentionPlan = z.infer<typeof mailboxRetentionPlanSchema>;

/** What a user sends to see a plan before the policy is saved. */
export const retentionPlanInputSchema = z.strictObject({ retention: retentionSchema });
export type RetentionPlanInput = z.infer<typeof retentionPlanInputSchema>;
