import { type Check, HoldfastError } from '@holdfast/contracts';
import type { Directory, DirectoryMailbox, MailboxConnector, MailboxRef } from '../ports.ts';
import { MemoryMailbox } from './memoryMailbox.ts';
import { MemoryReader } from './memoryReader.ts';
import { MemoryWriter } from './memoryWriter.ts';

/** An organization in memory: the same ports as the real connectors, and mutators for tests. */
export interface MemoryExchange extends MailboxConnector {
  addMailbox(input: {
    userId: string;
    address: string;
    displayName?: string;
    kind?: DirectoryMailbox['kind'];
    department?: string;
  }): MemoryMailbox;
  /** `directUserIds`: those that are in the group itself, all when absent. */
  addGroup(
    groupId: string,
    name: string,
    memberUserIds: readonly string[],
    directUserIds?: readonly string[],
  ): void;
  removeGroup(groupId: string): void;
  removeMailbox(userId: string): void;
  /** @throws when there is no such mailbox */
  mailbox(userId: string): MemoryMailbox;
  /** What `verify` answers. */
  checks: Check[];
  /** Listing the directory fails with this. */
  directoryFault: Error | undefined;
  /** Readers and writers that are open. */
  readonly openSessions: number;
  /** Readers and writers opened since the beginning. */
  readonly openedSessions: number;
}

interface Entry {
  listed: DirectoryMailbox;
  mailbox: MemoryMailbox;
}

interface World {
  entries: Map<string, Entry>;
  groups: Map<string, { name: string; members: string[]; direct: string[] }>;
  exchange: { checks: Check[]; directoryFault: Error | undefined };
}

const groupNotFound = (groupId: string): HoldfastError =>
  new HoldfastError('group-not-found', 'configuration', `There is no group ${groupId} in the directory.`, {
    remedy: 'Check the group of the job.',
  });

function memoryDirectory(world: World, pageSize: number): Directory {
  const group = (groupId: string) => {
    const found = world.groups.get(groupId);
    if (found === undefined) throw groupNotFound(groupId);
    return found;
  };
  const fault = () => {
    if (world.exchange.directoryFault !== undefined) throw world.exchange.directoryFault;
  };
  return {
    async *mailboxes() {
      await Promise.resolve();
      fault();
      const all = [...world.entries.values()].map((entry) => ({ ...entry.listed }));
      for (let at = 0; at === 0 || at < all.length; at += pageSize) yield all.slice(at, at + pageSize);
    },
    async *groupMembers(groupId, members = 'transitive') {
      await Promise.resolve();
      fault();
      const { direct, members: all } = group(groupId);
      yield [...(members === 'direct' ? direct : all)];
    },
    async findGroups(search, limit) {
      await Promise.resolve();
      fault();
      const wanted = search.trim().toLowerCase();
      return [...world.groups]
        .map(([groupId, { name }]) => ({ groupId, displayName: name }))
        .filter(({ displayName }) => displayName.toLowerCase().startsWith(wanted))
        .slice(0, limit);
    },
    async groupName(groupId) {
      await Promise.resolve();
      fault();
      return group(groupId).name;
    },
    async mailboxKinds(userIds) {
      await Promise.resolve();
      return new Map(userIds.map((id) => [id, world.entries.get(id)?.listed.kind ?? 'none']));
    },
    verify: () => Promise.resolve([...world.exchange.checks]),
  };
}

/** An organization with mailboxes in memory, for unit tests of services. */
export function memoryExchange(options: { directoryPageSize?: number } = {}): MemoryExchange {
  const entries = new Map<string, Entry>();
  const groups: World['groups'] = new Map();
  const sessions = { open: 0, opened: 0 };

  const open = (ref: MailboxRef): MemoryMailbox => {
    const entry = entries.get(ref.userId);
    if (entry === undefined) {
      throw new HoldfastError(
        'mailbox-not-found',
        'permanent-mailbox',
        `There is no mailbox ${ref.address} in Exchange.`,
        { remedy: 'Check whether the user still exists and has a mailbox in the cloud.' },
      );
    }
    if (entry.mailbox.faults.open !== undefined) throw entry.mailbox.faults.open;
    return entry.mailbox;
  };
  const tracked = <T extends { close(): Promise<void> }>(session: T): T => {
    sessions.open++;
    sessions.opened++;
    let closed = false;
    session.close = () => {
      if (!closed) sessions.open--;
      closed = true;
      return Promise.resolve();
    };
    return session;
  };

  const exchange: MemoryExchange = {
    checks: [
      {
        code: 'connection',
        name: 'Connection',
        result: 'success',
        meaning: 'The organization in memory answers.',
      },
    ],
    directoryFault: undefined,
    get openSessions() {
      return sessions.open;
    },
    get openedSessions() {
      return sessions.opened;
    },
    get directory() {
      return directory;
    },
    addMailbox({ userId, address, displayName, kind, department }) {
      const mailbox = new MemoryMailbox(userId, address);
      const listed = {
        userId,
        address,
        displayName: displayName ?? address,
        kind: kind ?? ('user' as const),
        ...(department === undefined ? {} : { department }),
      };
      entries.set(userId, { listed, mailbox });
      return mailbox;
    },
    addGroup(groupId, name, memberUserIds, directUserIds = memberUserIds) {
      groups.set(groupId, { name, members: [...memberUserIds], direct: [...directUserIds] });
    },
    removeGroup(groupId) {
      groups.delete(groupId);
    },
    removeMailbox(userId) {
      entries.delete(userId);
    },
    mailbox(userId) {
      const entry = entries.get(userId);
      if (entry === undefined) throw new Error(`the memory organization has no mailbox ${userId}`);
      return entry.mailbox;
    },
    reader: async (ref, options) => tracked(new MemoryReader(await Promise.resolve(open(ref)), options)),
    writer: async (ref, { signal }) => tracked(new MemoryWriter(await Promise.resolve(open(ref)), signal)),
    close: () => Promise.resolve(),
  };
  const directory = memoryDirectory({ entries, groups, exchange }, options.directoryPageSize ?? 100);
  return exchange;
}
