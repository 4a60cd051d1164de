import { commonSettings } from '@holdfast/runtime';
import { z } from 'zod';

/** The settings of retention; times in the unit of the name. */
export const retentionSettingsSchema = z.object({
  ...commonSettings,
  /** Folder for what repositories keep on this machine (index cache). */
  HOLDFAST_CACHE_DIR: z.string().startsWith('/', 'must be an absolute path').optional(),
  /** How often all mailboxes of all repositories are looked at; runs are looked at when they end. */
  HOLDFAST_RETENTION_HOURS: z.coerce.number().positive().default(24),
});
export type RetentionSettings = z.infer<typeof retentionSettingsSchema>;
