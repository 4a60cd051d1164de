import type { ErrorFacts } from '@holdfast/contracts';

/** A folder in which the source has more than what is stored and named as gaps. */
export interface FolderShortfall {
  folderId: string;
  path: string;
  reported: number;
  stored: number;
  gaps: number;
}

/** One folder to compare. `reported` is undefined when the source gave no number. */
export interface FolderCounts {
  folderId: string;
  path: string;
  reported: number | undefined;
  stored: number;
  gaps: number;
}

/** Folders in which something is missing. More stored than reported is no loss: the source moves while it is read. */
export function findShortfalls(folders: Iterable<FolderCounts>): FolderShortfall[] {
  const found: FolderShortfall[] = [];
  for (const folder of folders) {
    const { reported } = folder;
    if (reported !== undefined && reported > folder.stored + folder.gaps) found.push({ ...folder, reported });
  }
  return found;
}

/** The warning for a report; undefined when nothing is missing. */
export function shortfallWarning(shortfalls: readonly FolderShortfall[]): ErrorFacts | undefined {
  const worst = [...shortfalls].sort((a, b) => missing(b) - missing(a))[0];
  if (worst === undefined) return undefined;
  const more = shortfalls.length > 1 ? ` and ${shortfalls.length - 1} more folders` : '';
  return {
    code: 'counts-differ',
    errorClass: 'transient',
    message: `The source reports ${worst.reported} items in ${worst.path}, stored are ${worst.stored} and ${worst.gaps} are known gaps${more}.`,
    remedy:
      'Items that are no messages are counted by the source too. If the number stays after the next run, compare the folder in Outlook with the restore point.',
  };
}

const missing = (s: FolderShortfall) => s.reported - s.stored - s.gaps;
