import { z } from 'zod';

/** `eml`: a tree of files; `zip`: the same tree in zips; `mbox`: a file a folder; `json`: properties, a line an item. */
export const exportFormats = ['eml', 'zip', 'mbox', 'json'] as const;
export type ExportFormat = (typeof exportFormats)[number];

const smallestSplit = 1024 * 1024;

/** How an export is written. */
export const exportOptionsSchema = z.strictObject({
  format: z.enum(exportFormats).default('zip'),
  /** A volume holds at most so many bytes of messages, or one message. */
  splitBytes: z
    .number()
    .int()
    .min(smallestSplit, 'must be at least 1 MiB (1048576)')
    .default(2 * 1024 * 1024 * 1024),
  /** A JSON file with the properties and state beside each message (eml, zip). */
  withProperties: z.boolean().default(false),
});
export type ExportOptions = z.infer<typeof exportOptionsSchema>;

const count = z.number().int().min(0);

/** What an export has written. */
export const exportResultSchema = z.object({
  items: count,
  failed: count,
  /** Of the messages. */
  bytes: count,
  volumes: count,
  /** The restore worker that wrote it, and the folder there. */
  worker: z.string(),
  folder: z.string(),
  /** The files are removed then. */
  expiresAt: z.iso.datetime(),
});
export type ExportResult = z.infer<typeof exportResultSchema>;
