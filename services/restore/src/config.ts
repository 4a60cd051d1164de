import { idSchema } from '@holdfast/contracts';
import { commonSettings } from '@holdfast/runtime';
import { z } from 'zod';

const whole = (byDefault: number, least = 1) => z.coerce.number().int().min(least).default(byDefault);

/** The settings of a restore worker. Times in the unit of the name. */
export const restoreSettingsSchema = z.object({
  ...commonSettings,
  /** The pool whose restore sessions and questions this process serves. */
  HOLDFAST_POOL: idSchema.default('default'),
  /** Restore sessions at work at the same time in this process. */
  HOLDFAST_SLOTS: whole(4).pipe(z.number().max(256)),
  /** A JSON file with more cloud records, for national clouds and test tenants. */
  HOLDFAST_CLOUDS_FILE: z.string().optional(),
  /** Folder for what repositories keep on this machine (index cache). */
  HOLDFAST_CACHE_DIR: z.string().startsWith('/', 'must be an absolute path').optional(),
  /** Items of one session that are put back at the same time. */
  HOLDFAST_RESTORE_ITEMS_AT_ONCE: whole(4),
  /** Mailboxes of one session that are worked on at the same time. */
  HOLDFAST_RESTORE_MAILBOXES_AT_ONCE: whole(4),
  /** How often a session is tried before it counts as failed. */
  HOLDFAST_RESTORE_ATTEMPTS: whole(5),
  /** Restore sessions at work at the same time over all workers of the pool. */
  HOLDFAST_RESTORE_SESSIONS: whole(64),
  /** How often unfinished sessions are compared with the broker. */
  HOLDFAST_RESTORE_RECONCILE_SECONDS: z.coerce.number().positive().default(10),
  /** Requests at a time for an application and mailbox, over all workers; Microsoft allows 4. */
  HOLDFAST_BUDGET_CONCURRENCY: whole(4).pipe(z.number().max(64)),
  /** How many of them are kept free for restores. */
  HOLDFAST_BUDGET_RESERVED: whole(1, 0),
  /** Requests to a mailbox in 10 minutes, for this process; Microsoft allows 10,000. */
  HOLDFAST_BUDGET_REQUESTS: whole(9_850),
  /** Bytes uploaded to a mailbox in 5 minutes, for this process; Microsoft allows 150 MB. */
  HOLDFAST_BUDGET_UPLOAD_BYTES: whole(147_750_000),
  /** Folder for exports; without it they are refused. The workers of a pool may share it. */
  HOLDFAST_EXPORT_DIR: z.string().startsWith('/', 'must be an absolute path').optional(),
  /** The files of an export are removed after so long. */
  HOLDFAST_EXPORT_KEEP_DAYS: z.coerce.number().positive().default(7),
  /** The catalog: `sqlite:/path/catalog.db`, `mongodb://host/database` or `off`; beside the control data when absent. */
  HOLDFAST_CATALOG: z
    .string()
    .regex(
      /^(off|sqlite:\/.+|mongodb(\+srv)?:\/\/.+)$/,
      'must be off, sqlite:/absolute/path or mongodb://host/database',
    )
    .optional(),
  /** How often mailboxes that wait for the catalog are looked for when no event says so. */
  HOLDFAST_CATALOG_POLL_SECONDS: z.coerce.number().positive().default(10),
  /** How often the catalog is compared with the control data. */
  HOLDFAST_CATALOG_RECONCILE_SECONDS: z.coerce.number().positive().default(300),
  /** A repository without work for so long is closed. */
  HOLDFAST_REPOSITORY_IDLE_SECONDS: z.coerce.number().positive().default(600),
});
export type RestoreServiceSettings = z.infer<typeof restoreSettingsSchema>;
