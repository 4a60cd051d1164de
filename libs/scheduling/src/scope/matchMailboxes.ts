import type { Group, GroupRef, Mailbox, Rule, Source } from '@holdfast/contracts';
import { globMatches } from './globMatches.ts';

/** Addresses are compared like this. */
export const addressKey = (address: string): string => address.trim().toLowerCase();

/** What the last inventory found in an organization. */
export interface Inventory {
  mailboxes: readonly Mailbox[];
  groups: readonly Group[];
}

/** The group as the last inventory knows it; undefined when the directory has none. */
export function groupOf({ groups }: Inventory, groupId: string): Group | undefined {
  const wanted = groupId.trim().toLowerCase();
  return groups.find((group) => group.groupId.toLowerCase() === wanted && group.status !== 'gone');
}

/** The directory ids of a group's members; undefined for a group that the directory does not have. */
export function membersOf(inventory: Inventory, { groupId, members }: GroupRef): Set<string> | undefined {
  const group = groupOf(inventory, groupId);
  if (group === undefined) return undefined;
  return new Set(members === 'direct' ? group.directUserIds : group.memberUserIds);
}

/** Do the attributes of the mailbox match all that the rule gives? An unknown type matches no rule that asks for one. */
export function ruleMatches(
  rule: Rule,
  mailbox: Pick<Mailbox, 'address' | 'kind' | 'displayName' | 'department'>,
) {
  const { domain, types, displayName, department } = rule;
  if (
    domain !== undefined &&
    !addressKey(mailbox.address).endsWith(`@${addressKey(domain).replace(/^@/, '')}`)
  ) {
    return false;
  }
  if (types !== undefined && !(types as readonly string[]).includes(mailbox.kind)) return false;
  if (displayName !== undefined && !globMatches(displayName, mailbox.displayName)) return false;
  if (department !== undefined && !globMatches(department, mailbox.department ?? '')) return false;
  return true;
}

/** Tells of each mailbox whether the source means it; a group that is not there means nobody. */
export function matcherOf(source: Source, inventory: Inventory): (mailbox: Mailbox) => boolean {
  switch (source.kind) {
    case 'organization':
      return () => true;
    case 'mailbox': {
      const wanted = addressKey(source.address);
      return (mailbox) => addressKey(mailbox.address) === wanted;
    }
    case 'group': {
      const members = membersOf(inventory, source);
      return (mailbox) => members?.has(mailbox.userId) === true;
    }
    case 'rule':
      return (mailbox) => ruleMatches(source, mailbox);
  }
}
