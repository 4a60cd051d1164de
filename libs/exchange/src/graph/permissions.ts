import type { Check } from '@holdfast/contracts';
import { objectOf } from '../message/graphMessage.ts';
import { success } from './checks.ts';

/** What the application of a connection is for. */
export type ConnectionRole = 'both' | 'backup' | 'restore';

interface PermissionRow {
  /** Any of these will do. */
  permissions: readonly string[];
  /** What does not work without it. */
  meaning: string;
  limits: NonNullable<Check['limits']>;
  missing: 'failure' | 'warning';
  /** Only such an application needs it. */
  roles: readonly ConnectionRole[];
}

const listUsers = ['User.Read.All', 'User.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'];

/** Application permissions of Microsoft Graph and the kinds of work they carry. */
export const permissionTable: readonly PermissionRow[] = [
  {
    permissions: listUsers,
    meaning: 'no mailbox can be listed: needed by every job',
    limits: ['backup', 'restore'],
    missing: 'failure',
    roles: ['both', 'backup'],
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
    meaning: 'jobs cannot choose mailboxes by group',
    limits: ['groups'],
    missing: 'warning',
    roles: ['both', 'backup'],
  },
  {
    permissions: ['Mail.Read', 'Mail.ReadWrite'],
    meaning: 'no mail can be read: needed by backup jobs',
    limits: ['backup'],
    missing: 'failure',
    roles: ['both', 'backup'],
  },
  {
    permissions: ['Mail.ReadWrite'],
    meaning: 'mail can be backed up and exported, but not restored into mailboxes',
    limits: ['restore'],
    missing: 'warning',
    roles: ['both'],
  },
  {
    permissions: ['Mail.ReadWrite'],
    meaning: 'this application cannot restore mail into mailboxes, and it is there for nothing else',
    limits: ['restore'],
    missing: 'failure',
    roles: ['restore'],
  },
  {
    permissions: ['MailboxSettings.Read', 'MailboxSettings.ReadWrite'],
    meaning:
      'shared, room and equipment mailboxes are shown as of unknown kind, and rules cannot choose by type',
    limits: ['mailbox-types'],
    missing: 'warning',
    roles: ['both', 'backup'],
  },
];

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
export function permissionChecks(
  granted: readonly string[],
  mailboxReadable: boolean,
  role: ConnectionRole = 'both',
): Check[] {
  return permissionTable.flatMap((row) =>
    row.roles.includes(role) ? [checkOf(row, granted, mailboxReadable)] : [],
  );
}

function checkOf(row: PermissionRow, granted: readonly string[], mailboxReadable: boolean): Check {
  const [least = ''] = row.permissions;
  const code = `permission.${least}`;
  const name = `Permission ${least}${least === 'Mail.Read' ? ' or Mail.ReadWrite' : ''}`;
  const found = row.permissions.find((permission) => granted.includes(permission));
  if (found !== undefined) return success(code, name, `${found} is granted.`);
  const { limits } = row;
  const remedy = `Add the application permission ${least} of Microsoft Graph and give administrator consent.`;
  const isMail = least.startsWith('Mail.');
  if (isMail && mailboxReadable && (least === 'Mail.Read' || row.missing === 'failure')) {
    const meaning =
      least === 'Mail.Read'
        ? 'Not granted for the whole tenant, but a mailbox can be read (RBAC for Applications).'
        : 'Not granted for the whole tenant, but a mailbox can be read (RBAC for Applications); whether it may be written to shows at the first restore.';
    return {
      code,
      name,
      result: 'warning',
      meaning,
      limits,
      remedy: `Nothing to do if this is meant. Otherwise: ${remedy}`,
    };
  }
  return { code, name, result: row.missing, meaning: `Missing: ${row.meaning}.`, limits, remedy };
}
