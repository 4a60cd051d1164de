import { HoldfastError, type JsonObject, recoverableRootRole } from '@holdfast/contracts';
import { textOf } from '../message/graphMessage.ts';
import type { Folder, FolderChange } from '../ports.ts';
import { childrenOf, folderClassOf, folderFields, isRefused } from './folderRows.ts';
import type { GraphLine } from './line.ts';

/** The one name in Recoverable Items that Microsoft documents for Graph; the root is its parent. */
const anchor = 'recoverableitemsdeletions';
/** Names of its folders are the same in every language; Graph does not name their roles. */
const roles: Record<string, string> = {
  purges: 'recoverableitemspurges',
  versions: 'recoverableitemsversions',
  discoveryholds: 'recoverableitemsdiscoveryholds',
  substrateholds: 'recoverableitemssubstrateholds',
};
/** Logs of the service, no mail. */
const noMail = new Set(['audits', 'calendar logging']);

/** What was known of Recoverable Items when they were listed last: change tracking does not tell of them. */
export interface KnownRecoverable {
  rootId: string;
  deletionsId: string;
  /** Parent and name by folder id. */
  folders: Record<string, { parentId: string | null; name: string }>;
}

/** Without the number of its items: that counts deleted appointments and contacts too, so it says nothing of the mail. */
function folderOf(row: JsonObject, deletionsId: string, parentId: string): Folder {
  const id = textOf(row.id);
  const name = textOf(row.displayName);
  const role = id === deletionsId ? anchor : roles[name.toLowerCase()];
  const folderClass = folderClassOf(row);
  return {
    ...{ id, parentId, name, hidden: false },
    ...(role === undefined ? {} : { role }),
    ...(folderClass === undefined ? {} : { folderClass }),
  };
}

const isVanished = (error: unknown): boolean =>
  error instanceof HoldfastError && error.errorClass === 'vanished';

/** The folder of what was deleted, by its name. Undefined when the mailbox has none. */
async function deletions(line: GraphLine, userPath: string): Promise<JsonObject | undefined> {
  const url = `${userPath}/mailFolders/${anchor}?$select=${folderFields}`;
  try {
    return await line.json({ url, what: 'finding Recoverable Items' });
  } catch (error) {
    if (isVanished(error)) return undefined;
    throw error;
  }
}

/** Folders below a folder of Recoverable Items, those of deleted folders included. */
async function below(
  line: GraphLine,
  userPath: string,
  parentId: string,
  deletionsId: string,
): Promise<Folder[]> {
  const rows = await childrenOf(line, `${userPath}/mailFolders/${encodeURIComponent(parentId)}/childFolders`);
  const folders: Folder[] = [];
  for (const row of rows) {
    const folder = folderOf(row, deletionsId, parentId);
    if (noMail.has(folder.name.toLowerCase())) continue;
    folders.push(folder);
    if (typeof row.childFolderCount === 'number' && row.childFolderCount > 0) {
      folders.push(...(await below(line, userPath, folder.id, deletionsId)));
    }
  }
  return folders;
}

/**
 * Recoverable Items as a root of its own, which is there to hold the others and has no items. Where Graph does not list
 * what is in it, `Deletions` alone, which is documented. Empty for a mailbox without. One request when it is known.
 */
async function listRecoverable(
  line: GraphLine,
  userPath: string,
  known?: KnownRecoverable,
): Promise<{ folders: Folder[]; rootId: string; deletionsId: string }> {
  let row: JsonObject | undefined;
  let place = known;
  if (place === undefined) {
    row = await deletions(line, userPath);
    if (row === undefined) return { folders: [], rootId: '', deletionsId: '' };
    place = { rootId: textOf(row.parentFolderId), deletionsId: textOf(row.id), folders: {} };
  }
  const { rootId, deletionsId } = place;
  const root: Folder = {
    ...{ id: rootId, parentId: null, name: 'Recoverable Items', hidden: false },
    role: recoverableRootRole,
  };
  try {
    const folders = [root, ...(await below(line, userPath, rootId, deletionsId))];
    return { folders, rootId, deletionsId };
  } catch (error) {
    if (!isRefused(error) && !isVanished(error)) throw error;
    row ??= await deletions(line, userPath);
    if (row === undefined) return { folders: [], rootId, deletionsId };
    return { folders: [root, folderOf(row, deletionsId, rootId)], rootId, deletionsId };
  }
}

/** The folders of Recoverable Items. */
export async function recoverableFolders(line: GraphLine, userPath: string): Promise<Folder[]> {
  return (await listRecoverable(line, userPath)).folders;
}

/** What is different from the time when it was listed before; everything when it never was. */
export async function recoverableChanges(
  line: GraphLine,
  userPath: string,
  known: KnownRecoverable | undefined,
): Promise<{ changes: FolderChange[]; known: KnownRecoverable | undefined }> {
  const { folders, rootId, deletionsId } = await listRecoverable(line, userPath, known);
  const changes: FolderChange[] = [];
  const now: KnownRecoverable = { rootId, deletionsId, folders: {} };
  for (const folder of folders) {
    const { id, parentId, name } = folder;
    const before = known?.folders[id];
    now.folders[id] = { parentId, name };
    if (before?.name !== name || before.parentId !== parentId) changes.push({ kind: 'upsert', folder });
  }
  for (const id of Object.keys(known?.folders ?? {})) {
    if (now.folders[id] === undefined) changes.push({ kind: 'removed', id });
  }
  return { changes, known: folders.length === 0 ? undefined : now };
}
