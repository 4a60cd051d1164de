import { z } from 'zod';
import { idSchema } from './ids.ts';

const count = z.number().int().min(0);

export const planActions = ['create', 'skip', 'overwrite', 'rename', 'cannot'] as const;
export type PlanAction = (typeof planActions)[number];

/** What a restore means to do with one item. */
export const planLineSchema = z.object({
  part: count,
  /** Place in the part, and of the ledger line; an item that cannot be restored at all has no line there. */
  position: count.optional(),
  itemKey: z.string(),
  folderPath: z.string(),
  /** Where it goes, in the target mailbox. */
  targetPath: z.string(),
  subject: z.string(),
  action: z.enum(planActions),
  /** Why it is skipped, or cannot be restored. */
  reason: z.string().optional(),
  /** Bytes of the message. */
  size: count,
  /** What of the item will not come back, and why. */
  notes: z.array(z.string()).default([]),
});
export type PlanLine = z.infer<typeof planLineSchema>;

/** Lines of a plan as they are stored: some hundred in a document. */
export const planPageSchema = z.object({
  /** `<sessionId>.<generation>.<part>.<page>` with eight, four and eight digits. */
  id: z.string(),
  sessionId: idSchema,
  generation: count,
  lines: z.array(planLineSchema),
});
export type PlanPage = z.infer<typeof planPageSchema>;

const digits = (value: number, length: number): string => String(value).padStart(length, '0');

/** Where the pages of one planning of a session begin; ids of the others sort apart. */
export const planPagePrefix = (sessionId: string, generation: number): string =>
  `${sessionId}.${digits(generation, 8)}.`;

export const planPageIdOf = (sessionId: string, generation: number, part: number, page: number): string =>
  `${planPagePrefix(sessionId, generation)}${digits(part, 4)}.${digits(page, 8)}`;

/** A plan in numbers. */
export const restorePlanSummarySchema = z.object({
  /** Which planning of the session it is: the pages of others are left over from a crash. */
  generation: count,
  /** SHA-256 over what is asked for and all lines; whoever approves names it. */
  digest: z.string(),
  madeAt: z.iso.datetime(),
  items: count,
  create: count,
  skip: count,
  overwrite: count,
  rename: count,
  /** Known and not restorable: items that the backup does not have, with their reasons in the lines. */
  cannot: count,
  /** Items of which something will not come back. */
  partly: count,
  /** Bytes of the items that are written. */
  bytes: count,
  /** Requests and time by the source's budgets; the real time depends on the service. */
  requests: count,
  seconds: count,
  foldersToCreate: count,
  /** Why a person has to approve it; empty when nobody has to. */
  approvalReasons: z.array(z.enum(['overwrites', 'other-organization', 'asked-for'])),
  /** What a person should know before approving, such as that an export would be quicker. */
  warnings: z.array(z.object({ code: z.string(), message: z.string() })),
});
export type RestorePlanSummary = z.infer<typeof restorePlanSummarySchema>;
