import { z } from 'zod';
import { idSchema } from './ids.ts';

/** Back up one mailbox. Everything else is read from the store by these ids. */
export const syncTaskSchema = z.object({
  taskId: z.string(),
  runId: idSchema,
  jobId: idSchema,
  organizationId: idSchema,
  repositoryId: idSchema,
  mailboxId: idSchema,
  pointTime: z.iso.datetime(),
  /** The schedule that made the run. */
  scheduleId: idSchema.optional(),
  /** The restore points of that schedule are a history apart from the job's. */
  ownRetention: z.boolean().optional(),
  /** How often the mailbox was tried again at the end of the run. */
  retry: z.number().int().optional(),
});
export type SyncTask = z.infer<typeof syncTaskSchema>;

/** Carry out one restore session. */
export const restoreTaskSchema = z.object({ sessionId: idSchema });
export type RestoreTask = z.infer<typeof restoreTaskSchema>;

/** Value of a key (the run id) in the KV bucket `runs-active`: which consumers a pool serves, and stop requests. */
export const activeRunSchema = z.object({
  runId: idSchema,
  pool: idSchema,
  concurrency: z.number().int(),
  attempts: z.number().int(),
  stop: z.boolean(),
});
export type ActiveRun = z.infer<typeof activeRunSchema>;

/** Live counters of a mailbox at work, in the KV bucket `progress`, key = task id or restore session id. */
export const progressSchema = z.object({
  kind: z.enum(['sync', 'restore']),
  id: z.string(),
  owner: z.string(),
  label: z.string(),
  done: z.number(),
  total: z.number().optional(),
  bytes: z.number(),
  phase: z.string(),
  at: z.iso.datetime(),
});
export type Progress = z.infer<typeof progressSchema>;

/** Names of the KV buckets. */
export const buckets = {
  leases: 'leases',
  proxies: 'proxies',
  runsActive: 'runs-active',
  budgets: 'budgets',
  progress: 'progress',
} as const;

/** How long an entry lives without being written again. All users of a bucket must say the same. */
export const bucketTtlMs = { proxies: 30_000, progress: 60_000 } as const;
