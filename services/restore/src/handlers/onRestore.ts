import {
  classOf,
  type ErrorFacts,
  errorFacts,
  type LedgerLine,
  type Mailbox,
  makeEvent,
  type Organization,
  type RepositoryRecord,
  type RestoreSession,
  type RestoreTask,
} from '@holdfast/contracts';
import type { Delivery, Lease, Messaging, Outbox, Verdict } from '@holdfast/messaging';
import type { Clock, Logger } from '@holdfast/runtime';
import { type Collection, modify } from '@holdfast/store';
import type { Activity } from '../activity.ts';
import type { UsedConnector } from '../adapters/connectorCache.ts';
import type { PointHub } from '../adapters/pointHub.ts';
import { hasEnded, storeLedger, storeSessionBook } from '../adapters/storeSessions.ts';
import { type RestoreSettings, restoreSession } from '../domain/restoreSession.ts';
import { hasCode, Interrupted, RestoreRefused } from '../errors.ts';
import type { RestoreMetrics } from '../metrics.ts';
import type { InterruptionCheck } from '../ports.ts';
import type { ProgressBoard } from '../progressBoard.ts';

export interface RestoreHandlerDeps {
  messaging: Pick<Messaging, 'acquireLease'>;
  sessions: Collection<RestoreSession>;
  ledger: Collection<LedgerLine>;
  mailboxes: Collection<Mailbox>;
  organization: (id: string) => Promise<Organization | undefined>;
  repository: (id: string) => Promise<RepositoryRecord | undefined>;
  outbox: Pick<Outbox, 'add'>;
  useConnector: (organization: Organization) => UsedConnector;
  points: PointHub;
  instance: string;
  settings: RestoreSettings;
  clock: Clock;
  logger: Logger;
  metrics: RestoreMetrics;
  activity: Activity;
  progress: ProgressBoard;
}

const busyPauseMs = 5_000;
const takenPauseMs = 2_000;
/** A cancel request is looked for this often. */
const lookForCancelMs = 1_000;

const done: Verdict = { kind: 'done' };

/** One restore session: the session in the control data decides what is to be done, the message only says when. */
export function createRestoreHandler(deps: RestoreHandlerDeps) {
  return async function onRestore({ sessionId }: RestoreTask, delivery: Delivery): Promise<Verdict> {
    const logger = deps.logger.child({ sessionId });
    const stored = await deps.sessions.get(sessionId);
    if (stored === undefined) {
      logger.warn({}, 'a restore session that the control data does not have is let go');
      return done;
    }
    // A crash may have come between the end and its event.
    if (hasEnded(stored.doc)) {
      await deps.outbox.add(completed(stored.doc));
      return done;
    }
    const lease = await deps.messaging.acquireLease(`restore.${sessionId}`, deps.instance);
    if (lease === undefined) return { kind: 'postpone', afterMs: busyPauseMs };
    const end = deps.activity.begin({ id: sessionId, since: deps.clock.now() });
    try {
      const session = await begin(deps, sessionId);
      return session === undefined ? done : await run({ deps, session, delivery, lease, logger });
    } finally {
      end();
      deps.progress.end(sessionId);
      await lease.release();
    }
  };
}

/** Takes the session: epoch + 1 fences whoever had it before. */
async function begin(deps: RestoreHandlerDeps, sessionId: string): Promise<RestoreSession | undefined> {
  const startedAt = new Date(deps.clock.now()).toISOString();
  const taken = await modify(deps.sessions, sessionId, (session): RestoreSession | undefined =>
    hasEnded(session)
      ? undefined
      : { ...session, state: 'running', epoch: session.epoch + 1, startedAt: session.startedAt ?? startedAt },
  );
  return taken?.doc;
}

interface Attempt {
  deps: RestoreHandlerDeps;
  session: RestoreSession;
  delivery: Delivery;
  lease: Lease;
  logger: Logger;
}

async function run(attempt: Attempt): Promise<Verdict> {
  const { deps, session, delivery, logger } = attempt;
  const startedAt = deps.clock.now();
  const told = { progress: session.progress };
  try {
    told.progress = await carryOut(attempt, (progress) => {
      told.progress = progress;
    });
    const { failed, different } = told.progress;
    await end(attempt, failed + different > 0 ? 'warning' : 'success', told.progress, undefined);
  } catch (error) {
    if (error instanceof Interrupted && error.reason === 'cancel') {
      await end(attempt, 'cancelled', told.progress, undefined);
    } else {
      const verdict = await onFailure(attempt, error, told.progress);
      if (verdict !== done) return verdict;
    }
  }
  const tookMs = deps.clock.now() - startedAt;
  logger.info({ tookMs, ...told.progress, attempt: delivery.attempt }, 'restore session ended');
  return done;
}

async function carryOut(
  attempt: Attempt,
  onProgress: (progress: RestoreSession['progress']) => void,
): Promise<RestoreSession['progress']> {
  const { deps, session, delivery, lease } = attempt;
  const { organization, repository, mailbox } = await placeOf(deps, session);
  const point = await deps.points.use(repository, session.pointName);
  const used = deps.useConnector(organization);
  const abort = new AbortController();
  try {
    const writer = await used.connector.writer(
      { userId: mailbox.userId, address: mailbox.address },
      { signal: AbortSignal.any([abort.signal, lease.lost]) },
    );
    try {
      return await restoreSession(session, deps.settings, delivery.attempt > 1 || delivery.last, {
        book: storeSessionBook(deps.sessions, session.id, session.epoch),
        ledger: storeLedger(deps.ledger, session.id),
        point: point.contents,
        writer,
        now: () => deps.clock.now(),
        leaseLost: lease.lost,
        interruption: interruptionOf(attempt),
        onProgress(progress, phase) {
          onProgress(progress);
          deps.progress.tell(session, progress, phase);
        },
      });
    } finally {
      abort.abort();
      await writer.close();
    }
  } finally {
    await used.release();
    await point.release();
  }
}

interface Place {
  organization: Organization;
  repository: RepositoryRecord;
  mailbox: Mailbox;
}

/** @throws RestoreRefused naming what is missing and what can be chosen instead */
async function placeOf(deps: RestoreHandlerDeps, session: RestoreSession): Promise<Place> {
  const organization = await deps.organization(session.organizationId);
  const repository = await deps.repository(session.input.repositoryId);
  if (organization === undefined) {
    throw new RestoreRefused(
      'organization-not-found',
      'The organization of the mailbox was removed.',
      'Add the organization again, then restore.',
    );
  }
  if (repository === undefined) {
    throw new RestoreRefused(
      'repository-not-found',
      'The repository of the restore point was removed.',
      'Attach the repository again, then restore.',
    );
  }
  return { organization, repository, mailbox: await targetMailbox(deps, session) };
}

/** The original mailbox by its directory id, another one by its address. */
async function targetMailbox(deps: RestoreHandlerDeps, session: RestoreSession): Promise<Mailbox> {
  const wanted = session.input.target.mailboxAddress;
  if (wanted === undefined) {
    const original = (await deps.mailboxes.get(session.input.mailboxId))?.doc;
    if (original?.status === 'active') return original;
    throw new RestoreRefused(
      'mailbox-gone',
      `The mailbox ${session.mailboxAddress} is not in the directory any more.`,
      'Name another mailbox of the organization as the target, or export single messages; if the mailbox was brought back, refresh the inventory.',
    );
  }
  for (const address of new Set([wanted, wanted.toLowerCase()])) {
    const where = { organizationId: session.organizationId, address };
    const { items } = await deps.mailboxes.find({ where, limit: 100 });
    const found = items.find(({ doc }) => doc.status === 'active');
    if (found !== undefined) return found.doc;
  }
  throw new RestoreRefused(
    'target-not-found',
    `There is no mailbox ${wanted} in the organization.`,
    'Check the address, or refresh the inventory if the mailbox is new.',
  );
}

function interruptionOf({ deps, session, delivery }: Attempt): InterruptionCheck {
  let lookedAt = deps.clock.now();
  let cancelled = session.cancelRequested;
  return async () => {
    if (delivery.stopping.aborted) return 'shutdown';
    const now = deps.clock.now();
    if (!cancelled && now - lookedAt >= lookForCancelMs) {
      lookedAt = now;
      cancelled = (await deps.sessions.get(session.id))?.doc.cancelRequested === true;
    }
    return cancelled ? 'cancel' : undefined;
  };
}

/** Failures that a person must do something about: trying again cannot help. */
const isHopeless = (error: unknown): boolean =>
  ['permanent-mailbox', 'forbidden', 'configuration', 'vanished'].includes(classOf(error));

async function onFailure(
  attempt: Attempt,
  error: unknown,
  progress: RestoreSession['progress'],
): Promise<Verdict> {
  const { delivery, lease, logger } = attempt;
  if (delivery.stopping.aborted) return { kind: 'postpone', afterMs: 0 };
  if (hasCode(error, 'session-taken') || lease.lost.aborted)
    return { kind: 'postpone', afterMs: takenPauseMs };
  if (!delivery.last && !isHopeless(error)) {
    logger.warn({ error, attempt: delivery.attempt }, 'restore session failed, tried again');
    throw error;
  }
  logger.error({ error, attempt: delivery.attempt }, 'restore session failed');
  await end(attempt, 'failed', progress, errorFacts(error));
  return done;
}

async function end(
  { deps, session }: Pick<Attempt, 'deps' | 'session'>,
  state: 'success' | 'warning' | 'failed' | 'cancelled',
  progress: RestoreSession['progress'],
  error: ErrorFacts | undefined,
): Promise<void> {
  const book = storeSessionBook(deps.sessions, session.id, session.epoch);
  const finishedAt = new Date(deps.clock.now()).toISOString();
  const ended = await book.change((doc) => ({
    ...doc,
    ...{ state, progress, finishedAt },
    ...(error === undefined ? {} : { error }),
  }));
  deps.metrics.ended(state, ended.progress);
  await deps.outbox.add(completed(ended));
}

/** The same event however often the end is told. */
function completed(session: RestoreSession) {
  const { created, skipped, renamed, failed, different } = session.progress;
  const { state } = session;
  const outcome = state === 'requested' || state === 'running' ? 'failed' : state;
  return makeEvent('restore.completed', {
    source: 'restore',
    subject: session.id,
    key: session.id,
    time: session.finishedAt ?? session.requestedAt,
    data: {
      sessionId: session.id,
      organizationId: session.organizationId,
      mailboxId: session.input.mailboxId,
      ...{ outcome, created, skipped, renamed, failed, different },
      ...(session.error === undefined ? {} : { error: session.error }),
    },
  });
}

/** The broker gave the session up (a worker died in its last attempt). */
export function createParkedHandler(deps: RestoreHandlerDeps) {
  return async function onParked({ sessionId }: RestoreTask, error: ErrorFacts): Promise<void> {
    const session = await begin(deps, sessionId);
    if (session === undefined) return;
    deps.logger.error({ sessionId, error }, 'restore session failed: its task was given up');
    await end({ deps, session }, 'failed', session.progress, error);
  };
}
