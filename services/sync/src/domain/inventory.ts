import { isDeepStrictEqual } from 'node:util';
import {
  deterministicId,
  type Group,
  type Mailbox,
  mailboxIdOf,
  type Organization,
} from '@holdfast/contracts';
import type { Directory, DirectoryMailbox } from '@holdfast/exchange';
import { hasCode } from '../errors.ts';
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
  /** Ask for the kinds of mailboxes as well, which a listing does not tell. */
  kinds?: boolean | undefined;
  directory: Directory;
  rows: InventoryRows;
  now: () => number;
}

/** What an inventory found. */
export interface InventoryFound {
  mailboxes: number;
  gone: number;
  unknownGroups: string[];
}

/** Rows looked up at once. */
const rowsAtOnce = 200;
/** A mailbox is asked again for its kind after so long: people turn user mailboxes into shared ones. */
const kindAgainMs = 7 * 24 * 3600_000;

/**
 * Reads the directory into the rows: new and changed mailboxes are written, unchanged ones are left alone, those that
 * are not listed any more are marked as gone (their restore points stay), and so are groups that are not there. Memory: 8
 * bytes a mailbox, and with `kinds` those that are to be asked.
 * @throws what the directory throws; then nothing is marked as gone
 */
export async function refreshInventory(input: InventoryInput): Promise<InventoryFound> {
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
  const { unknownGroups } = await refreshGroups(input);
  if (input.kinds === true) await refreshKinds(input);
  let gone = 0;
  for await (const mailbox of rows.allMailboxes(organization.id)) {
    if (mailbox.status === 'gone' || seen.has(mailbox.id)) continue;
    await rows.putMailbox({ ...mailbox, status: 'gone' });
    gone++;
  }
  return { mailboxes, gone, unknownGroups };
}

/** Reads only the named groups. One that the directory does not have is marked as gone and told: it stops nobody. */
export async function refreshGroups(
  input: Pick<InventoryInput, 'organization' | 'groupIds' | 'directory' | 'rows' | 'now'>,
): Promise<{ unknownGroups: string[] }> {
  const seenAt = new Date(input.now()).toISOString();
  const unknownGroups: string[] = [];
  for (const groupId of input.groupIds) {
    try {
      await refreshGroup(input, groupId, seenAt);
    } catch (error) {
      if (!hasCode(error, 'group-not-found')) throw error;
      unknownGroups.push(groupId);
      const id = groupRowId(input.organization.id, groupId);
      const before = await input.rows.group(id);
      if (before !== undefined && before.status !== 'gone') {
        await input.rows.putGroup({
          ...before,
          status: 'gone',
          memberUserIds: [],
          directUserIds: [],
          seenAt,
        });
      }
    }
  }
  return { unknownGroups };
}

/**
 * Asks mailboxes for their kind, those that were not asked for a week, a page of rows at a time: what was answered is
 * kept, so that one that is cut short goes on where it was.
 */
async function refreshKinds(input: InventoryInput): Promise<void> {
  const { organization, directory, rows, now } = input;
  const before = new Date(now() - kindAgainMs).toISOString();
  const due: Mailbox[] = [];
  const ask = async () => {
    const kindAt = new Date(now()).toISOString();
    const kinds = await directory.mailboxKinds(due.map(({ userId }) => userId));
    const told = due.map((row) => ({ row, kind: kinds.get(row.userId) }));
    due.length = 0;
    for (const { row, kind } of told) {
      // Unknown is what a missing permission looks like: to be asked again, and told by who needs the kind.
      if (kind === undefined || kind === 'unknown') continue;
      await rows.putMailbox({ ...row, kind: kind === 'none' ? 'unknown' : kind, kindAt });
    }
    return told.some(({ kind }) => kind !== undefined && kind !== 'unknown');
  };
  for await (const row of rows.allMailboxes(organization.id)) {
    if (row.status === 'gone' || (row.kindAt !== undefined && row.kindAt > before)) continue;
    due.push(row);
    if (due.length === rowsAtOnce && !(await ask())) return;
  }
  if (due.length > 0) await ask();
}

async function writeChanged(
  rows: InventoryRows,
  organizationId: string,
  listed: readonly DirectoryMailbox[],
  seenAt: string,
): Promise<void> {
  const known = await rows.mailboxes(listed.map(({ userId }) => mailboxIdOf(organizationId, userId)));
  for (const { userId, address, displayName, kind, department } of listed) {
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
      ...(before?.kindAt === undefined ? {} : { kindAt: before.kindAt }),
      ...(department === undefined ? {} : { department }),
      status: 'active',
      seenAt,
    };
    if (before === undefined || !sameMailbox(before, row)) await rows.putMailbox(row);
  }
}

const sameMailbox = (a: Mailbox, b: Mailbox): boolean =>
  a.address === b.address &&
  a.displayName === b.displayName &&
  a.department === b.department &&
  a.kind === b.kind &&
  a.status === b.status &&
  a.userId === b.userId;

const groupRowId = (organizationId: string, groupId: string): string =>
  deterministicId('grp', organizationId, groupId);

async function refreshGroup(
  input: Pick<InventoryInput, 'organization' | 'directory' | 'rows'>,
  groupId: string,
  seenAt: string,
): Promise<void> {
  const { organization, directory, rows } = input;
  const displayName = await directory.groupName(groupId);
  const memberUserIds = await membersOf(directory, groupId, 'transitive');
  const directUserIds = await membersOf(directory, groupId, 'direct');
  const id = groupRowId(organization.id, groupId);
  const before = await rows.group(id);
  const row: Group = {
    id,
    organizationId: organization.id,
    groupId,
    displayName,
    memberUserIds,
    directUserIds,
    status: 'active',
    seenAt,
  };
  const same = before !== undefined && isDeepStrictEqual({ ...before, seenAt }, row);
  if (!same) await rows.putGroup(row);
}

async function membersOf(
  directory: Directory,
  groupId: string,
  members: 'direct' | 'transitive',
): Promise<string[]> {
  const userIds: string[] = [];
  for await (const page of directory.groupMembers(groupId, members)) userIds.push(...page);
  return userIds.sort();
}
