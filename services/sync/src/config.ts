import { availableParallelism } from 'node:os';
import { idSchema } from '@holdfast/contracts';
import { commonSettings } from '@holdfast/runtime';
import { z } from 'zod';

const whole = (byDefault: number, least = 1) => z.coerce.number().int().min(least).default(byDefault);
const mib = 1024 * 1024;
/** The event loop of a proxy has half as much again to do: a second thread is for where a processor is left for it. */
const sealThreads = availableParallelism() > 2 ? 2 : 1;

/** The settings of a proxy. Times in the unit of the name. */
export const syncSettingsSchema = z.object({
  ...commonSettings,
  /** The pool this proxy joins; jobs name the pool that serves them. */
  HOLDFAST_POOL: idSchema.default('default'),
  /** Mailboxes at work at the same time in this process. */
  HOLDFAST_SLOTS: whole(8).pipe(z.number().max(512)),
  /** A JSON file with more cloud records, for national clouds and test tenants. */
  HOLDFAST_CLOUDS_FILE: z.string().optional(),
  /** Folder for what repositories keep on this machine (index cache, scratch files). */
  HOLDFAST_CACHE_DIR: z.string().startsWith('/', 'must be an absolute path').optional(),
  /** Threads that compress and encrypt; 0 does it in the main thread. */
  HOLDFAST_SEAL_THREADS: whole(sealThreads, 0).pipe(z.number().max(64)),
  /** Contents of one mailbox that are read and stored at the same time. */
  HOLDFAST_SYNC_CONTENTS_AT_ONCE: whole(6),
  /** Contents held in memory by this process, MiB; streamed ones count a few buffers. */
  HOLDFAST_SYNC_MEMORY_MIB: whole(64),
  /** A checkpoint is made after that many items, MiB or minutes, whichever comes first. */
  HOLDFAST_CHECKPOINT_ITEMS: whole(5000),
  HOLDFAST_CHECKPOINT_MIB: whole(1024),
  HOLDFAST_CHECKPOINT_MINUTES: z.coerce.number().positive().default(5),
  /** Every mailbox is listed in full after that many days, because change cursors lose items in known cases. */
  HOLDFAST_RECONCILE_DAYS: z.coerce.number().positive().default(30),
  /** More unreadable items than this fail the mailbox. */
  HOLDFAST_GAP_LIMIT: whole(10_000),
  /** Requests at a time for an application and mailbox, over all workers; Microsoft allows 4. */
  HOLDFAST_BUDGET_CONCURRENCY: whole(4).pipe(z.number().max(64)),
  /** How many of them are kept free for restores. */
  HOLDFAST_BUDGET_RESERVED: whole(1, 0),
  /** Requests to a mailbox in 10 minutes, for this process; Microsoft allows 10,000. */
  HOLDFAST_BUDGET_REQUESTS: whole(9_850),
  HOLDFAST_HEARTBEAT_SECONDS: z.coerce.number().positive().max(20).default(5),
  /** A repository without work for so long is closed. */
  HOLDFAST_REPOSITORY_IDLE_SECONDS: z.coerce.number().positive().default(120),
});
export type SyncServiceSettings = z.infer<typeof syncSettingsSchema>;

/** The settings in the words of the domain. */
export function workSettings(settings: SyncServiceSettings) {
  return {
    contentsAtOnce: settings.HOLDFAST_SYNC_CONTENTS_AT_ONCE,
    sliceItems: 200,
    foldersAhead: 3,
    checkpoint: {
      items: settings.HOLDFAST_CHECKPOINT_ITEMS,
      bytes: settings.HOLDFAST_CHECKPOINT_MIB * mib,
      ms: settings.HOLDFAST_CHECKPOINT_MINUTES * 60_000,
    },
    reconcileAfterMs: settings.HOLDFAST_RECONCILE_DAYS * 24 * 3600_000,
    gapLimit: settings.HOLDFAST_GAP_LIMIT,
  };
}
