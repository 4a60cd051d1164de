import {
  idSchema,
  type Mailbox,
  type RestoreInput,
  type RestorePart,
  type RestorePointRecord,
  type RestoreSession,
  restoreInputSchema,
  restoreSessionSchema,
} from '@holdfast/contracts';
import { AlreadyExists, insertIfAbsent } from '@holdfast/store';
import { idempotencyHeader, keyReused, requestedId } from '../domain/idempotency.ts';
import {
  type RestoreFacts,
  type RestoreSource,
  requestedRestore,
  type SourceFacts,
  sourcesOf,
  targetOrganizationOf,
} from '../domain/requestedRestore.ts';
import { etagOf } from '../http/etag.ts';
import { type Route, route } from '../http/route.ts';
import type { ApiPorts } from '../ports.ts';
import { announce } from './announcements.ts';

const tag = 'restores';
// 10,000 items by folder id and key, each up to some 150 characters.
export const bodyLimitBytes = 6 * 1024 * 1024;
const newestScan = 200;

/** The newest complete point, not younger than asked; checkpoints may be newer, but not two hundred of them. */
async function newestPoint(
  ports: ApiPorts,
  { repositoryId, asOf }: RestoreInput,
  mailboxId: string,
): Promise<RestorePointRecord | undefined> {
  const page = await ports.collections.restorePoints.find({
    where: { repositoryId, mailboxId, ...(asOf === undefined ? {} : { time: { lte: asOf } }) },
    sort: { field: 'time', order: 'desc' },
    limit: newestScan,
  });
  return page.items.find(({ doc }) => doc.kind === 'full')?.doc;
}

/** The named point; `<repositoryId>.<pointId>`, as lists show it, is taken as well. */
async function namedPoint(
  ports: ApiPorts,
  { repositoryId }: RestoreInput,
  { mailboxId, pointId = '' }: RestoreSource,
): Promise<RestorePointRecord | undefined> {
  const prefix = `${repositoryId}.`;
  const id = pointId.startsWith(prefix) ? pointId : `${prefix}${pointId}`;
  const point = (await ports.collections.restorePoints.get(id))?.doc;
  return point?.mailboxId === mailboxId ? point : undefined;
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

async function sourceFacts(
  ports: ApiPorts,
  input: RestoreInput,
  source: RestoreSource,
): Promise<SourceFacts> {
  const mailbox = (await ports.collections.mailboxes.get(source.mailboxId))?.doc;
  const point = await (source.pointId === undefined
    ? newestPoint(ports, input, source.mailboxId)
    : namedPoint(ports, input, source));
  return { source, mailbox, point };
}

/** What the control data knows of a request. */
export async function gatherFacts(
  ports: ApiPorts,
  kind: RestoreFacts['kind'],
  input: RestoreInput,
): Promise<RestoreFacts> {
  const sources: SourceFacts[] = [];
  for (const source of sourcesOf(input)) sources.push(await sourceFacts(ports, input, source));
  const inQuestion = new Set(sources.flatMap((source) => targetOrganizationOf(input, source) ?? []));
  const organizations = new Set<string>();
  for (const id of inQuestion) {
    if ((await ports.collections.organizations.get(id)) !== undefined) organizations.add(id);
  }
  const [organizationId] = inQuestion;
  const wanted = input.target.mailboxAddress;
  return {
    ...{ kind, input, sources, organizations },
    repositoryKnown: (await ports.collections.repositories.get(input.repositoryId)) !== undefined,
    target:
      wanted === undefined || organizationId === undefined
        ? undefined
        : await mailboxByAddress(ports, organizationId, wanted),
  };
}

/**
 * Writes the session after its parts, or finds the one that an earlier request with the same key made. Parts without a
 * session, left by a crash in between, are found by nobody.
 */
export async function insertOnce(
  { collections: { restoreParts, restoreSessions } }: ApiPorts,
  session: RestoreSession,
  parts: readonly RestorePart[],
): Promise<{ session: RestoreSession; made: boolean }> {
  try {
    if ((await restoreSessions.get(session.id)) === undefined) {
      for (const part of parts) await insertIfAbsent(restoreParts, part);
    }
    await restoreSessions.insert(session);
    return { session, made: true };
  } catch (error) {
    const earlier = error instanceof AlreadyExists ? await restoreSessions.get(session.id) : undefined;
    if (earlier === undefined) throw error;
    if (etagOf(earlier.doc.input) !== etagOf(session.input)) throw keyReused();
    return { session: earlier.doc, made: false };
  }
}

/**
 * Offers the task to the workers; `reason` tells a repeat from a new request. The session is in the store: what is lost
 * here is found there.
 */
export async function offerRestore(ports: ApiPorts, session: RestoreSession, reason: string): Promise<void> {
  try {
    await ports.publishRestore({ sessionId: session.id }, session.pool, reason);
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
    summary: 'Put mailboxes, folders or items back as they were at a restore point',
    description:
      'First a plan is made, which writes nothing. A session that overwrites or leaves its organization then waits until its plan is approved by its digest, as does one with `approve: false`; any other goes on by itself. Nothing is sent to anybody, and a repeat makes no duplicates.',
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
      const facts = await gatherFacts(ports, 'restore', body);
      const wanted = requestedRestore(facts, { id, by: caller.name, at, pool: ports.pool });
      const { session, made } = await insertOnce(ports, wanted.session, wanted.parts);
      await announce(ports, 'restore.requested', session.id, session.id, {
        sessionId: session.id,
        organizationId: session.organizationId,
        mailboxId: session.mailboxId,
        requestedBy: session.requestedBy,
      });
      // Not waited for: a broker that is away must not keep the caller waiting for what the store has.
      if (session.state === 'requested') void offerRestore(ports, session, 'requested');
      return { status: made ? 201 : 200, body: session, headers: { location: `restores/${session.id}` } };
    },
  });

export const restoreRequestRoutes = (ports: ApiPorts): Route[] => [start(ports)];

export const sessionParams = { sessionId: idSchema };
