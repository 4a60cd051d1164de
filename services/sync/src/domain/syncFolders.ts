import { type FolderExclusion, isRecoverableRole } from '@holdfast/contracts';
import type { FolderChange, Folder as SourceFolder } from '@holdfast/exchange';
import type { FolderEntry } from '../ports.ts';
import { excludedFolders } from './excludeFolders.ts';

/** What has to be done to the folders of the tree. */
export interface FolderWork {
  puts: FolderEntry[];
  /** Ids of folders that are gone or left out, with their items. */
  removes: string[];
  /** All folders that the source has and the job leaves out. */
  excluded: FolderEntry[];
}

/** What the job leaves out, and the folders that were left out so far: the tree does not have them. */
export interface FolderExclusions {
  rules: readonly FolderExclusion[];
  folders: readonly FolderEntry[];
}
const nothingExcluded: FolderExclusions = { rules: [], folders: [] };

/** A folder of the source as the tree keeps it; a class that the source does not say stays as it is known. */
export function folderEntryOf(folder: SourceFolder, known?: FolderEntry): FolderEntry {
  const folderClass = folder.folderClass ?? known?.class;
  return {
    id: folder.id,
    parentId: folder.parentId,
    name: folder.name,
    ...(folder.role === undefined ? {} : { role: folder.role }),
    ...(folderClass === undefined ? {} : { class: folderClass }),
    ...(folder.hidden ? { hidden: true } : {}),
  };
}

const same = (a: FolderEntry, b: FolderEntry): boolean =>
  a.parentId === b.parentId &&
  a.name === b.name &&
  a.role === b.role &&
  a.class === b.class &&
  (a.hidden ?? false) === (b.hidden ?? false);

/**
 * Changes in the order they were told → work. A change that says what the tree has already is left out (sources
 * repeat themselves). `orphans` is true when a removed folder leaves children behind that nobody mentioned: then the
 * changes alone do not tell the truth and the full list must be compared.
 */
export function foldersFromChanges(
  tree: ReadonlyMap<string, FolderEntry>,
  changes: readonly FolderChange[],
  exclusions: FolderExclusions = nothingExcluded,
): FolderWork & { orphans: boolean } {
  const before = new Map([...exclusions.folders.map((folder) => [folder.id, folder] as const), ...tree]);
  const after = new Map(before);
  for (const change of changes) {
    if (change.kind === 'removed') after.delete(change.id);
    else after.set(change.folder.id, folderEntryOf(change.folder, before.get(change.folder.id)));
  }
  const isGone = (id: string) => before.has(id) && !after.has(id);
  const orphans = [...after.values()].some((f) => f.parentId !== null && isGone(f.parentId));
  return { ...difference(tree, after, exclusions.rules), orphans };
}

/** The full list of the source → work. */
export function foldersFromList(
  tree: ReadonlyMap<string, FolderEntry>,
  list: readonly SourceFolder[],
  rules: readonly FolderExclusion[] = [],
): FolderWork {
  const after = new Map(list.map((folder) => [folder.id, folderEntryOf(folder, tree.get(folder.id))]));
  return difference(tree, after, rules);
}

function difference(
  before: ReadonlyMap<string, FolderEntry>,
  after: ReadonlyMap<string, FolderEntry>,
  rules: readonly FolderExclusion[],
): FolderWork {
  const excluded = excludedFolders(after, rules);
  const puts = [...after.values()].filter((folder) => {
    if (excluded.has(folder.id)) return false;
    const known = before.get(folder.id);
    return known === undefined || !same(known, folder);
  });
  const removes = [...before.keys()].filter((id) => !after.has(id) || excluded.has(id));
  return { puts, removes, excluded: [...excluded.values()] };
}

const firstRoles = ['inbox', 'sentitems', 'drafts', 'archive'];
const lastRoles = ['junkemail', 'deleteditems'];

/** What people miss most comes first: it counts when a first run is long. */
export function readingOrder(folders: Iterable<FolderEntry>): string[] {
  const rank = (folder: FolderEntry): number => {
    const first = firstRoles.indexOf(folder.role ?? '');
    if (first >= 0) return first;
    const last = lastRoles.indexOf(folder.role ?? '');
    if (isRecoverableRole(folder.role)) return 200;
    return last >= 0 ? 100 + last : 50;
  };
  return [...folders].sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1)).map((folder) => folder.id);
}
