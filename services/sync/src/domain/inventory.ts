import {
  deterministicId,
  type Group,
  type Mailbox,
  mailboxIdOf,
  type Organization,
} from '@holdfast/contracts';
import type { Directory, DirectoryMailbox } from '@holdfast/exchange';
import { createSeenItems } from './seenItems.ts';

/** The rows that an inventory keeps up to date. */
export interface InventoryRows {
  /** Rows with these ids. */
  mailboxes(ids: readonly string[]): Promise<Map<string, Mailbox>>;
  putMailbox(mailbox: Mailbox): Promise<void>;
  /** All rows of an organization, page by page. */
  allMailboxes(organizationId: string): AsyncIterable<Mailbox>;
  group(id: string): Promise<Group | undefined>;
  putGroup(group: Group): Promise<void>;
}

export interface InventoryInput {
  organization: Pick<Organization, 'id'>;
  groupIds: readonly string[];
  directory: Directory;
  rows: InventoryRows;
  now: () => number;
}

/** Rows looked up at once. */
const rowsAtOnce = 200;

/**
 * Reads the directory into the rows: new and changed mailboxes are written, unchanged ones are left alone, those that
 * are not listed any more are marked as gone (their restore points stay). Memory: 8 bytes a mailbox.
 * @throws HoldfastError `group-not-found`, and what the directory throws; then nothing is marked as gone
 */
export async function refreshInventory(input: InventoryInput): Promise<{ mailboxes: number; gone: number }> {
  const { organization, directory, rows, now } = input;
  const seen = createSeenItems();
  const seenAt = new Date(now()).toISOString();
  let mailboxes = 0;
  for await (const page of directory.mailboxes()) {
    for (let at = 0; at < page.length; at += rowsAtOnce) {
      const listed = page.slice(at, at + rowsAtOnce);
      await writeChanged(rows, organization.id, listed, seenAt);
      for (const mailbox of listed) seen.add(mailboxIdOf(organization.id, mailbox.userId));
      mailboxes += listed.length;
    }
  }
  for (const groupId of input.groupIds) await refreshGroup(input, groupId, seenAt);
  let gone = 0;
  for await (const mailbox of rows.allMailboxes(organization.id)) {
    if (mailbox.status === 'gone' || seen.has(mailbox.id)) continue;
    await rows.putMailbox({ ...mailbox, status: 'gone' });
    gone++;
  }
  return { mailboxes, gone };
}

async function writeChanged(
  rows: InventoryRows,
  organizationId: string,
  listed: readonly DirectoryMailbox[],
  seenAt: string,
): Promise<void> {
  const known = await rows.mailboxes(listed.map(({ userId }) => mailboxIdOf(organizationId, userId)));
  for (const { userId, address, displayName, kind } of listed) {
    const id = mailboxIdOf(organizationId, userId);
    const before = known.get(id);
    const row: Mailbox = {
      id,
      organizationId,
      userId,
      address,
      displayName,
      // A listing does not tell the kind of every mailbox; what is known already is not forgotten.
      kind: kind === 'unknown' ? (before?.kind ?? kind) : kind,
      status: 'active',
      seenAt,
    };
    if (before === undefined || !sameMailbox(before, row)) await rows.putMailbox(row);
  }
}

const sameMailbox = (a: Mailbox, b: Mailbox): boolean =>
  a.address === b.address &&
  a.displayName === b.displayName &&
  a.kind === b.kind &&
  a.status === b.status &&
  a.userId === b.userId;

async function refreshGroup(input: InventoryInput, groupId: string, seenAt: string): Promise<void> {
  const { organization, directory, rows } = input;
  const memberUserIds: string[] = [];
  for await (const page of directory.groupMembers(groupId)) memberUserIds.push(...page);
  memberUserIds.sort();
  const displayName = await directory.groupName(groupId);
  const id = deterministicId('grp', organization.id, groupId);
  const before = await rows.group(id);
  const same =
    before?.displayName === displayName && before.memberUserIds.join('\n') === memberUserIds.join('\n');
  if (!same) {
    await rows.putGroup({ id, organizationId: organization.id, groupId, displayName, memberUserIds, seenAt });
  }
}
