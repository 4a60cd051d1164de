import type { MailboxHead } from '@holdfast/contracts';
import type { Collection } from '@holdfast/store';
import { hasCode, MailboxTaken } from '../errors.ts';
import type { Heads } from '../ports.ts';

/** The head of one mailbox in the control data. */
export function storeHeads(collection: Collection<MailboxHead>, headId: string): Heads {
  return {
    async read() {
      const stored = await collection.get(headId);
      return stored && { head: stored.doc, version: stored.version };
    },
    async write(head, version) {
      try {
        const stored =
          version === undefined ? await collection.insert(head) : await collection.replace(head, version);
        return { head: stored.doc, version: stored.version };
      } catch (error) {
        if (hasCode(error, 'version-conflict', 'already-exists')) {
          throw new MailboxTaken('its head was written by another', error);
        }
        throw error;
      }
    },
  };
}
