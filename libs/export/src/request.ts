import { z } from 'zod';

/** `eml`: a tree of files; `zip`: the same tree in zips; `mbox`: a file a folder; `json`: properties, a line an item. */
export const exportFormats = ['eml', 'zip', 'mbox', 'json'] as const;
export type ExportFormat = (typeof exportFormats)[number];

const smallestSplit = 1024 * 1024;

/** How to export; the same request over the same items gives the same volumes, which is what makes it resumable. */
export const exportRequestSchema = z.strictObject({
  format: z.enum(exportFormats),
  /** A volume holds at most so many bytes of messages, or one message. */
  splitBytes: z
    .number()
    .int()
    .min(smallestSplit, 'must be at least 1 MiB (1048576)')
    .default(2 * 1024 * 1024 * 1024),
  /** A JSON file with the properties and state beside each message (eml, zip). */
  withProperties: z.boolean().default(false),
  /** What is exported, for whoever reads the manifest; must be the same when an export goes on. */
  what: z.record(z.string(), z.json()).default({}),
});
export type ExportRequest = z.infer<typeof exportRequestSchema>;
