import type { RestorableItem } from '@holdfast/exchange';
import type { Restorable } from './restorableItem.ts';

const mostAttachmentBytes = 150 * 1024 * 1024;

/** What of an item will not come back, told before anything is done; the writer decides in the end. */
export function limitsOf({ item, missing }: Restorable): string[] {
  return [...missing.map(({ what, why }) => `${what}: ${why}`), ...kindNotes(item), ...attachmentNotes(item)];
}

function kindNotes({ properties }: RestorableItem): string[] {
  const type = properties['@odata.type'];
  if (typeof type !== 'string' || type === '#microsoft.graph.message') return [];
  const kind = type.replace('#microsoft.graph.', '');
  return [`It is a ${kind} and comes back as a plain message, so that no invitation or answer can go out.`];
}

function attachmentNotes({ attachments }: RestorableItem): string[] {
  return attachments.flatMap(({ kind, name, size }) => {
    if (kind === 'reference') return [`attachment ${name}: It is a link, not a file.`];
    if (size > mostAttachmentBytes) return [`attachment ${name}: Microsoft Graph accepts up to 150 MB.`];
    return [];
  });
}
