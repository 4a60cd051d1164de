import type { JsonObject } from '@holdfast/contracts';
import type { FolderEntry, ItemEntry, Repository } from '@holdfast/repository';
import type { ExportItem } from './ports.ts';
import { folderPaths } from './safeNames.ts';

/** A folder of a restore point with its path as the mailbox names it. */
export interface PointFolder extends FolderEntry {
  count: number;
  path: string;
}

type Readable = Pick<Repository, 'tree' | 'readItem'>;

/** The folders of a restore point in order of their paths; folders that name each other as parents come to the top. */
export async function pointFolders(repository: Readable, root: string): Promise<PointFolder[]> {
  const folders = await repository.tree(root).folders();
  const byId = new Map(folders.map((folder) => [folder.id, folder]));
  const pathOf = (folder: FolderEntry): string => {
    const names: string[] = [];
    const seen = new Set<string>();
    for (let at: FolderEntry | undefined = folder; at && !seen.has(at.id); ) {
      seen.add(at.id);
      names.unshift(at.name);
      at = at.parentId === null ? undefined : byId.get(at.parentId);
    }
    return `/${names.join('/')}`;
  };
  return folders
    .map((folder) => ({ ...folder, path: pathOf(folder) }))
    .sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.id < b.id ? -1 : 1));
}

/** Which items of a point; everything when a part is absent. */
export interface PointSelection {
  folderIds?: ReadonlySet<string>;
  matches?: (item: ItemEntry, folder: PointFolder) => boolean;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The items of a restore point, folder by folder, oldest first: the same order each time. */
export async function* pointItems(
  repository: Readable,
  root: string,
  selection: PointSelection = {},
): AsyncGenerator<ExportItem> {
  const folders = await pointFolders(repository, root);
  const places = folderPaths(folders);
  const tree = repository.tree(root);
  for (const folder of folders) {
    if (selection.folderIds && !selection.folderIds.has(folder.id)) continue;
    for await (const entry of tree.items(folder.id)) {
      if (selection.matches && !selection.matches(entry, folder)) continue;
      yield exportItemOf(repository, folder, places.get(folder.id) ?? [], entry);
    }
  }
}

function exportItemOf(
  repository: Readable,
  folder: PointFolder,
  place: readonly string[],
  entry: ItemEntry,
): ExportItem {
  return {
    itemKey: entry.key,
    folderId: folder.id,
    folderPath: folder.path,
    place,
    time: new Date(entry.time).toISOString(),
    subject: text(entry.summary.subject),
    from: text(entry.summary.from),
    size: entry.size,
    state: entry.state as JsonObject,
    async load() {
      const { mime, properties } = await repository.readItem(entry.objectId);
      return { mime, properties };
    },
  };
}
