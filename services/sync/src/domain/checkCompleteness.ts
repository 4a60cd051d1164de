import type { ErrorFacts } from '@holdfast/contracts';
import { type FolderCounts, type FolderShortfall, findShortfalls, shortfallWarning } from './completeness.ts';
import { folderPath } from './folderPath.ts';
import type { MailboxWork } from './mailboxWork.ts';
import { reconcileFolders } from './readFolders.ts';
import { walkFolder } from './walkFolder.ts';

export interface Completeness {
  /** Items that the source reports in the folders whose number it gave; undefined when it gave none. */
  reportedItems: number | undefined;
  warning: ErrorFacts | undefined;
}

/**
 * Compares the source's counts with what is stored. The source moves while it is read: folders that seem short are
 * read once more (their cursors know what is new), then compared with fresh counts.
 */
export async function checkCompleteness(work: MailboxWork): Promise<Completeness> {
  // The source counts items of any age in its folders, so its numbers say nothing where old ones are left out.
  if (work.age !== undefined) return { reportedItems: undefined, warning: undefined };
  const unheard = [...work.touched].some((id) => !work.reported.has(id));
  if (unheard) await reconcileFolders(work);
  if ((await shortfalls(work)).length > 0) {
    await reconcileFolders(work);
    for (const { folderId } of await shortfalls(work)) await walkFolder(work, folderId, undefined);
    await reconcileFolders(work);
    await readUnread(work);
  }
  const counts = [...work.reported.values()];
  return {
    reportedItems: counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + count, 0),
    warning: shortfallWarning(await shortfalls(work)),
  };
}

/** Folders that appeared during the comparison have no cursor yet. */
async function readUnread(work: MailboxWork): Promise<void> {
  for (const [id, entry] of Object.entries(work.cursors.items)) {
    if (entry.cursor === undefined && entry.inventory !== true) await walkFolder(work, id, undefined);
  }
}

async function shortfalls(work: MailboxWork): Promise<FolderShortfall[]> {
  const { tree, folders } = await work.open();
  const counts: FolderCounts[] = [];
  for (const folderId of folders.keys()) {
    counts.push({
      folderId,
      path: folderPath(folders, folderId),
      reported: work.reported.get(folderId),
      stored: await tree.itemCount(folderId),
      gaps: work.gaps.inFolder(folderId),
    });
  }
  return findShortfalls(counts);
}
