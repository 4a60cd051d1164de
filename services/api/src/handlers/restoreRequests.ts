import {
  idSchema,
  type Mailbox,
  type RestoreInput,
  type RestorePointRecord,
  type RestoreSession,
  restoreInputSchema,
  restoreSessionSchema,
} from '@holdfast/contracts';
import { AlreadyExists, modify } from '@holdfast/store';
import { z } from 'zod';
import { idempotencyHeader, keyReused, requestedId } from '../domain/idempotency.ts';
import { type RestoreFacts, requestedRestore } from '../domain/requestedRestore.ts';
import { Conflict } from '../errors.ts';
import { etagOf } from '../http/etag.ts';
import { type Route, route } from '../http/route.ts';
import type { ApiPorts } from '../ports.ts';
import { announce } from './announcements.ts';
import { lookUp } from './lookUp.ts';

const tag = 'restores';
// 10,000 items by folder id and key, each up to some 150 characters.
const bodyLimitBytes = 4 * 1024 * 1024;
const newestScan = 200;
const cancellable: readonly RestoreSession['state'][] = ['requested', 'running'];

/** The newest complete point; checkpoints of an unfinished run may be newer, but not two hundred of them. */
async function newestPoint(ports: ApiPorts, input: RestoreInput): Promise<RestorePointRecord | undefined> {
  const page = await ports.collections.restorePoints.find({
    where: { repositoryId: input.repositoryId, mailboxId: input.mailboxId },
    sort: { field: 'time', order: 'desc' },
    limit: newestScan,
  });
  return page.items.find(({ doc }) => doc.kind === 'full')?.doc;
}

/** The named point; `<repositoryId>.<pointId>`, as lists show it, is taken as well. */
async function namedPoint(
  ports: ApiPorts,
  input: RestoreInput,
  pointId: string,
): Promise<RestorePointRecord | undefined> {
  const prefix = `${input.repositoryId}.`;
  const id = pointId.startsWith(prefix) ? pointId : `${prefix}${pointId}`;
  const point = (await ports.collections.restorePoints.get(id))?.doc;
  return point?.mailboxId === input.mailboxId ? point : undefined;
}

async function mailboxByAddress(
  ports: ApiPorts,
  organizationId: string,
  address: string,
): Promise<Mailbox | undefined> {
  for (const spelling of new Set([address, address.toLowerCase()])) {
    const where = { organizationId, address: spelling };
    const page = await ports.collections.mailboxes.find({ where, limit: 100 });
    const found = page.items.find(({ doc }) => doc.status === 'active') ?? page.items[0];
    if (found !== undefined) return found.doc;
  }
  return undefined;
}

async function gatherFacts(ports: ApiPorts, input: RestoreInput): Promise<RestoreFacts> {
  const { mailboxes, repositories, organizations } = ports.collections;
  const mailbox = (await mailboxes.get(input.mailboxId))?.doc;
  const point = await (input.pointId === undefined
    ? newestPoint(ports, input)
    : namedPoint(ports, input, input.pointId));
  const organizationId = mailbox?.organizationId ?? point?.organizationId;
  const wanted = input.target.mailboxAddress;
  return {
    input,
    mailbox,
    point,
    repositoryKnown: (await repositories.get(input.repositoryId)) !== undefined,
    organizationKnown:
      organizationId !== undefined && (await organizations.get(organizationId)) !== undefined,
    target:
      wanted === undefined || organizationId === undefined
        ? undefined
        : await mailboxByAddress(ports, organizationId, wanted),
  };
}

/** Writes the session, or finds the one that an earlier request with the same key made. */
async function insertOnce(
  ports: ApiPorts,
  session: RestoreSession,
): Promise<{ session: RestoreSession; made: boolean }> {
  try {
    await ports.collections.restoreSessions.insert(session);
    return { session, made: true };
  } catch (error) {
    const earlier =
      error instanceof AlreadyExists ? await ports.collections.restoreSessions.get(session.id) : undefined;
    if (earlier === undefined) throw error;
    if (etagOf(earlier.doc.input) !== etagOf(session.input)) throw keyReused();
    return { session: earlier.doc, made: false };
  }
}

/** Offers the task to the workers. The session is in the store: what is lost here is found there. */
async function offer(ports: ApiPorts, session: RestoreSession): Promise<void> {
  try {
    await ports.publishRestore({ sessionId: session.id }, session.pool);
  } catch (error) {
    ports.logger.warn({ error, sessionId: session.id }, 'the task of a restore will be found in the store');
  }
}

const start = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/restores',
    operationId: 'startRestore',
    tag,
    summary: 'Put a mailbox, folders or items back as they were at a restore point',
    description: 'Nothing is sent to anybody, nothing is overwritten, and a repeat makes no duplicates.',
    body: restoreInputSchema,
    bodyLimitBytes,
    headers: [idempotencyHeader],
    responses: {
      201: { description: 'Requested; a restore worker takes it', schema: restoreSessionSchema },
      200: { description: 'Requested before with the same Idempotency-Key', schema: restoreSessionSchema },
    },
    async handler({ body, caller, header }) {
      const id = requestedId('restore', header('idempotency-key'), caller.tokenId);
      const at = new Date(ports.clock.now()).toISOString();
      const facts = await gatherFacts(ports, body);
      const wanted = requestedRestore(facts, { id, by: caller.name, at, pool: ports.pool });
      const { session, made } = await insertOnce(ports, wanted);
      await announce(ports, 'restore.requested', session.id, session.id, {
        sessionId: session.id,
        organizationId: session.organizationId,
        mailboxId: session.input.mailboxId,
        requestedBy: session.requestedBy,
      });
      // Not waited for: a broker that is away must not keep the caller waiting for what the store has.
      if (session.state === 'requested') void offer(ports, session);
      return { status: made ? 201 : 200, body: session, headers: { location: `restores/${session.id}` } };
    },
  });

const cancel = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/restores/{sessionId}/cancel',
    operationId: 'cancelRestore',
    tag,
    summary: 'End a restore after the item in hand; what was put back stays',
    params: z.object({ sessionId: idSchema }),
    responses: { 202: { description: 'Ending', schema: restoreSessionSchema } },
    async handler({ params: { sessionId } }) {
      const { restoreSessions } = ports.collections;
      const { doc } = await lookUp(restoreSessions, 'restore session', sessionId);
      const written = await modify(restoreSessions, sessionId, (session) =>
        cancellable.includes(session.state) ? { ...session, cancelRequested: true } : undefined,
      );
      if (written === undefined) {
        const state = (await restoreSessions.get(sessionId))?.doc.state ?? doc.state;
        throw new Conflict(
          'restore-ended',
          `the restore is ${state}`,
          'Only a restore at work can be cancelled.',
        );
      }
      return { body: written.doc };
    },
  });

export const restoreRequestRoutes = (ports: ApiPorts): Route[] => [start, cancel].map((make) => make(ports));
