import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';

/** Ids travel in NATS subjects and KV keys, so they are made of these characters only. */
export const idSchema = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, _ or -');

/** A new random id such as `job-4f0c9a1be2d3`. */
export function newId(prefix: string): string {
  return `${prefix}-${randomBytes(6).toString('hex')}`;
}

/**
 * An id that is the same whenever the same parts are given: the base of idempotent handlers.
 * 24 hex characters of SHA-256 over the parts.
 */
export function deterministicId(prefix: string, ...parts: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 24);
  return prefix === '' ? hash : `${prefix}-${hash}`;
}

/** Id of a mailbox in the control data: stable for an organization and the directory's object id. */
export const mailboxIdOf = (organizationId: string, userId: string): string =>
  deterministicId('mbx', organizationId, userId);

/** Identity of a mailbox inside a repository: knows nothing of the control data, so it survives its loss. */
export const mailboxIdentityOf = (tenantId: string, userId: string): string =>
  `graph:${tenantId.toLowerCase()}:${userId.toLowerCase()}`;

/** Id of the task of a run for a mailbox. */
export const taskIdOf = (runId: string, mailboxId: string): string => `${runId}.${mailboxId}`;

/** Id of the restore point that a run makes of a mailbox: the same on every attempt. */
export const pointIdOf = (runId: string, mailboxId: string): string =>
  deterministicId('', 'point', runId, mailboxId);

/** Id of the head record of a mailbox in a repository. */
export const headIdOf = (repositoryId: string, mailboxId: string): string => `${repositoryId}.${mailboxId}`;
