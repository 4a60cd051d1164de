import { exportOptionsSchema } from '@holdfast/contracts';
import { z } from 'zod';

/** How to export; the same request over the same items gives the same volumes, which is what makes it resumable. */
export const exportRequestSchema = exportOptionsSchema.extend({
  /** What is exported, for whoever reads the manifest; must be the same when an export goes on. */
  what: z.record(z.string(), z.json()).default({}),
});
export type ExportRequest = z.infer<typeof exportRequestSchema>;
