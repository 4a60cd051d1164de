import type { FolderChange, Folder as SourceFolder } from '@holdfast/exchange';
import type { FolderEntry } from '../ports.ts';

/** What has to be done to the folders of the tree. */
export interface FolderWork {
  puts: FolderEntry[];
  /** Ids of folders that are gone, with their items. */
  removes: string[];
}

/** A folder of the source as the tree keeps it. */
export function folderEntryOf(folder: SourceFolder): FolderEntry {
  return {
    id: folder.id,
    parentId: folder.parentId,
    name: folder.name,
    ...(folder.role === undefined ? {} : { role: folder.role }),
    ...(folder.hidden ? { hidden: true } : {}),
  };
}

const same = (a: FolderEntry, b: FolderEntry): boolean =>
  a.parentId === b.parentId &&
  a.name === b.name &&
  a.role === b.role &&
  (a.hidden ?? false) === (b.hidden ?? false);

/**
 * Changes in the order they were told → work. A change that says what the tree has already is left out (sources
 * repeat themselves). `orphans` is true when a removed folder leaves children behind that nobody mentioned: then the
 * changes alone do not tell the truth and the full list must be compared.
 */
export function foldersFromChanges(
  tree: ReadonlyMap<string, FolderEntry>,
  changes: readonly FolderChange[],
): FolderWork & { orphans: boolean } {
  const after = new Map(tree);
  for (const change of changes) {
    if (change.kind === 'removed') after.delete(change.id);
    else after.set(change.folder.id, folderEntryOf(change.folder));
  }
  const work = difference(tree, after);
  const removed = new Set(work.removes);
  const orphans = [...after.values()].some((f) => f.parentId !== null && removed.has(f.parentId));
  return { ...work, orphans };
}

/** The full list of the source → work. */
export function foldersFromList(
  tree: ReadonlyMap<string, FolderEntry>,
  list: readonly SourceFolder[],
): FolderWork {
  return difference(tree, new Map(list.map((folder) => [folder.id, folderEntryOf(folder)])));
}

function difference(
  before: ReadonlyMap<string, FolderEntry>,
  after: ReadonlyMap<string, FolderEntry>,
): FolderWork {
  const puts = [...after.values()].filter((folder) => {
    const known = before.get(folder.id);
    return known === undefined || !same(known, folder);
  });
  return { puts, removes: [...before.keys()].filter((id) => !after.has(id)) };
}

/** `/Inbox/Projects`; a name with a slash keeps it, paths are for people. Circles and unknown parents end the path. */
export function folderPath(folders: ReadonlyMap<string, FolderEntry>, id: string): string {
  const names: string[] = [];
  const visited = new Set<string>();
  for (let at = folders.get(id); at !== undefined && !visited.has(at.id); ) {
    visited.add(at.id);
    names.unshift(at.name);
    at = at.parentId === null ? undefined : folders.get(at.parentId);
  }
  return `/${names.join('/')}`;
}

const firstRoles = ['inbox', 'sentitems', 'drafts', 'archive'];
const lastRoles = ['junkemail', 'deleteditems'];

/** What people miss most comes first: it counts when a first run is long. */
export function readingOrder(folders: Iterable<FolderEntry>): string[] {
  const rank = (folder: FolderEntry): number => {
    const first = firstRoles.indexOf(folder.role ?? '');
    if (first >= 0) return first;
    const last = lastRoles.indexOf(folder.role ?? '');
    return last >= 0 ? 100 + last : 50;
  };
  return [...folders].sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1)).map((folder) => folder.id);
}
