import { z } from 'zod';
import { idSchema } from './ids.ts';
import { condemnedSchema } from './retention.ts';
import { folderExclusionSchema, scopeChangeSchema } from './scope.ts';

export const errorFactsSchema = z.object({
  code: z.string(),
  errorClass: z.enum([
    'transient',
    'throttled',
    'vanished',
    'forbidden',
    'permanent-item',
    'permanent-mailbox',
    'configuration',
    'ours',
  ]),
  message: z.string(),
  remedy: z.string().optional(),
});

/** An item known to exist and not stored, with its reason. */
export const gapSchema = z.object({
  itemKey: z.string(),
  folderId: z.string(),
  folderPath: z.string(),
  subject: z.string().optional(),
  code: z.string(),
  reason: z.string(),
  requestId: z.string().optional(),
  firstSeen: z.iso.datetime(),
  lastTried: z.iso.datetime(),
  tries: z.number().int(),
  nextTry: z.iso.datetime(),
});
export type Gap = z.infer<typeof gapSchema>;

const count = z.number().int().min(0);

/** What was done for one mailbox, or summed over a run. Bytes are bytes, seconds are seconds. */
export const totalsSchema = z.object({
  itemsNew: count,
  itemsChanged: count,
  itemsRemoved: count,
  itemsTotal: count,
  folders: count,
  gapsOpen: count,
  gapsHealed: count,
  bytesRead: count,
  bytesStored: count,
  requests: count,
  throttledSeconds: z.number().min(0),
});
export type Totals = z.infer<typeof totalsSchema>;

export const zeroTotals: Totals = {
  itemsNew: 0,
  itemsChanged: 0,
  itemsRemoved: 0,
  itemsTotal: 0,
  folders: 0,
  gapsOpen: 0,
  gapsHealed: 0,
  bytesRead: 0,
  bytesStored: 0,
  requests: 0,
  throttledSeconds: 0,
};

/** Adds two totals field by field. */
export function addTotals(a: Totals, b: Totals): Totals {
  const sum = { ...a };
  for (const key of Object.keys(sum) as (keyof Totals)[]) sum[key] += b[key];
  return sum;
}

export const taskStates = ['queued', 'running', 'success', 'warning', 'failed', 'stopped'] as const;
export const terminalTaskStates = ['success', 'warning', 'failed', 'stopped'] as const;

/** The most folders that a list of excluded folders names. */
export const excludedFoldersListed = 100;

/** What was left out of a mailbox on purpose. */
export const excludedSchema = z.object({
  foldersTotal: count,
  folders: z.array(z.string()).max(excludedFoldersListed),
  /** Items older than this are left out, by this time of theirs. */
  olderThan: z.iso.datetime().optional(),
  by: z.enum(['received', 'modified']).optional(),
});
export type Excluded = z.infer<typeof excludedSchema>;

/** One mailbox of one run. */
export const runTaskSchema = z.object({
  id: z.string(),
  runId: idSchema,
  jobId: idSchema,
  organizationId: idSchema,
  repositoryId: idSchema,
  mailboxId: idSchema,
  mailboxAddress: z.string(),
  position: count,
  state: z.enum(taskStates),
  attempts: count,
  /** How often it was tried again at the end of the run; absent until then. */
  retry: count.optional(),
  /** Name of the proxy that worked on it last. */
  proxy: z.string().optional(),
  startedAt: z.iso.datetime().optional(),
  finishedAt: z.iso.datetime().optional(),
  totals: totalsSchema.optional(),
  /** Restore point made by this task; absent when nothing had changed. */
  pointId: z.string().optional(),
  /** Time of the newest complete restore point after this task. */
  newestPointTime: z.iso.datetime().optional(),
  /** The open gaps, newest first, at most 100; `totals.gapsOpen` has the whole number. */
  gaps: z.array(gapSchema).optional(),
  error: errorFactsSchema.optional(),
  /** What the job leaves out of this mailbox: the folders by path, the first hundred, and items by their age. */
  excluded: excludedSchema.optional(),
});
export type RunTask = z.infer<typeof runTaskSchema>;

export const runStates = [
  'requested',
  'running',
  'completing',
  'success',
  'warning',
  'failed',
  'stopped',
  'skipped',
] as const;
export const terminalRunStates = ['success', 'warning', 'failed', 'stopped', 'skipped'] as const;
export type RunState = (typeof runStates)[number];
export type RunOutcome = (typeof terminalRunStates)[number];

/**
 * One execution of a job. `requested` → `running` → `completing` → one of success, warning, failed, stopped;
 * or `requested` → `skipped` because another run of the job was at work. Between two tries of failed mailboxes it
 * stays `running`, and `retry.at` says when it goes on.
 */
export const runSchema = z.object({
  id: idSchema,
  jobId: idSchema,
  jobName: z.string(),
  number: count,
  organizationId: idSchema,
  repositoryId: idSchema,
  pool: idSchema,
  concurrency: z.number().int(),
  attempts: z.number().int(),
  state: z.enum(runStates),
  /** Result once known; kept while `completing`. */
  outcome: z.enum(terminalRunStates).optional(),
  trigger: z.enum(['manual', 'schedule', 'retry']),
  requestedBy: z.string(),
  requestedAt: z.iso.datetime(),
  /** The schedule of the job that made it, and the time at which that fired. */
  scheduleId: idSchema.optional(),
  fireTime: z.iso.datetime().optional(),
  /** The schedule has a retention policy of its own: its restore points are a history apart from the job's. */
  ownRetention: z.boolean().optional(),
  /** The run of another job that it follows. */
  afterRunId: idSchema.optional(),
  /** The ended run whose failed mailboxes it tries again. */
  retryOf: idSchema.optional(),
  /** End of the schedule's window: it is stopped when it is not finished by then. */
  stopAt: z.iso.datetime().optional(),
  startedAt: z.iso.datetime().optional(),
  finishedAt: z.iso.datetime().optional(),
  /** Time of the restore points of this run; assigned by the scheduler when the run starts. */
  pointTime: z.iso.datetime().optional(),
  /** Mailboxes chosen by the user for this run only; all of the scope when absent. */
  onlyMailboxes: z.array(idSchema).optional(),
  /** All repositories its mailboxes go to; `repositoryId` is the default one. Known once it has started. */
  repositoryIds: z.array(idSchema).optional(),
  /** How its scope differs from that of the run before; absent for the first one. */
  scope: scopeChangeSchema.optional(),
  /** What it leaves out, as the job and the settings said when it started. */
  excludeFolders: z.array(folderExclusionSchema).optional(),
  /** Recoverable Items are backed up too. */
  includeRecoverable: z.boolean().optional(),
  /** Items whose time (of receipt, or of the last change) is before this are too old for it. */
  olderThan: z.object({ before: z.iso.datetime(), by: z.enum(['received', 'modified']) }).optional(),
  stopRequested: z.boolean().default(false),
  /** Who or what stopped it. */
  stopReason: z.enum(['user', 'window-end']).optional(),
  /** Tries of failed mailboxes at its end: as the job wants it, how many were begun, when the next begins. */
  retry: z
    .object({ times: count, pauseMinutes: count, done: count, at: z.iso.datetime().optional() })
    .optional(),
  tasks: z.object({ total: count, success: count, warning: count, failed: count, stopped: count }),
  totals: totalsSchema,
  error: errorFactsSchema.optional(),
});
export type Run = z.infer<typeof runSchema>;

/** The newest known state of a mailbox in a repository: where the next incremental run goes on. */
export const mailboxHeadSchema = z.object({
  id: z.string(),
  repositoryId: idSchema,
  mailboxId: idSchema,
  organizationId: idSchema,
  mailboxAddress: z.string(),
  /** Fencing number: grows with each worker that takes the mailbox; a commit needs the current one. */
  epoch: count,
  /** Name of the newest complete restore point in the repository. */
  pointName: z.string().optional(),
  pointId: z.string().optional(),
  pointTime: z.iso.datetime().optional(),
  checkedAt: z.iso.datetime().optional(),
  /** Newer cursors of a check that found no change, with the point they belong to. */
  cursors: z.unknown().optional(),
});
export type MailboxHead = z.infer<typeof mailboxHeadSchema>;

/** A restore point as lists show it: a projection of the repository, rebuildable from it. */
export const restorePointRecordSchema = z.object({
  /** `<repositoryId>.<pointId>` */
  id: z.string(),
  pointId: z.string(),
  pointName: z.string(),
  repositoryId: idSchema,
  organizationId: idSchema,
  mailboxId: idSchema,
  mailboxAddress: z.string(),
  jobId: idSchema,
  runId: idSchema,
  kind: z.enum(['full', 'checkpoint']),
  time: z.iso.datetime(),
  committedAt: z.iso.datetime(),
  itemsTotal: count,
  folders: count,
  gapsOpen: count,
  totals: totalsSchema,
  /** The schedule whose run made it; absent for runs by hand. */
  scheduleId: idSchema.optional(),
  /** In the waiting room: it goes unless it is called back. */
  condemned: condemnedSchema.optional(),
});
export type RestorePointRecord = z.infer<typeof restorePointRecordSchema>;
