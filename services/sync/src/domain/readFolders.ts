import { recoverableRootRole } from '@holdfast/contracts';
import type { FolderChange, Folder as SourceFolder } from '@holdfast/exchange';
import { hasCode } from '../errors.ts';
import type { FolderEntry } from '../ports.ts';
import { announceReads } from './announceReads.ts';
import { topmostPaths } from './excludeFolders.ts';
import type { MailboxWork } from './mailboxWork.ts';
import { type FolderWork, foldersFromChanges, foldersFromList } from './syncFolders.ts';

/**
 * Brings the folders up to date, and announces which changes will be read; every folder with items that is there
 * afterwards has an entry in `cursors.items`.
 */
export async function readFolders(work: MailboxWork): Promise<void> {
  const cursor = work.cursors.folders;
  if (cursor === undefined) {
    await listFolders(work);
    return announceReads(work, undefined);
  }
  announceReads(work, cursor);
  try {
    for await (const batch of work.reader.folderChanges(cursor)) {
      await applyFolderChanges(work, batch.changes);
      work.cursors.folders = batch.cursor;
    }
  } catch (error) {
    if (!hasCode(error, 'cursor-expired', 'delta-unavailable')) throw error;
    delete work.cursors.folders;
    await listFolders(work);
  }
}

async function applyFolderChanges(work: MailboxWork, changes: readonly FolderChange[]): Promise<void> {
  if (changes.length === 0) return;
  const { folders } = await work.open();
  noteReported(
    work,
    changes.flatMap((change) => (change.kind === 'upsert' ? [change.folder] : [])),
  );
  const left = {
    rules: work.excludeFolders,
    folders: (work.cursors.excluded?.folders ?? []) as FolderEntry[],
  };
  const known = new Map([...left.folders.map((folder) => [folder.id, folder] as const), ...folders]);
  const planned = foldersFromChanges(folders, await withClasses(work, changes, known), left);
  if (planned.orphans) await reconcileFolders(work);
  else await carryOut(work, planned);
}

/** Changes do not tell the class of a folder: it is asked for once, when neither they nor the tree say it. */
async function withClasses(
  work: MailboxWork,
  changes: readonly FolderChange[],
  known: ReadonlyMap<string, FolderEntry>,
): Promise<FolderChange[]> {
  const unknown = changes.flatMap((change) =>
    change.kind === 'upsert' &&
    change.folder.folderClass === undefined &&
    known.get(change.folder.id)?.class === undefined
      ? [change.folder.id]
      : [],
  );
  if (unknown.length === 0) return [...changes];
  const classes = await work.reader.folderClasses(unknown);
  return changes.map((change) => {
    const folderClass = change.kind === 'upsert' ? classes.get(change.folder.id) : undefined;
    if (change.kind !== 'upsert' || folderClass === undefined) return change;
    return { kind: 'upsert', folder: { ...change.folder, folderClass } };
  });
}

/** A full round without a cursor: compared with the tree, because there may be one. */
async function listFolders(work: MailboxWork): Promise<void> {
  const list = new Map<string, SourceFolder>();
  let cursor: string | undefined;
  try {
    for await (const batch of work.reader.folderChanges(undefined)) {
      for (const change of batch.changes) {
        if (change.kind === 'upsert') list.set(change.folder.id, change.folder);
        else list.delete(change.id);
      }
      cursor = batch.cursor;
    }
  } catch (error) {
    if (!hasCode(error, 'delta-unavailable')) throw error;
    return reconcileFolders(work);
  }
  await compareFolders(work, [...list.values()]);
  if (cursor !== undefined) work.cursors.folders = cursor;
}

/** The root of Recoverable Items only holds the others: it is not asked for items. */
const holdsItems = ({ role }: FolderEntry): boolean => role !== recoverableRootRole;

/** Compares with the source's full list. */
export async function reconcileFolders(work: MailboxWork): Promise<void> {
  await compareFolders(work, await work.reader.folders());
}

async function compareFolders(work: MailboxWork, list: readonly SourceFolder[]): Promise<void> {
  noteReported(work, list);
  const { folders } = await work.open();
  await carryOut(work, foldersFromList(folders, list, work.excludeFolders));
  for (const folder of folders.values()) if (holdsItems(folder)) work.cursors.items[folder.id] ??= {};
}

export function noteReported(work: MailboxWork, list: readonly SourceFolder[]): void {
  for (const folder of list) {
    if (folder.itemCount === undefined) work.reported.delete(folder.id);
    else work.reported.set(folder.id, folder.itemCount);
  }
}

async function carryOut(work: MailboxWork, planned: FolderWork): Promise<void> {
  const { tree, folders } = await work.open();
  for (const folder of planned.puts) {
    await tree.putFolder(folder);
    folders.set(folder.id, folder);
    if (holdsItems(folder)) work.cursors.items[folder.id] ??= {};
  }
  for (const id of planned.removes) await removeFolder(work, id, folders);
  noteExcluded(work, folders, planned.excluded);
}

/** What is left out is kept with the cursors: changes tell only what is new, and of a folder within it only its parent. */
function noteExcluded(
  work: MailboxWork,
  folders: ReadonlyMap<string, FolderEntry>,
  excluded: FolderEntry[],
): void {
  for (const { id } of excluded) work.reported.delete(id);
  if (work.excludeFolders.length === 0) delete work.cursors.excluded;
  else {
    const paths = topmostPaths(folders, excluded);
    work.cursors.excluded = { rules: [...work.excludeFolders], folders: excluded, paths };
  }
}

async function removeFolder(work: MailboxWork, id: string, folders: Map<string, FolderEntry>): Promise<void> {
  const { tree } = await work.open();
  work.totals.itemsRemoved += await tree.itemCount(id);
  await tree.removeFolder(id);
  folders.delete(id);
  work.gaps.dropFolder(id);
  work.reported.delete(id);
  delete work.cursors.items[id];
}
