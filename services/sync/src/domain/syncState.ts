import { folderExclusionSchema, gapSchema, type SyncTask } from '@holdfast/contracts';
import { z } from 'zod';

/** Where the item changes of one folder go on. */
const folderCursorSchema = z.object({
  /** Cursor of the next round, or the next page when the walk was interrupted. Absent: list the folder. */
  cursor: z.string().optional(),
  /** The source refuses changes for this folder (a full mailbox): it is listed in every run. */
  inventory: z.boolean().optional(),
});
export type FolderCursor = z.infer<typeof folderCursorSchema>;

/** Everything an incremental run goes on from; inside each restore point and, when newer, in the mailbox head. */
const syncCursorsSchema = z.object({
  format: z.literal(1),
  folders: z.string().optional(),
  items: z.record(z.string(), folderCursorSchema),
  /** Folders that the job left out, by the rules of that time: the tree does not have them. */
  excluded: z
    .object({
      rules: z.array(folderExclusionSchema),
      folders: z.array(
        z.object({
          id: z.string(),
          parentId: z.string().nullable(),
          name: z.string(),
          role: z.string().optional(),
          class: z.string().optional(),
          hidden: z.boolean().optional(),
        }),
      ),
      /** Those that are in no other one, for people. */
      paths: z.array(z.string()),
    })
    .optional(),
  /** Items before this time were left out, and the time of the oldest one that is there. */
  age: z
    .object({ before: z.number(), by: z.enum(['received', 'modified']), oldest: z.number().optional() })
    .optional(),
  /** When the mailbox was last listed in full, ms since epoch. */
  reconciledAt: z.number(),
});
export type SyncCursors = z.infer<typeof syncCursorsSchema>;

const headCountsSchema = z.object({ items: z.number(), folders: z.number() });
export type HeadCounts = z.infer<typeof headCountsSchema>;

/**
 * What the mailbox head keeps in its free field `cursors`: enough to check an unchanged mailbox without opening
 * its restore point. Everything in it can be read again from the repository.
 */
const headStateSchema = z.object({
  /** The complete restore point that this belongs to. */
  pointId: z.string().optional(),
  /** Whose restore point it is: see `historyOf`. */
  history: z.string().optional(),
  root: z.string().optional(),
  cursors: syncCursorsSchema.optional(),
  counts: headCountsSchema.optional(),
  /** Absent when there are too many for the head: the restore point has them. */
  gaps: z.array(gapSchema).optional(),
  /** A worker began to write: until it says that it ended, the repository is asked what is newest. */
  claim: z.object({ taskId: z.string() }).optional(),
});
export type HeadState = z.infer<typeof headStateSchema>;

/** More gaps than this stay in the restore point alone, so that a head document stays small. */
export const gapsInHeadLimit = 500;

/**
 * Restore points that are kept by one policy: those of a job, apart from those of its schedules that have policies of
 * their own. A history must have a restore point of its own of each state that its runs saw: what another one keeps of
 * it may go any day.
 */
export const historyOf = ({ jobId, ownRetention, scheduleId }: SyncTask): string =>
  ownRetention === true && scheduleId !== undefined ? `${jobId}/${scheduleId}` : jobId;

export const emptyCursors = (reconciledAt: number): SyncCursors => ({ format: 1, items: {}, reconciledAt });

/** The cursors of a restore point; undefined when there are none that this version understands. */
export function readCursors(json: unknown): SyncCursors | undefined {
  const parsed = syncCursorsSchema.safeParse(json);
  return parsed.success ? parsed.data : undefined;
}

/** The state of a head; empty when there is none that this version understands. */
export function readHeadState(json: unknown): HeadState {
  const parsed = headStateSchema.safeParse(json);
  return parsed.success ? parsed.data : {};
}
