import type { FolderExclusion } from '@holdfast/contracts';
import type { FolderEntry } from '../ports.ts';
import { folderPath } from './folderPath.ts';

const pathKey = (path: string): string =>
  `/${path.trim().replace(/^\/+|\/+$/g, '')}`.normalize('NFKC').toLowerCase();

/** The exclusions in one order and spelling, so that those of two runs can be compared. */
export function orderedExclusions(exclusions: readonly FolderExclusion[]): FolderExclusion[] {
  const keyed = exclusions.map((exclusion): [string, FolderExclusion] => {
    if (exclusion.kind === 'well-known') return [`n${exclusion.name}`, exclusion];
    const path = pathKey(exclusion.path);
    return [`p${path}`, { kind: 'path', path }];
  });
  return [...new Map(keyed.sort(([a], [b]) => (a < b ? -1 : 1))).values()];
}

/** The folders that are left out, with all below them, among all folders of a mailbox. */
export function excludedFolders(
  folders: ReadonlyMap<string, FolderEntry>,
  exclusions: readonly FolderExclusion[],
): Map<string, FolderEntry> {
  const excluded = new Map<string, FolderEntry>();
  if (exclusions.length === 0) return excluded;
  const roles = new Set(exclusions.flatMap((one) => (one.kind === 'well-known' ? [one.name as string] : [])));
  const paths = new Set(exclusions.flatMap((one) => (one.kind === 'path' ? [pathKey(one.path)] : [])));
  const isNamed = (folder: FolderEntry): boolean =>
    roles.has(folder.role ?? '') || (paths.size > 0 && paths.has(pathKey(folderPath(folders, folder.id))));
  const judged = new Map<string, boolean>();
  const isOut = (folder: FolderEntry): boolean => {
    const known = judged.get(folder.id);
    if (known !== undefined) return known;
    // Answers a circle of parents, which a source should not have.
    judged.set(folder.id, false);
    const parent = folder.parentId === null ? undefined : folders.get(folder.parentId);
    const out = isNamed(folder) || (parent !== undefined && isOut(parent));
    judged.set(folder.id, out);
    return out;
  };
  for (const folder of folders.values()) if (isOut(folder)) excluded.set(folder.id, folder);
  return excluded;
}

/** Paths of the excluded folders that are in no other excluded one, in order. */
export function topmostPaths(
  included: ReadonlyMap<string, FolderEntry>,
  excluded: readonly FolderEntry[],
): string[] {
  const out = new Map(excluded.map((folder) => [folder.id, folder]));
  const all = new Map([...included, ...out]);
  return excluded
    .filter(({ parentId }) => parentId === null || !out.has(parentId))
    .map(({ id }) => folderPath(all, id))
    .sort();
}
