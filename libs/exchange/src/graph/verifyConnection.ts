import { type Check, HoldfastError } from '@holdfast/contracts';
import type { ReaderStatistics } from '../ports.ts';
import { failure, success } from './checks.ts';
import { credentialEnd, expiryCheck, unknownExpiry } from './credentialExpiry.ts';
import type { ConnectorCredential } from './credentials.ts';
import type { GraphLine } from './line.ts';
import { type ListedUser, listUsers, type Reach, reachCheck, spread, tryMailboxes } from './mailboxReach.ts';
import { type ConnectionRole, permissionChecks, rolesOf } from './permissions.ts';

/** What is known of the connection beside the line. */
export interface VerifyInput {
  clientId: string;
  credential: ConnectorCredential;
  /** What the application is for; both when absent. */
  role?: ConnectionRole | undefined;
  /** Mailboxes tried at most, spread over the directory. */
  mailboxes?: number | undefined;
  /** End of the secret as a user entered it, for when Microsoft does not tell. */
  secretExpiresAt?: string | undefined;
}

/** 25 requests: a few seconds, and a share of a large directory that shows a grant for some departments only. */
const defaultMailboxes = 500;

/** Certificates are refused from 5 minutes on, tokens from about as much. */
const skewFailureMs = 5 * 60_000;
const skewWarningMs = 60_000;

/** The clock of this machine against the service's. */
export function clockCheck(serviceDate: string | undefined, nowMs: number): Check {
  const [code, name] = ['clock', 'Clock'];
  const service = Date.parse(serviceDate ?? '');
  if (Number.isNaN(service)) {
    return { code, name, result: 'warning', meaning: 'Microsoft Graph sent no time to compare with.' };
  }
  const skewMs = Math.abs(service - nowMs);
  const seconds = Math.round(skewMs / 1000);
  if (skewMs < skewWarningMs)
    return success(code, name, `The clock differs by ${seconds} s from Microsoft's.`);
  return {
    code,
    name,
    result: skewMs >= skewFailureMs ? 'failure' : 'warning',
    meaning: `The clock of this machine differs by ${seconds} s from Microsoft's.`,
    remedy: 'Synchronise the clock (NTP): sign-in by certificate and token lifetimes depend on it.',
  };
}

/** Whether Microsoft's limits leave room: what this verification met by itself. */
export function headroomCheck({ requests, throttledMs }: ReaderStatistics, tookMs: number): Check {
  const [code, name] = ['headroom', 'Throttling headroom'];
  const seconds = (Math.round(tookMs / 100) / 10).toFixed(1);
  if (throttledMs === 0) {
    return success(code, name, `None of ${requests} requests in ${seconds} s was throttled.`);
  }
  return {
    code,
    name,
    result: 'warning',
    meaning: `Microsoft made ${requests} requests wait for ${Math.ceil(throttledMs / 1000)} s: its limits are in use already.`,
    remedy:
      'Runs go on, but slower. Look whether another product signs in as the same application (limits count for an application and mailbox), and give Holdfast one of its own.',
  };
}

interface Probe {
  check: Check;
  /** Time that the service sent with the answer. */
  date?: string | undefined;
}

/** Reads the inbox of the first user that has a mailbox; users without one are normal. */
async function readableMailbox(line: GraphLine, users: readonly ListedUser[]): Promise<Probe> {
  const [code, name] = ['probe-mailbox', 'A mailbox can be read'];
  let last: Check = {
    code,
    name,
    result: 'warning',
    meaning: 'No user with a mail address was found, so no mailbox could be tried.',
    remedy: 'Check that this is the right tenant.',
  };
  for (const user of users.slice(0, 10)) {
    try {
      const url = `/users/${encodeURIComponent(user.id)}/mailFolders/inbox?$select=id`;
      const what = `reading the inbox of ${user.address}`;
      const date = await line.perform({ url, what }, async (answer) => {
        await answer.body.dump();
        return [answer.headers.date].flat()[0];
      });
      return { check: success(code, name, `The inbox of ${user.address} was read.`), date };
    } catch (error) {
      last = { ...failure(code, name, error), limits: ['backup', 'restore'] };
      const noMailbox = error instanceof HoldfastError && error.errorClass === 'permanent-mailbox';
      if (noMailbox) last = { ...last, result: 'warning' };
      else if (!(error instanceof HoldfastError && error.errorClass === 'forbidden')) break;
    }
  }
  return { check: last };
}

/** What the probe alone could not see: with a grant for a part of the mailboxes the first ones may be outside. */
function probeAgain(probe: Check, readable: readonly string[]): Check {
  const [found] = readable;
  if (probe.result === 'success' || found === undefined) return probe;
  return success(probe.code, probe.name, `The inbox of ${found} was read.`);
}

/** What goes wrong with all of them at once says nothing about permissions either. */
async function reachOf(line: GraphLine, users: readonly ListedUser[]): Promise<Reach> {
  try {
    return await tryMailboxes(line, users);
  } catch (error) {
    const troubled = users.map(({ address }) => address);
    return { readable: [], refused: [], without: 0, troubled, lastError: error };
  }
}

/**
 * Named checks of a connection: sign-in service, credentials and their end, directory, permissions, a mailbox, all
 * mailboxes (a share of a large directory), throttling, the clock. Never throws for what a check can say; what cannot
 * be tried after a failure is left out.
 */
export async function verifyConnection(line: GraphLine, input: VerifyInput): Promise<Check[]> {
  const { tokens, clock, statistics } = line.deps;
  const startedAt = clock.now();
  const authority = ['authority', 'Sign-in service reachable'] as const;
  const accepted = ['credentials', 'Credentials accepted'] as const;
  const isUp = success(...authority, 'Microsoft Entra answers.');
  let token: string;
  try {
    token = await tokens.token();
  } catch (error) {
    const unreachable =
      error instanceof HoldfastError &&
      (error.code === 'sign-in-unreachable' || error.code === 'certificate-not-trusted');
    const [code, name] = unreachable ? authority : accepted;
    const failed = failure(code, name, error);
    return [...(unreachable ? [] : [isUp]), { ...failed, limits: ['backup', 'restore'] }];
  }
  const checks: Check[] = [isUp, success(...accepted, 'The application can sign in.')];
  const end = (await credentialEnd(line, input.clientId, input.credential)) ?? input.secretExpiresAt;
  checks.push(end === undefined ? unknownExpiry() : expiryCheck(input.credential.kind, end, clock.now()));
  const { users, more, check } = await listUsers(line);
  checks.push(check);
  const probe = await readableMailbox(line, users);
  const reach = await reachOf(line, spread(users, input.mailboxes ?? defaultMailboxes));
  const readable = probeAgain(probe.check, reach.readable);
  checks.push(...permissionChecks(rolesOf(token), readable.result === 'success', input.role), readable);
  if (users.length > 0) checks.push(reachCheck(reach, { users: users.length, more }));
  checks.push(headroomCheck(statistics, clock.now() - startedAt));
  if (probe.date !== undefined) checks.push(clockCheck(probe.date, clock.now()));
  return checks;
}
