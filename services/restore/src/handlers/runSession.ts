import {
  type ErrorFacts,
  errorFacts,
  HoldfastError,
  type RestorePart,
  type RestoreProgress,
} from '@holdfast/contracts';
import { type OpenedPart, openPart } from '../adapters/openPart.ts';
import { readParts, readPlanLines, storeLedger } from '../adapters/storeSessions.ts';
import { checkInterruption } from '../domain/interruption.ts';
import { forEachAtOnce } from '../domain/pool.ts';
import { restorePart } from '../domain/restorePart.ts';
import { readLedger, readPlannedActions } from '../domain/sessionLedger.ts';
import { createSessionProgress, type SessionProgress } from '../domain/sessionProgress.ts';
import type { InterruptionCheck } from '../ports.ts';
import { type Attempt, bookOf, givesPartUp, interruptionOf, notePart } from './attempt.ts';
import { eachOf } from './planSession.ts';

/** How a session ended that came to its end. */
export interface RunResult {
  progress: RestoreProgress;
  /** Mailboxes that could not be restored; absent when all could. */
  error?: ErrorFacts;
  /** No mailbox could be restored. */
  nothingWorked: boolean;
}

/** What the parts of one run share. */
interface Run {
  attempt: Attempt;
  progress: SessionProgress;
  interruption: InterruptionCheck;
  saved: { at: number };
}

const mailboxPauseMs = 1_000;

/**
 * Carries out every part of a planned session, some at a time. Trouble of one mailbox ends its part, the others go on.
 * @throws Interrupted, SessionTaken, and what may pass
 */
export async function runSession(
  attempt: Attempt,
  onProgress: (progress: RestoreProgress) => void,
): Promise<RunResult> {
  const { deps, session } = attempt;
  const progress = createSessionProgress(session, () => deps.clock.now());
  const run: Run = {
    attempt,
    progress,
    interruption: interruptionOf(attempt),
    saved: { at: deps.clock.now() },
  };
  const parts = await readParts(deps.parts, session.id);
  const failures: { part: RestorePart; error: ErrorFacts }[] = [];
  const planFailed = ({ state, error }: RestorePart) => state === 'failed' && error !== undefined;
  try {
    await forEachAtOnce(eachOf(parts), deps.settings.mailboxesAtOnce, async (part) => {
      // It has no plan, so nothing of it was approved.
      if (planFailed(part) && part.error !== undefined) {
        failures.push({ part, error: part.error });
        return;
      }
      try {
        await runPart(run, part);
        await notePart(attempt, part, { state: 'success' });
      } catch (error) {
        if (!givesPartUp(error, attempt)) throw error;
        failures.push({ part, error: errorFacts(error) });
      }
    });
  } finally {
    onProgress(progress.now());
  }
  for (const { part, error } of failures) await notePart(attempt, part, { state: 'failed' }, asError(error));
  const [first] = failures.sort((a, b) => a.part.part - b.part.part);
  const { secondsLeft: _, ...final } = progress.now();
  return {
    progress: final,
    nothingWorked: failures.length > 0 && failures.length === parts.length,
    ...(first === undefined ? {} : { error: failureOf(first.error, failures.length, parts) }),
  };
}

const asError = ({ code, errorClass, message, remedy }: ErrorFacts): HoldfastError =>
  new HoldfastError(code, errorClass, message, remedy === undefined ? {} : { remedy });

/** The reason of the only mailbox; of several, how many and the first one's. */
function failureOf(first: ErrorFacts, failed: number, parts: readonly RestorePart[]): ErrorFacts {
  if (parts.length === 1) return first;
  const message = `${failed} of ${parts.length} mailboxes could not be restored. The first: ${first.message}`;
  return { ...first, message };
}

async function runPart(run: Run, part: RestorePart): Promise<void> {
  const { attempt, progress, interruption } = run;
  const { deps, session, lease, delivery } = attempt;
  const { plans, settings, clock } = deps;
  const ledger = storeLedger(deps.ledger, part);
  const done = await readLedger(ledger.lines());
  progress.addDone(done.counters);
  const generation = session.plan?.generation ?? session.epoch;
  const planned = await readPlannedActions(readPlanLines(plans, session.id, generation, part.part));
  const opened = await openPart(deps, part, lease.lost);
  try {
    progress.watch(opened.writer.statistics);
    const lenient = delivery.attempt > 1 || delivery.last;
    await alone(run, opened, (leaseLost) =>
      restorePart(
        session,
        part,
        opened.sameMailbox,
        { itemsAtOnce: settings.itemsAtOnce, lenient },
        {
          ...{ ledger, done, planned, point: opened.point, writer: opened.writer, interruption, leaseLost },
          now: () => clock.now(),
          onFolder(created, path) {
            progress.foldersCreated(part.part, created);
            deps.progress.tell(session, progress.now(), path);
          },
          async onLine(line, { bytes }) {
            progress.add(line, bytes);
            deps.progress.tell(session, progress.now(), line.folderPath);
            await saveNowAndThen(run);
          },
        },
      ),
    );
  } finally {
    await opened.close();
  }
}

/** Two sessions must not write to one mailbox at the same time: each would miss what the other has just put there. */
async function alone(
  { attempt, interruption }: Run,
  { targetMailboxId }: OpenedPart,
  work: (leaseLost: AbortSignal) => Promise<void>,
): Promise<void> {
  const { deps, lease } = attempt;
  for (;;) {
    await checkInterruption({ leaseLost: lease.lost, interruption });
    const mine = await deps.messaging.acquireLease(`restore-into.${targetMailboxId}`, deps.instance);
    if (mine === undefined) {
      await deps.clock.sleep(mailboxPauseMs, lease.lost);
      continue;
    }
    try {
      return await work(AbortSignal.any([lease.lost, mine.lost]));
    } finally {
      await mine.release();
    }
  }
}

async function saveNowAndThen({ attempt, progress, saved }: Run): Promise<void> {
  const now = attempt.deps.clock.now();
  if (now - saved.at < attempt.deps.settings.saveEveryMs) return;
  saved.at = now;
  const counters = progress.now();
  await bookOf(attempt).change((session) => ({ ...session, progress: counters }));
}
