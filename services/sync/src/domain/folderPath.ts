import type { FolderEntry } from '../ports.ts';

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
