import type { MailboxWork } from './mailboxWork.ts';

/**
 * Tells the reader which changes it will be asked for, so that a mailbox in which nothing happened costs one exchange.
 * Only where the work goes on from cursors: what is listed in full is no single question. `folders` is the cursor of
 * the folders if it will be used; where they are listed instead, this is to be called afterwards, because folders may
 * be left out from now on.
 */
export function announceReads({ plan, reader, cursors }: MailboxWork, folders: string | undefined): void {
  if (plan.kind !== 'delta' && plan.kind !== 'resume') return;
  const items = new Map<string, string>();
  for (const [folderId, { cursor, inventory }] of Object.entries(cursors.items)) {
    if (cursor !== undefined && inventory !== true) items.set(folderId, cursor);
  }
  reader.announce({ ...(folders === undefined ? {} : { folders }), items });
}
