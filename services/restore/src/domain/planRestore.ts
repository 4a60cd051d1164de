import { isRecoverableRole, type RestorePart, type Selection } from '@holdfast/contracts';
import { RestoreRefused } from '../errors.ts';
import type { PointFolder } from '../ports.ts';

/** What is wanted of one restore point. */
export type PointSelection = Exclude<Selection, { kind: 'search' }>;

/** What of a selection belongs to one part of a session: of a search, the items of its mailbox and restore point. */
export function selectionOfPart(
  selection: Selection,
  { mailboxId, requestedPoint }: Pick<RestorePart, 'mailboxId' | 'requestedPoint'>,
): PointSelection {
  if (selection.kind !== 'search') return selection;
  const items = selection.items
    .filter((item) => item.mailboxId === mailboxId && item.pointId === requestedPoint)
    .map(({ folderId, itemKey }) => ({ folderId, itemKey }));
  return { kind: 'items', items };
}

/** One folder of the restore point to be put back. */
export interface PlannedFolder {
  folder: PointFolder;
  path: string;
  /** Only these items; all when undefined. */
  itemKeys: ReadonlySet<string> | undefined;
}

export interface RestorePlan {
  /** Parents before their children; the order of the ledger. */
  folders: PlannedFolder[];
  itemsTotal: number;
  /** Items of Recoverable Items that are left out because they were not asked for. */
  recoverableLeft: number;
}

/**
 * Resolves a selection against the folders of a restore point. Recoverable Items belong to it only when asked for.
 * @throws RestoreRefused naming what is not in it
 */
export function planRestore(
  folders: readonly PointFolder[],
  selection: PointSelection,
  { includeRecoverable = false }: { includeRecoverable?: boolean } = {},
): RestorePlan {
  const tree = folderTree(folders);
  const recoverable = (id: string) =>
    tree.chainOf(id).some((above) => isRecoverableRole(tree.byId.get(above)?.role));
  if (includeRecoverable && ![...tree.byId.keys()].some(recoverable)) throw noRecoverable();
  const chosen = chosenFolders(tree, selection);
  let recoverableLeft = 0;
  if (!includeRecoverable) {
    const left = [...chosen.keys()].filter(recoverable);
    // Whoever names an item wants it: it is not left out without a word.
    if (left.length > 0 && (selection.kind === 'items' || left.length === chosen.size)) {
      throw notAskedFor(left.map((id) => tree.pathOf(id)));
    }
    for (const id of left) {
      recoverableLeft += tree.byId.get(id)?.count ?? 0;
      chosen.delete(id);
    }
  }
  const planned = [...chosen].map(([id, itemKeys]): PlannedFolder => {
    const folder = tree.byId.get(id) as PointFolder;
    return { folder, path: tree.pathOf(id), itemKeys };
  });
  planned.sort(
    (a, b) =>
      depthOf(tree, a) - depthOf(tree, b) ||
      compareText(a.path, b.path) ||
      compareText(a.folder.id, b.folder.id),
  );
  const itemsTotal = planned.reduce((sum, { folder, itemKeys }) => sum + (itemKeys?.size ?? folder.count), 0);
  return { folders: planned, itemsTotal, recoverableLeft };
}

const noRecoverable = () =>
  new RestoreRefused(
    'recoverable-not-in-point',
    'The restore point has no Recoverable Items: its job did not back them up, or the mailbox has none.',
    'Leave includeRecoverable out, and look for the items in their old folders in an older restore point. For later backups the job has the option includeRecoverable.',
  );

const notAskedFor = (paths: readonly string[]) =>
  new RestoreRefused(
    'recoverable-not-asked-for',
    `What was chosen in ${paths.join(', ')} is in Recoverable Items, which come back only when they are asked for.`,
    'Set includeRecoverable, or choose without them.',
  );

export interface FolderTree {
  byId: ReadonlyMap<string, PointFolder>;
  /** Ids from the top to the folder; a circle or an unknown parent ends it. */
  chainOf(id: string): string[];
  /** `/Inbox/Projects`, for people. */
  pathOf(id: string): string;
}

export function folderTree(folders: readonly PointFolder[]): FolderTree {
  const byId = new Map(folders.map((folder) => [folder.id, folder]));
  const chainOf = (id: string): string[] => {
    const chain: string[] = [];
    for (let at = byId.get(id); at !== undefined && !chain.includes(at.id); ) {
      chain.unshift(at.id);
      at = at.parentId === null ? undefined : byId.get(at.parentId);
    }
    return chain;
  };
  const pathOf = (id: string) =>
    `/${chainOf(id)
      .map((one) => byId.get(one)?.name)
      .join('/')}`;
  return { byId, chainOf, pathOf };
}

const depthOf = (tree: FolderTree, { folder }: PlannedFolder) => tree.chainOf(folder.id).length;
const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function chosenFolders(
  tree: FolderTree,
  selection: PointSelection,
): Map<string, ReadonlySet<string> | undefined> {
  switch (selection.kind) {
    case 'mailbox':
      return new Map([...tree.byId.keys()].map((id) => [id, undefined]));
    case 'folders': {
      const roots = new Set(selection.folders.map((named) => resolveFolder(tree, named)));
      const chosen = [...tree.byId.keys()].filter((id) =>
        selection.withSubfolders ? tree.chainOf(id).some((above) => roots.has(above)) : roots.has(id),
      );
      return new Map(chosen.map((id) => [id, undefined]));
    }
    case 'items': {
      const keys = new Map<string, Set<string>>();
      for (const { folderId, itemKey } of selection.items) {
        if (!tree.byId.has(folderId)) throw notInPoint(folderId);
        keys.set(folderId, (keys.get(folderId) ?? new Set()).add(itemKey));
      }
      return keys;
    }
  }
}

/** By id, else by path; a path that differs in case only is taken when there is one such folder. */
function resolveFolder(tree: FolderTree, named: string): string {
  if (tree.byId.has(named)) return named;
  const ids = [...tree.byId.keys()];
  const exact = ids.filter((id) => tree.pathOf(id) === named);
  const found = exact.length > 0 ? exact : ids.filter((id) => sameText(tree.pathOf(id), named));
  if (found.length > 1) {
    throw new RestoreRefused(
      'folder-ambiguous',
      `There are ${found.length} folders ${named} in the restore point.`,
      'Name the folder by its id.',
    );
  }
  const [id] = found;
  if (id === undefined) throw notInPoint(named);
  return id;
}

export const sameText = (a: string, b: string): boolean =>
  a.normalize('NFC').toLowerCase() === b.normalize('NFC').toLowerCase();

const notInPoint = (named: string) =>
  new RestoreRefused(
    'folder-not-in-point',
    `The folder ${named} is not in the restore point.`,
    'Choose a folder that the restore point lists, or another restore point.',
  );
