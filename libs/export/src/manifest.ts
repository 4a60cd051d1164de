import { z } from 'zod';

/** A line of a volume's manifest: where an item is and what its bytes hash to, or why it is missing. */
export const itemLineSchema = z.object({
  itemKey: z.string(),
  folder: z.string(),
  time: z.string(),
  subject: z.string(),
  from: z.string(),
  /** File or entry that holds it; in an mbox or JSON volume the volume itself. */
  path: z.string().optional(),
  /** Of the message as the source served it (in an mbox: before quoting). */
  bytes: z.number().optional(),
  sha256: z.string().optional(),
  failed: z.object({ code: z.string(), message: z.string() }).optional(),
});
export type ItemLine = z.infer<typeof itemLineSchema>;

/** The last line of a volume's manifest. */
export const volumeFactsSchema = z.object({
  volume: z.number().int(),
  /** Absent for a tree of files. */
  file: z.string().optional(),
  bytes: z.number(),
  sha256: z.string().optional(),
  items: z.number(),
  failed: z.number(),
  messageBytes: z.number(),
});
export type VolumeFacts = z.infer<typeof volumeFactsSchema>;

/** `manifest.json`: written last; an export without it is not complete. */
export const exportManifestSchema = z.object({
  holdfastExport: z.literal(1),
  format: z.string(),
  what: z.record(z.string(), z.json()),
  volumes: z.array(volumeFactsSchema.extend({ manifest: z.string() })),
  items: z.number(),
  failed: z.number(),
  bytes: z.number(),
});
export type ExportManifest = z.infer<typeof exportManifestSchema>;

export const beginningName = 'export.json';
export const manifestName = 'manifest.json';
const four = (n: number): string => String(n).padStart(4, '0');
export const volumeManifestName = (volume: number): string => `manifest-${four(volume)}.jsonl`;
export const volumeFileName = (volume: number, label: string, ending: string): string =>
  label === '' ? `${four(volume)}.${ending}` : `${four(volume)} ${label}.${ending}`;

/** The facts of a volume from its manifest; undefined when the manifest is not one. */
export function volumeFactsOf(manifest: Uint8Array): VolumeFacts | undefined {
  const last = Buffer.from(manifest).toString('utf8').trimEnd().split('\n').at(-1) ?? '';
  try {
    return volumeFactsSchema.parse(JSON.parse(last));
  } catch {
    // Not a manifest of ours or cut short: the volume is made again.
    return undefined;
  }
}
