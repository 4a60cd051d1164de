import {
  type ErrorFacts,
  errorFacts,
  hasRestoreEnded,
  makeEvent,
  type RestorePlanSummary,
  type RestoreProgress,
  type RestoreSession,
  type RestoreState,
  type RestoreTask,
  waitingRestoreStates,
} from '@holdfast/contracts';
import type { Delivery, Verdict } from '@holdfast/messaging';
import { modify } from '@holdfast/store';
import { needsNoApproval } from '../domain/planSummary.ts';
import { Interrupted } from '../errors.ts';
import { type Attempt, bookOf, isHopeless, isTaken, type RestoreHandlerDeps } from './attempt.ts';
import { exportSession } from './exportSession.ts';
import { planSession } from './planSession.ts';
import { runSession } from './runSession.ts';

const busyPauseMs = 5_000;
const takenPauseMs = 2_000;

const done: Verdict = { kind: 'done' };

/** A person has to do something first. A request to cancel is for a worker, whatever the state. */
const waits = ({ state, cancelRequested }: RestoreSession): boolean =>
  (waitingRestoreStates as readonly RestoreState[]).includes(state) && !cancelRequested;

/** One restore session: the session in the control data decides what is to be done, the message only says when. */
export function createRestoreHandler(deps: RestoreHandlerDeps) {
  return async function onRestore({ sessionId }: RestoreTask, delivery: Delivery): Promise<Verdict> {
    const logger = deps.logger.child({ sessionId });
    const stored = await deps.sessions.get(sessionId);
    if (stored === undefined) {
      logger.warn({}, 'a restore session that the control data does not have is let go');
      return done;
    }
    // A crash may have come between a change and its event.
    await tellAgain(deps, stored.doc);
    if (hasRestoreEnded(stored.doc) || waits(stored.doc)) return done;
    const lease = await deps.messaging.acquireLease(`restore.${sessionId}`, deps.instance);
    if (lease === undefined) return { kind: 'postpone', afterMs: busyPauseMs };
    const end = deps.activity.begin({ id: sessionId, since: deps.clock.now() });
    try {
      const session = await begin(deps, sessionId);
      return session === undefined ? done : await advance({ deps, session, delivery, lease, logger });
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
  const taken = await modify(deps.sessions, sessionId, (session): RestoreSession | undefined => {
    if (hasRestoreEnded(session) || waits(session)) return undefined;
    const next = { ...session, epoch: session.epoch + 1 };
    if (session.cancelRequested) return next;
    if (session.state === 'requested') return { ...next, state: 'planning' };
    if (session.state === 'approved') {
      return { ...next, state: 'running', startedAt: session.startedAt ?? startedAt };
    }
    return next;
  });
  return taken?.doc;
}

async function advance(attempt: Attempt): Promise<Verdict> {
  const { deps, delivery, logger } = attempt;
  const startedAt = deps.clock.now();
  const told = { progress: attempt.session.progress };
  let current = attempt;
  try {
    if (attempt.session.cancelRequested) throw new Interrupted('cancel');
    if (current.session.state === 'planning' && current.session.kind === 'restore') {
      const session = await planned(current, await planSession(current));
      if (waits(session)) return done;
      current = { ...current, session };
    }
    await run(current, told);
  } catch (error) {
    const verdict = await onTrouble(current, error, told.progress);
    if (verdict !== done) return verdict;
  }
  const tookMs = deps.clock.now() - startedAt;
  logger.info({ tookMs, ...told.progress, attempt: delivery.attempt }, 'restore session left');
  return done;
}

/** The session goes on by itself, or waits for a person. */
async function planned(attempt: Attempt, plan: RestorePlanSummary): Promise<RestoreSession> {
  const { deps } = attempt;
  const goesOn = needsNoApproval(plan, attempt.session.input.confirm);
  const now = new Date(deps.clock.now()).toISOString();
  const session = await bookOf(attempt).change(
    (doc): RestoreSession =>
      goesOn ? { ...doc, state: 'running', startedAt: doc.startedAt ?? now } : { ...doc, state: 'planned' },
  );
  await tellAgain(deps, session);
  return session;
}

async function run(attempt: Attempt, told: { progress: RestoreProgress }): Promise<void> {
  const work = attempt.session.kind === 'export' ? exportSession : runSession;
  const { progress, error, nothingWorked } = await work(attempt, (now) => {
    told.progress = now;
  });
  told.progress = progress;
  const { failed, different } = progress;
  const flawless = failed + different === 0 && error === undefined;
  await end(attempt, nothingWorked ? 'failed' : flawless ? 'success' : 'warning', progress, error);
}

async function onTrouble(attempt: Attempt, error: unknown, progress: RestoreProgress): Promise<Verdict> {
  const { delivery, logger } = attempt;
  if (error instanceof Interrupted && error.reason === 'cancel') {
    await end(attempt, 'cancelled', progress, undefined);
    return done;
  }
  if (error instanceof Interrupted && error.reason === 'pause') return pause(attempt, progress);
  if (delivery.stopping.aborted) return { kind: 'postpone', afterMs: 0 };
  if (isTaken(error, attempt)) return { kind: 'postpone', afterMs: takenPauseMs };
  if (!delivery.last && !isHopeless(error)) {
    logger.warn({ error, attempt: delivery.attempt }, 'restore session failed, tried again');
    throw error;
  }
  logger.error({ error, attempt: delivery.attempt }, 'restore session failed');
  await end(attempt, 'failed', progress, errorFacts(error));
  return done;
}

/** The request may have been taken back since it was seen: then the session goes on. */
async function pause(attempt: Attempt, progress: RestoreProgress): Promise<Verdict> {
  const { secondsLeft: _, ...counters } = progress;
  const session = await bookOf(attempt).change((doc) =>
    doc.pauseRequested ? { ...doc, state: 'paused', pauseRequested: false, progress: counters } : doc,
  );
  return session.state === 'paused' ? done : { kind: 'postpone', afterMs: 0 };
}

async function end(
  attempt: Pick<Attempt, 'deps' | 'session'>,
  state: 'success' | 'warning' | 'failed' | 'cancelled',
  { secondsLeft: _, ...progress }: RestoreProgress,
  error: ErrorFacts | undefined,
): Promise<void> {
  const { deps } = attempt;
  const finishedAt = new Date(deps.clock.now()).toISOString();
  const ended = await bookOf(attempt).change((doc) => ({
    ...doc,
    ...{ state, progress, finishedAt, pauseRequested: false },
    ...(error === undefined ? {} : { error }),
  }));
  deps.metrics.ended(state, ended.progress);
  await tellAgain(deps, ended);
}

/** The events of how a session stands: the same ones however often they are told. */
async function tellAgain(deps: RestoreHandlerDeps, session: RestoreSession): Promise<void> {
  if (session.plan !== undefined) await deps.outbox.add(plannedEvent(session, session.plan));
  if (hasRestoreEnded(session)) await deps.outbox.add(completedEvent(session));
}

const subjectOf = ({ id, organizationId, mailboxId }: RestoreSession) => ({
  sessionId: id,
  organizationId,
  mailboxId,
});

function plannedEvent(session: RestoreSession, plan: RestorePlanSummary) {
  const { digest, items, create, skip, overwrite, rename, cannot, bytes, seconds } = plan;
  return makeEvent('restore.planned', {
    ...{ source: 'restore', subject: session.id, time: plan.madeAt },
    key: `${session.id}.${plan.generation}`,
    data: {
      ...subjectOf(session),
      ...{ digest, items, create, skip, overwrite, rename, cannot, bytes, seconds },
      needsApproval: !needsNoApproval(plan, session.input.confirm),
    },
  });
}

function completedEvent(session: RestoreSession) {
  const { created, skipped, renamed, overwritten, failed, different, deviated } = session.progress;
  const { state } = session;
  const outcome =
    state === 'success' || state === 'warning' || state === 'cancelled' ? state : ('failed' as const);
  return makeEvent('restore.completed', {
    source: 'restore',
    subject: session.id,
    key: session.id,
    time: session.finishedAt ?? session.requestedAt,
    data: {
      ...subjectOf(session),
      ...{ outcome, created, skipped, renamed, overwritten, failed, different, deviated },
      mailboxes: session.parts,
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
