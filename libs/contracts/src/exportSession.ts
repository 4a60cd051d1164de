import { z } from 'zod';
import { exportOptionsSchema } from './exportOptions.ts';
import { idSchema } from './ids.ts';
import { restoreInputSchema, restoreSourceSchema, selectionSchema } from './restoreSession.ts';

/** What a user asks for: the same selection as a restore, and how it is written. */
export const exportInputSchema = z
  .strictObject({
    repositoryId: idSchema,
    /** The one mailbox; or `sources` for several; neither for the items of a search. */
    mailboxId: idSchema.optional(),
    /** The restore point of the one mailbox; the newest complete one when absent. */
    pointId: z.string().optional(),
    sources: z.array(restoreSourceSchema).min(1).max(1_000).optional(),
    /** With several mailboxes: the newest complete restore point of each that is not younger. */
    asOf: z.iso.datetime().optional(),
    selection: selectionSchema.prefault({ kind: 'mailbox' }),
    includeRecoverable: z.boolean().default(false),
    ...exportOptionsSchema.shape,
  })
  .check(({ value, issues }) => {
    const { format: _, splitBytes: _split, withProperties: _with, ...selected } = value;
    const same = restoreInputSchema.safeParse(selected);
    for (const { path, message } of same.error?.issues ?? []) {
      issues.push({ code: 'custom', path, message, input: value });
    }
  });
export type ExportInput = z.infer<typeof exportInputSchema>;

/** A file of an export, by its path within it. */
export const exportFileSchema = z.object({ name: z.string(), bytes: z.number().int().min(0) });
export type ExportFile = z.infer<typeof exportFileSchema>;
