import { z } from 'zod';
import { idSchema } from './ids.ts';
import { errorFactsSchema } from './run.ts';

/** What to put back: the whole mailbox, folders (with what is below them), or single items. */
export const selectionSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('mailbox') }),
  z.strictObject({
    kind: z.literal('folders'),
    /** Folder ids of the restore point, or paths such as `/Inbox/Projects`. */
    folders: z.array(z.string().min(1)).min(1),
    withSubfolders: z.boolean().default(true),
  }),
  z.strictObject({
    kind: z.literal('items'),
    items: z
      .array(z.strictObject({ folderId: z.string(), itemKey: z.string() }))
      .min(1)
      .max(10_000),
  }),
]);
export type Selection = z.infer<typeof selectionSchema>;

export const restoreTargetSchema = z.strictObject({
  /** The mailbox to write to; the original one when absent. */
  mailboxAddress: z.string().min(3).optional(),
  /** Path of a folder under which the restored folders are put; made when missing. Original place when absent. */
  folderPath: z.string().startsWith('/').optional(),
});

export const restoreInputSchema = z.strictObject({
  repositoryId: idSchema,
  mailboxId: idSchema,
  /** The restore point; the newest complete one when absent. */
  pointId: z.string().optional(),
  selection: selectionSchema.prefault({ kind: 'mailbox' }),
  target: restoreTargetSchema.prefault({}),
  /** `skip` leaves an item that is there; `rename` puts the restored one beside it under a new subject. */
  onConflict: z.enum(['skip', 'rename']).default('skip'),
});
export type RestoreInput = z.infer<typeof restoreInputSchema>;

export const restoreStates = ['requested', 'running', 'success', 'warning', 'failed', 'cancelled'] as const;
const count = z.number().int().min(0);

export const restoreSessionSchema = z.object({
  id: idSchema,
  state: z.enum(restoreStates),
  input: restoreInputSchema,
  organizationId: idSchema,
  mailboxAddress: z.string(),
  targetAddress: z.string(),
  pointId: z.string(),
  pointName: z.string(),
  pointTime: z.iso.datetime(),
  pool: idSchema,
  requestedBy: z.string(),
  requestedAt: z.iso.datetime(),
  startedAt: z.iso.datetime().optional(),
  finishedAt: z.iso.datetime().optional(),
  /** Fencing number as in the mailbox head. */
  epoch: count,
  progress: z.object({
    itemsTotal: count,
    itemsDone: count,
    created: count,
    skipped: count,
    renamed: count,
    failed: count,
    different: count,
    foldersCreated: count,
    bytes: count,
    requests: count,
    throttledSeconds: z.number(),
  }),
  cancelRequested: z.boolean().default(false),
  error: errorFactsSchema.optional(),
});
export type RestoreSession = z.infer<typeof restoreSessionSchema>;

/** One line of the ledger: what happened to one item. */
export const ledgerLineSchema = z.object({
  /** `<sessionId>.<position>` with eight digits, so that the ledger sorts by its id. */
  id: z.string(),
  sessionId: idSchema,
  itemKey: z.string(),
  folderPath: z.string(),
  subject: z.string(),
  action: z.enum(['created', 'skipped', 'renamed', 'failed']),
  newId: z.string().optional(),
  readBack: z.enum(['equal', 'different', 'not-read']),
  /** What differs between the restored item and the backup, by property. */
  differences: z
    .array(z.object({ property: z.string(), expected: z.string(), actual: z.string() }))
    .default([]),
  /** What could not be restored, by name and reason. */
  notRestored: z.array(z.object({ what: z.string(), why: z.string() })).default([]),
  error: errorFactsSchema.optional(),
  at: z.iso.datetime(),
});
export type LedgerLine = z.infer<typeof ledgerLineSchema>;
