import { type Check, checkMailboxesListed, HoldfastError, type JsonObject } from '@holdfast/contracts';
import { textOf } from '../message/graphMessage.ts';
import { batchGet } from './batch.ts';
import { failure, success } from './checks.ts';
import { viaClient } from './graphClient.ts';
import type { GraphLine } from './line.ts';
import { nextLinkOf, rowsOf } from './paging.ts';

/** A user of the directory who may have a mailbox. */
export interface ListedUser {
  id: string;
  address: string;
}

/** Users looked at for choosing whom to try; a directory page has up to 999. */
const listedAtMost = 20_000;

const usersName = 'Users can be listed';

/** Users with a mail address, a bounded number, and the check of the directory. */
export async function listUsers(
  line: GraphLine,
): Promise<{ users: ListedUser[]; more: boolean; check: Check }> {
  const users: ListedUser[] = [];
  try {
    const what = 'listing users';
    let answer: JsonObject = await viaClient(line, what, (client) =>
      client.api('/users').select(['id', 'mail']).top(999).get(),
    );
    for (;;) {
      for (const user of rowsOf(answer)) {
        const address = textOf(user.mail);
        if (address !== '') users.push({ id: textOf(user.id), address });
      }
      const next = nextLinkOf(answer);
      if (next === undefined || users.length >= listedAtMost) break;
      answer = await viaClient(line, what, (client) => client.api(next).get());
    }
    const more = nextLinkOf(answer) !== undefined;
    if (users.length > 0)
      return { users, more, check: success('users', usersName, 'The directory answers.') };
    const meaning = 'The directory answers, but none of the users has a mail address.';
    const remedy = 'Check that this is the right tenant.';
    return { users, more, check: { code: 'users', name: usersName, result: 'warning', meaning, remedy } };
  } catch (error) {
    return {
      users: [],
      more: false,
      check: { ...failure('users', usersName, error), limits: ['backup', 'restore'] },
    };
  }
}

/** Evenly spread over the list, so that a part of the directory that is out of reach is met. */
export function spread<T>(list: readonly T[], count: number): T[] {
  if (list.length <= count) return [...list];
  return Array.from({ length: count }, (_, at) => list[Math.floor((at * list.length) / count)] as T);
}

/** What became of trying mailboxes. */
export interface Reach {
  readable: string[];
  refused: string[];
  /** Users without a mailbox in the cloud: no matter. */
  without: number;
  /** Trouble that says nothing about permissions. */
  troubled: string[];
  lastError: unknown;
}

/** Reads the inbox of each user, twenty to a request. */
export async function tryMailboxes(line: GraphLine, users: readonly ListedUser[]): Promise<Reach> {
  const reach: Reach = { readable: [], refused: [], without: 0, troubled: [], lastError: undefined };
  for (let at = 0; at < users.length; at += 20) {
    const chunk = users.slice(at, at + 20);
    const parts = chunk.map(({ id }) => ({
      id,
      url: `/users/${encodeURIComponent(id)}/mailFolders/inbox?$select=id`,
    }));
    const results = await batchGet(line, parts, 'trying mailboxes', false);
    for (const { id, address } of chunk) {
      const result = results.get(id);
      if (result === undefined || result.ok) {
        reach.readable.push(address);
        continue;
      }
      const { errorClass } = result.error;
      if (errorClass === 'permanent-mailbox' || errorClass === 'vanished') reach.without++;
      else {
        (errorClass === 'forbidden' ? reach.refused : reach.troubled).push(address);
        reach.lastError = result.error;
      }
    }
  }
  return reach;
}

const scopeRemedy =
  'If the application is meant for some mailboxes only, leave the others out of the jobs. Otherwise widen its management scope (RBAC for Applications) or the application access policy in Exchange Online; a change takes up to two hours.';

/** Which mailboxes the application reaches: a grant for a part of them is a warning that names the others. */
export function reachCheck(reach: Reach, listed: { users: number; more: boolean }): Check {
  const code = 'mailboxes';
  const name = 'Mailboxes in reach';
  const { readable, refused, without, troubled } = reach;
  const tried = readable.length + refused.length + without + troubled.length;
  const of =
    tried < listed.users || listed.more
      ? `of ${tried} tried (${listed.users}${listed.more ? ' or more' : ''} users)`
      : `of ${tried}`;
  const counts = `${readable.length} ${of} can be read`;
  const none = without > 0 ? `, ${without} have no mailbox in the cloud` : '';
  if (refused.length > 0) {
    return {
      code,
      name,
      result: readable.length === 0 ? 'failure' : 'warning',
      meaning: `${counts}, ${refused.length} are out of reach${none}.`,
      remedy: scopeRemedy,
      limits: ['backup', 'restore'],
      mailboxes: refused.slice(0, checkMailboxesListed),
    };
  }
  if (troubled.length > 0) {
    const cause = reach.lastError instanceof HoldfastError ? reach.lastError : undefined;
    return {
      code,
      name,
      result: 'warning',
      meaning: `${counts}, ${troubled.length} did not answer as they should${cause === undefined ? '' : `: ${cause.message}`}`,
      remedy: cause?.remedy ?? 'Verify again later.',
      mailboxes: troubled.slice(0, checkMailboxesListed),
    };
  }
  return success(code, name, `${counts}${none}.`);
}
