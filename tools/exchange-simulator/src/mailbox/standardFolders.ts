import type { BaseFolder } from './content.ts';

const ALL: readonly (readonly [number, string, string, number | null, boolean, boolean])[] = [
  // number, well-known name, display name, parent, hidden, kept when few folders are wanted
  [0, 'msgfolderroot', 'Top of Information Store', null, false, true],
  [1, 'inbox', 'Inbox', 0, false, true],
  [2, 'sentitems', 'Sent Items', 0, false, true],
  [3, 'drafts', 'Drafts', 0, false, true],
  [4, 'deleteditems', 'Deleted Items', 0, false, true],
  [5, 'junkemail', 'Junk Email', 0, false, false],
  [6, 'outbox', 'Outbox', 0, false, false],
  [7, 'archive', 'Archive', 0, false, false],
  [8, 'conversationhistory', 'Conversation History', 0, false, false],
  [9, 'recoverableitemsdeletions', 'Deletions', -1, false, true],
  [10, 'recoverableitemspurges', 'Purges', -1, false, true],
  [11, 'recoverableitemsroot', 'Recoverable Items', null, false, true],
  [12, 'searchfolders', 'Finder', null, false, true],
  [13, 'syncissues', 'Sync Issues', 0, true, false],
  [14, 'conflicts', 'Conflicts', 13, true, false],
  [15, 'localfailures', 'Local Failures', 13, true, false],
  [16, 'serverfailures', 'Server Failures', 13, true, false],
  [17, 'scheduled', 'Scheduled', 0, true, false],
];

/** The folders of a new mailbox. `few` leaves out those that rarely hold anything. */
export function standardFolders(few: boolean): BaseFolder[] {
  return ALL.filter((row) => !few || row[5]).map(
    ([number, wellKnownName, displayName, parent, isHidden]) => ({
      number,
      wellKnownName,
      displayName,
      parent: parent === -1 ? 11 : parent,
      isHidden,
    }),
  );
}
