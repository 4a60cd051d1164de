import { type Check, HoldfastError, type JsonObject } from '@holdfast/contracts';
import { textOf } from '../message/graphMessage.ts';
import type { Directory, DirectoryGroup, DirectoryMailbox, VerifyOptions } from '../ports.ts';
import { batchGet } from './batch.ts';
import { viaClient } from './graphClient.ts';
import type { GraphLine } from './line.ts';
import { nextLinkOf, rowsOf } from './paging.ts';

/** A line of the directory for one call, cancelled by the caller's signal. */
export type DirectoryLine = (signal?: AbortSignal) => GraphLine;

const userFields = ['id', 'userPrincipalName', 'mail', 'displayName', 'userType', 'department'];

/**
 * Leaves out guests without losing old accounts whose userType is null; needs the eventual consistency header and
 * a count. Neither licence nor accountEnabled say anything: shared mailboxes have neither.
 */
const noGuests = "onPremisesSyncEnabled eq true OR userType ne 'Guest'";

function mailboxOf(user: JsonObject): DirectoryMailbox | undefined {
  const address = textOf(user.mail);
  if (address === '' || textOf(user.id) === '') return undefined;
  return {
    userId: textOf(user.id),
    address,
    displayName: textOf(user.displayName) || address,
    kind: 'unknown',
    ...(textOf(user.department) === '' ? {} : { department: textOf(user.department) }),
  };
}

async function* mailboxes(line: GraphLine): AsyncGenerator<DirectoryMailbox[]> {
  const what = 'listing users';
  let answer: JsonObject = await viaClient(line, what, (client) =>
    client
      .api('/users')
      .header('ConsistencyLevel', 'eventual')
      .select(userFields)
      .filter(noGuests)
      .count(true)
      .top(999)
      .get(),
  );
  for (;;) {
    yield rowsOf(answer).flatMap((user) => mailboxOf(user) ?? []);
    const next = nextLinkOf(answer);
    if (next === undefined) return;
    answer = await viaClient(line, what, (client) =>
      client.api(next).header('ConsistencyLevel', 'eventual').get(),
    );
  }
}

async function ofGroup<T>(groupId: string, request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    const missing = ['user-not-found', 'item-vanished', 'no-cloud-mailbox'];
    const refused = ['request-refused'];
    if (error instanceof HoldfastError && [...missing, ...refused].includes(error.code)) {
      throw new HoldfastError(
        'group-not-found',
        'configuration',
        `There is no group ${groupId} in the directory.`,
        { remedy: 'Choose the group of the job again; it may have been deleted.', cause: error },
      );
    }
    throw error;
  }
}

async function* groupMembers(
  line: GraphLine,
  groupId: string,
  members: 'direct' | 'transitive',
): AsyncGenerator<string[]> {
  const list = members === 'direct' ? 'members' : 'transitiveMembers';
  const what = 'listing the members of a group';
  let answer: JsonObject = await ofGroup(groupId, () =>
    viaClient(line, what, (client) =>
      client
        .api(`/groups/${encodeURIComponent(groupId)}/${list}`)
        .select(['id'])
        .top(999)
        .get(),
    ),
  );
  for (;;) {
    // Members are of many kinds: devices, contacts, nested groups.
    yield rowsOf(answer)
      .filter((member) => textOf(member['@odata.type']).toLowerCase() === '#microsoft.graph.user')
      .map((member) => textOf(member.id));
    const next = nextLinkOf(answer);
    if (next === undefined) return;
    answer = await viaClient(line, what, (client) => client.api(next).get());
  }
}

async function findGroups(line: GraphLine, search: string, limit: number): Promise<DirectoryGroup[]> {
  const text = search.trim().replaceAll("'", "''");
  const answer: JsonObject = await viaClient(line, 'looking for groups', (client) => {
    const request = client.api('/groups').select(['id', 'displayName', 'mail']).top(limit);
    return (text === '' ? request : request.filter(`startswith(displayName,'${text}')`)).get();
  });
  return rowsOf(answer)
    .slice(0, limit)
    .map((group) => ({
      groupId: textOf(group.id),
      displayName: textOf(group.displayName) || textOf(group.id),
      ...(textOf(group.mail) === '' ? {} : { address: textOf(group.mail) }),
    }));
}

const kinds = new Set(['user', 'shared', 'room', 'equipment']);

async function mailboxKinds(
  line: GraphLine,
  userIds: readonly string[],
): Promise<Map<string, DirectoryMailbox['kind'] | 'none'>> {
  const found = new Map<string, DirectoryMailbox['kind'] | 'none'>();
  // One chunk at a time, so that a missing permission costs one batch and not hundreds.
  for (let at = 0; at < userIds.length; at += 20) {
    const parts = userIds.slice(at, at + 20).map((id) => ({
      id,
      url: `/users/${encodeURIComponent(id)}/mailboxSettings/userPurpose`,
    }));
    let forbidden = 0;
    for (const [id, result] of await batchGet(line, parts, 'asking for the kind of mailboxes', false)) {
      if (result.ok) {
        const purpose = textOf(result.body.value).toLowerCase();
        found.set(id, kinds.has(purpose) ? (purpose as DirectoryMailbox['kind']) : 'unknown');
      } else {
        if (result.error.errorClass === 'forbidden') forbidden++;
        found.set(id, result.error.errorClass === 'permanent-mailbox' ? 'none' : 'unknown');
      }
    }
    if (forbidden === parts.length) break;
  }
  for (const id of userIds) if (!found.has(id)) found.set(id, 'unknown');
  return found;
}

/** The directory of an organization, by Microsoft Graph. */
export function graphDirectory(
  openLine: DirectoryLine,
  verify: (options: VerifyOptions) => Promise<Check[]>,
): Directory {
  return {
    mailboxes: (signal) => mailboxes(openLine(signal)),
    groupMembers: (groupId, members = 'transitive', signal) =>
      groupMembers(openLine(signal), groupId, members),
    async groupName(groupId) {
      const line = openLine();
      const group: JsonObject = await ofGroup(groupId, () =>
        viaClient(line, 'reading a group', (client) =>
          client
            .api(`/groups/${encodeURIComponent(groupId)}`)
            .select(['id', 'displayName'])
            .get(),
        ),
      );
      return textOf(group.displayName) || groupId;
    },
    mailboxKinds: (userIds, signal) => mailboxKinds(openLine(signal), userIds),
    findGroups: (search, limit) => findGroups(openLine(), search, limit),
    verify: (options = {}) => verify(options),
  };
}
