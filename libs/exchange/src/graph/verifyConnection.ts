import { type Check, HoldfastError, type JsonObject } from '@holdfast/contracts';
import { objectOf, textOf } from '../message/graphMessage.ts';
import { viaClient } from './graphClient.ts';
import type { GraphLine } from './line.ts';
import { rowsOf } from './paging.ts';

interface PermissionRow {
  /** Any of these will do. */
  permissions: readonly string[];
  /** What does not work without it. */
  limits: string;
  missing: 'failure' | 'warning';
}

/** Application permissions of Microsoft Graph and the job kinds they carry. */
export const permissionTable: readonly PermissionRow[] = [
  {
    permissions: ['User.Read.All', 'User.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
    limits: 'no mailbox can be listed: needed by every job',
    missing: 'failure',
  },
  {
    permissions: [
      'GroupMember.Read.All',
      'GroupMember.ReadWrite.All',
      'Group.Read.All',
      'Group.ReadWrite.All',
      'Directory.Read.All',
      'Directory.ReadWrite.All',
    ],
    limits: 'jobs cannot choose mailboxes by group',
    missing: 'warning',
  },
  {
    permissions: ['Mail.Read', 'Mail.ReadWrite'],
    limits: 'no mail can be read: needed by backup jobs',
    missing: 'failure',
  },
  {
    permissions: ['Mail.ReadWrite'],
    limits: 'mail can be backed up and exported, but not restored into mailboxes',
    missing: 'warning',
  },
  {
    permissions: ['MailboxSettings.Read', 'MailboxSettings.ReadWrite'],
    limits: 'shared, room and equipment mailboxes are shown as of unknown kind',
    missing: 'warning',
  },
];

/** Certificates are refused from 5 minutes on, tokens from about as much. */
const skewFailureMs = 5 * 60_000;
const skewWarningMs = 60_000;

const success = (name: string, meaning: string): Check => ({ name, result: 'success', meaning });

function failure(name: string, error: unknown): Check {
  if (error instanceof HoldfastError) {
    const remedy = error.remedy === undefined ? {} : { remedy: error.remedy };
    return { name, result: 'failure', meaning: error.message, ...remedy };
  }
  const meaning = error instanceof Error ? error.message : String(error);
  return {
    name,
    result: 'failure',
    meaning,
    remedy: 'This is a defect of Holdfast: please report it with the log lines around it.',
  };
}

/** Names of the application permissions in a token; diagnosis only, so nothing is verified. */
export function rolesOf(token: string): string[] {
  try {
    const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8');
    const { roles } = objectOf(JSON.parse(payload));
    return Array.isArray(roles) ? roles.map(String) : [];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

/**
 * One check a row. Permissions granted by RBAC for Applications are no Entra grants and stand in no token, so a
 * mailbox that could be read turns a missing `Mail.Read` into a remark.
 */
export function permissionChecks(roles: readonly string[], mailboxReadable: boolean): Check[] {
  return permissionTable.map((row) => {
    const [least = ''] = row.permissions;
    const name = `Permission ${least}${least === 'Mail.Read' ? ' or Mail.ReadWrite' : ''}`;
    const granted = row.permissions.find((permission) => roles.includes(permission));
    if (granted !== undefined) return success(name, `${granted} is granted.`);
    const remedy = `Add the application permission ${least} of Microsoft Graph and give administrator consent.`;
    if (row.permissions.includes('Mail.Read') && mailboxReadable) {
      const meaning = 'Not granted for the whole tenant, but a mailbox can be read (RBAC for Applications).';
      return {
        name,
        result: 'warning',
        meaning,
        remedy: `Nothing to do if this is meant. Otherwise: ${remedy}`,
      };
    }
    return { name, result: row.missing, meaning: `Missing: ${row.limits}.`, remedy };
  });
}

/** The clock of this machine against the service's. */
export function clockCheck(serviceDate: string | undefined, nowMs: number): Check {
  const name = 'Clock';
  const service = Date.parse(serviceDate ?? '');
  if (Number.isNaN(service)) {
    return { name, result: 'warning', meaning: 'Microsoft Graph sent no time to compare with.' };
  }
  const skewMs = Math.abs(service - nowMs);
  const seconds = Math.round(skewMs / 1000);
  if (skewMs < skewWarningMs) return success(name, `The clock differs by ${seconds} s from Microsoft's.`);
  return {
    name,
    result: skewMs >= skewFailureMs ? 'failure' : 'warning',
    meaning: `The clock of this machine differs by ${seconds} s from Microsoft's.`,
    remedy: 'Synchronise the clock (NTP): sign-in by certificate and token lifetimes depend on it.',
  };
}

interface Probe {
  check: Check;
  /** Time that the service sent with the answer. */
  date?: string | undefined;
}

async function firstUsers(line: GraphLine): Promise<{ users: JsonObject[]; check: Check }> {
  const name = 'Users can be listed';
  try {
    const answer: JsonObject = await viaClient(line, 'listing users', (client) =>
      client.api('/users').select(['id', 'mail']).top(25).get(),
    );
    const users = rowsOf(answer).filter((user) => textOf(user.mail) !== '');
    if (users.length > 0) return { users, check: success(name, 'The directory answers.') };
    const meaning = 'The directory answers, but none of the first users has a mail address.';
    return {
      users,
      check: {
        name,
        result: 'warning',
        meaning,
        remedy: 'Check that this is the right tenant.',
      },
    };
  } catch (error) {
    return { users: [], check: failure(name, error) };
  }
}

/** Reads the inbox of the first user that has a mailbox; users without one are normal. */
async function readableMailbox(line: GraphLine, users: readonly JsonObject[]): Promise<Probe> {
  const name = 'A mailbox can be read';
  let last: Check = {
    name,
    result: 'warning',
    meaning: 'No user with a mail address was found, so no mailbox could be tried.',
    remedy: 'Check that this is the right tenant.',
  };
  for (const user of users.slice(0, 10)) {
    try {
      const url = `/users/${encodeURIComponent(textOf(user.id))}/mailFolders/inbox?$select=id`;
      const date = await line.perform(
        { url, what: `reading the inbox of ${textOf(user.mail)}` },
        async (answer) => {
          await answer.body.dump();
          return [answer.headers.date].flat()[0];
        },
      );
      return { check: success(name, `The inbox of ${textOf(user.mail)} was read.`), date };
    } catch (error) {
      last = failure(name, error);
      const noMailbox = error instanceof HoldfastError && error.errorClass === 'permanent-mailbox';
      if (noMailbox) last = { ...last, result: 'warning' };
      else if (!(error instanceof HoldfastError && error.errorClass === 'forbidden')) break;
    }
  }
  return { check: last };
}

/**
 * Named checks of a connection: sign-in service, credentials, directory, permissions, a mailbox, the clock. Never
 * throws for what a check can say; what cannot be tried after a failure is left out.
 */
export async function verifyConnection(line: GraphLine): Promise<Check[]> {
  const checks: Check[] = [];
  const reachable = 'Sign-in service reachable';
  const accepted = 'Credentials accepted';
  let token: string;
  try {
    token = await line.deps.tokens.token();
  } catch (error) {
    const unreachable =
      error instanceof HoldfastError &&
      (error.code === 'sign-in-unreachable' || error.code === 'certificate-not-trusted');
    if (!unreachable) checks.push(success(reachable, 'Microsoft Entra answers.'));
    return [...checks, failure(unreachable ? reachable : accepted, error)];
  }
  checks.push(success(reachable, 'Microsoft Entra answers.'));
  checks.push(success(accepted, 'The application can sign in.'));
  const { users, check } = await firstUsers(line);
  checks.push(check);
  const probe = await readableMailbox(line, users);
  checks.push(...permissionChecks(rolesOf(token), probe.check.result === 'success'), probe.check);
  if (probe.date !== undefined) checks.push(clockCheck(probe.date, line.deps.clock.now()));
  return checks;
}
