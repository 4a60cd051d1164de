import type { Group, Mailbox } from '@holdfast/contracts';
import { all, type Collection, upsert } from '@holdfast/store';
import type { InventoryRows } from '../domain/inventory.ts';

/** The rows of an inventory in the control data. */
export function storeInventory(mailboxes: Collection<Mailbox>, groups: Collection<Group>): InventoryRows {
  return {
    async mailboxes(ids) {
      if (ids.length === 0) return new Map();
      const { items } = await mailboxes.find({ where: { id: { in: ids } }, limit: ids.length });
      return new Map(items.map(({ doc }) => [doc.id, doc]));
    },
    async putMailbox(mailbox) {
      await upsert(mailboxes, mailbox.id, () => mailbox);
    },
    async *allMailboxes(organizationId) {
      for await (const { doc } of all(mailboxes, { where: { organizationId } })) yield doc;
    },
    group: async (id) => (await groups.get(id))?.doc,
    async putGroup(group) {
      await upsert(groups, group.id, () => group);
    },
  };
}
