import { z } from 'zod';
import { Damaged } from '../errors.ts';
import { canonicalJson } from '../format/canonicalJson.ts';
import type { FolderEntry } from './entries.ts';

/** A folder with the root of its items. */
export interface StoredFolder extends FolderEntry {
  /** Hex id of the root page, null for an empty folder. */
  root: string | null;
  count: number;
}

const folderSchema = z.object({
  id: z.string().min(1),
  parentId: z.string().nullable(),
  name: z.string(),
  role: z.string().optional(),
  class: z.string().optional(),
  hidden: z.boolean().optional(),
  extra: z.record(z.string(), z.json()).optional(),
  root: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  count: z.int().min(0),
});
const foldersSchema = z.object({ v: z.literal(1), folders: z.array(folderSchema) });

/** Canonical JSON, folders in order of their ids: {"folders":[…],"v":1}. */
export function foldersBytes(folders: Iterable<StoredFolder>): Buffer {
  const sorted = [...folders].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  return Buffer.from(canonicalJson({ v: 1, folders: sorted }), 'utf8');
}

/** Throws `Damaged` (`damaged-page`). */
export function parseFolders(bytes: Buffer): StoredFolder[] {
  try {
    return foldersSchema.parse(JSON.parse(bytes.toString('utf8'))).folders as StoredFolder[];
  } catch (cause) {
    throw new Damaged('damaged-page', 'The list of folders of a restore point is damaged.', { cause });
  }
}
