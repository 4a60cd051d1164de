import { z } from 'zod';
import { exportOptionsSchema, exportResultSchema } from './exportOptions.ts';
import { idSchema } from './ids.ts';
import { planActions, restorePlanSummarySchema } from './restorePlan.ts';
import { errorFactsSchema } from './run.ts';

/** An item of a restore point, wherever it was found: in a folder, or by a search over many mailboxes. */
export const itemReferenceSchema = z.strictObject({
  mailboxId: idSchema,
  /** The restore point as lists show it, with or without the repository in front; the newest one when absent. */
  pointId: z.string().optional(),
  folderId: z.string().min(1),
  itemKey: z.string().min(1),
});
export type ItemReference = z.infer<typeof itemReferenceSchema>;

/** What to put back or to export: whole mailboxes, folders (with what is below them), or single items. */
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
  /** The result of a search: items of any number of mailboxes and restore points. */
  z.strictObject({
    kind: z.literal('search'),
    items: z.array(itemReferenceSchema).min(1).max(10_000),
    /** What was searched for, for people. */
    query: z.string().max(1_000).optional(),
  }),
]);
export type Selection = z.infer<typeof selectionSchema>;

/** A mailbox of a session that puts back several. */
export const restoreSourceSchema = z.strictObject({ mailboxId: idSchema, pointId: z.string().optional() });

export const restoreTargetSchema = z.strictObject({
  /** Another organization; it is entered with the credential of that organization. */
  organizationId: idSchema.optional(),
  /** The mailbox to write to; the original one when absent. */
  mailboxAddress: z.string().min(3).optional(),
  /**
   * Path of a folder under which the restored folders are put; made when missing. Original place when absent. A slash
   * within a name is written `\/`.
   */
  folderPath: z.string().startsWith('/').optional(),
});

export const conflictPolicies = ['skip', 'rename', 'overwrite'] as const;
export const restoreScopes = ['all', 'missing', 'missing-or-changed'] as const;
export const sessionKinds = ['restore', 'export'] as const;

const plainInput = z.strictObject({
  repositoryId: idSchema,
  /** The one mailbox; or `sources` for several; neither for the items of a search. */
  mailboxId: idSchema.optional(),
  /** The restore point of the one mailbox; the newest complete one when absent. */
  pointId: z.string().optional(),
  sources: z.array(restoreSourceSchema).min(1).max(1_000).optional(),
  /** With several mailboxes: the newest complete restore point of each that is not younger. */
  asOf: z.iso.datetime().optional(),
  selection: selectionSchema.prefault({ kind: 'mailbox' }),
  target: restoreTargetSchema.prefault({}),
  /**
   * What happens to an item that is there: `skip` leaves it; `rename` puts the restored one beside it under a new
   * subject; `overwrite` replaces one that differs (what was there goes to Recoverable Items).
   */
  onConflict: z.enum(conflictPolicies).default('skip'),
  /**
   * `missing`: only items that are nowhere in the target mailbox. `missing-or-changed`: those, and items that differ
   * from the live one; needs `rename` or `overwrite`.
   */
  only: z.enum(restoreScopes).default('all'),
  /** What of an item's state comes back: `false` restores unread, unflagged, without categories. */
  keep: z
    .strictObject({
      readState: z.boolean().default(true),
      flags: z.boolean().default(true),
      categories: z.boolean().default(true),
    })
    .prefault({}),
  /** Recoverable Items come back only when asked for. */
  includeRecoverable: z.boolean().default(false),
  /**
   * `false`: the session waits, planned, until it is approved. A session that overwrites or that leaves its
   * organization waits always, unless `confirm` has the digest of its plan.
   */
  approve: z.boolean().default(true),
  /** Digest of a plan that was looked at: with this very plan the session needs no approval. */
  confirm: z.string().optional(),
});

/** What a user asks for. */
export const restoreInputSchema = plainInput.check((context) => {
  const { value, issues } = context;
  const refuse = (field: string, message: string) => {
    issues.push({ code: 'custom', path: field.split('.'), message, input: value });
  };
  const { mailboxId, sources, selection, pointId, only, onConflict, target } = value;
  if (selection.kind === 'search') {
    if (mailboxId !== undefined || sources !== undefined || pointId !== undefined)
      refuse('selection', 'a search names the mailboxes itself: leave mailboxId, sources and pointId out');
  } else if (sources !== undefined) {
    if (mailboxId !== undefined || pointId !== undefined)
      refuse('sources', 'give either mailboxId with pointId, or sources');
    if (selection.kind === 'items')
      refuse('selection', 'items of several mailboxes are a selection of the kind search');
    if (new Set(sources.map((source) => source.mailboxId)).size < sources.length)
      refuse('sources', 'a mailbox is named twice');
  } else if (mailboxId === undefined) {
    refuse('mailboxId', 'is missing: name a mailbox, or several as sources');
  }
  if (only === 'missing-or-changed' && onConflict === 'skip')
    refuse('onConflict', 'must be rename or overwrite when changed items are to come back');
  if (target.organizationId !== undefined && target.mailboxAddress === undefined)
    refuse('target.mailboxAddress', 'is missing: another organization does not have the original mailbox');
});
export type RestoreInput = z.infer<typeof restoreInputSchema>;

/**
 * `requested` → `planning` → `planned` (waits for approval) → `approved` → `running` ⇄ `paused` → how it ended. A
 * session that needs no approval goes on by itself.
 */
export const restoreStates = [
  'requested',
  'planning',
  'planned',
  'approved',
  'running',
  'paused',
  'success',
  'warning',
  'failed',
  'cancelled',
] as const;
export type RestoreState = (typeof restoreStates)[number];
export const endedRestoreStates = ['success', 'warning', 'failed', 'cancelled'] as const;
/** Somebody, not a worker, has to do something. */
export const waitingRestoreStates = ['planned', 'paused'] as const;

export const hasRestoreEnded = ({ state }: { state: RestoreState }): boolean =>
  (endedRestoreStates as readonly string[]).includes(state);

const count = z.number().int().min(0);

export const restoreProgressSchema = z.object({
  itemsTotal: count,
  itemsDone: count,
  created: count,
  skipped: count,
  renamed: count,
  overwritten: count,
  failed: count,
  /** Came back otherwise than it was stored. */
  different: count,
  /** Was not done as planned, because the target had changed. */
  deviated: count,
  foldersCreated: count,
  bytes: count,
  requests: count,
  throttledSeconds: z.number(),
  /** Estimated, while it runs. */
  secondsLeft: count.optional(),
});
export type RestoreProgress = z.infer<typeof restoreProgressSchema>;

export const noRestoreProgress: RestoreProgress = {
  itemsTotal: 0,
  itemsDone: 0,
  created: 0,
  skipped: 0,
  renamed: 0,
  overwritten: 0,
  failed: 0,
  different: 0,
  deviated: 0,
  foldersCreated: 0,
  bytes: 0,
  requests: 0,
  throttledSeconds: 0,
};

export const restoreSessionSchema = z.object({
  id: idSchema,
  kind: z.enum(sessionKinds).default('restore'),
  state: z.enum(restoreStates),
  input: plainInput,
  /** Organization, address and restore point of the first mailbox; `parts` has the others. */
  organizationId: idSchema,
  mailboxId: idSchema,
  mailboxAddress: z.string(),
  targetOrganizationId: idSchema,
  targetAddress: z.string(),
  pointId: z.string(),
  pointName: z.string(),
  pointTime: z.iso.datetime(),
  /** Mailboxes of the session: one part each. */
  parts: count,
  pool: idSchema,
  requestedBy: z.string(),
  requestedAt: z.iso.datetime(),
  startedAt: z.iso.datetime().optional(),
  finishedAt: z.iso.datetime().optional(),
  /** Fencing number as in the mailbox head. */
  epoch: count,
  plan: restorePlanSummarySchema.optional(),
  /** Who let the plan be carried out, and when. */
  approvedBy: z.string().optional(),
  approvedAt: z.iso.datetime().optional(),
  progress: restoreProgressSchema,
  /** Of an export: how it is written, and what was. */
  exportOptions: exportOptionsSchema.optional(),
  exported: exportResultSchema.optional(),
  cancelRequested: z.boolean().default(false),
  pauseRequested: z.boolean().default(false),
  error: errorFactsSchema.optional(),
});
export type RestoreSession = z.infer<typeof restoreSessionSchema>;

export const restorePartStates = ['waiting', 'planned', 'success', 'failed'] as const;

/** One mailbox of a session: where its items come from and where they go. */
export const restorePartSchema = z.object({
  /** `<sessionId>.<part>` with four digits. */
  id: z.string(),
  sessionId: idSchema,
  part: count,
  organizationId: idSchema,
  repositoryId: idSchema,
  mailboxId: idSchema,
  mailboxAddress: z.string(),
  pointId: z.string(),
  pointName: z.string(),
  pointTime: z.iso.datetime(),
  targetOrganizationId: idSchema,
  /** The restore point as it was asked for, which tells the items of a search apart. */
  requestedPoint: z.string().optional(),
  /** Another mailbox than the original one, by its address. */
  targetMailboxAddress: z.string().optional(),
  targetAddress: z.string(),
  /** Names of the folders above the restored ones, from the top; empty for the original place. */
  targetFolder: z.array(z.string()),
  state: z.enum(restorePartStates),
  /** Items that the plan has for it. */
  items: count.default(0),
  error: errorFactsSchema.optional(),
});
export type RestorePart = z.infer<typeof restorePartSchema>;

export const restorePartIdOf = (sessionId: string, part: number): string =>
  `${sessionId}.${String(part).padStart(4, '0')}`;

export const ledgerActions = ['created', 'skipped', 'renamed', 'overwritten', 'failed'] as const;
export type LedgerAction = (typeof ledgerActions)[number];

/** One line of the ledger: what happened to one item. */
export const ledgerLineSchema = z.object({
  /** `<sessionId>.<part>.<position>` with four and eight digits, so that the ledger sorts by its id. */
  id: z.string(),
  sessionId: idSchema,
  part: count,
  itemKey: z.string(),
  folderPath: z.string(),
  subject: z.string(),
  action: z.enum(ledgerActions),
  newId: z.string().optional(),
  /** The item that it replaced. */
  replacedId: z.string().optional(),
  readBack: z.enum(['equal', 'different', 'not-read']),
  /** What differs between the restored item and the backup, by property. */
  differences: z
    .array(z.object({ property: z.string(), expected: z.string(), actual: z.string() }))
    .default([]),
  /** What could not be restored, by name and reason. */
  notRestored: z.array(z.object({ what: z.string(), why: z.string() })).default([]),
  /** Why it was skipped, or done otherwise than planned. */
  note: z.string().optional(),
  /** What the plan said, when it was done otherwise. */
  planned: z.enum(planActions).optional(),
  /** The folder of the target mailbox. */
  targetFolderId: z.string().optional(),
  /** Identities that stand for it there, so that a later attempt does not count them for an equal item as well. */
  taken: z.array(z.string()).optional(),
  error: errorFactsSchema.optional(),
  at: z.iso.datetime(),
});
export type LedgerLine = z.infer<typeof ledgerLineSchema>;
