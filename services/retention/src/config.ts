import { idSchema } from '@holdfast/contracts';
import { commonSettings } from '@holdfast/runtime';
import { z } from 'zod';

/** The settings of retention; times in the unit of the name. */
export const retentionSettingsSchema = z.object({
  ...commonSettings,
  /** The pool whose questions this process answers: that of the API. */
  HOLDFAST_POOL: idSchema.default('default'),
  /** Folder for what repositories keep on this machine (index cache). */
  HOLDFAST_CACHE_DIR: z.string().startsWith('/', 'must be an absolute path').optional(),
});
export type RetentionProcessSettings = z.infer<typeof retentionSettingsSchema>;
