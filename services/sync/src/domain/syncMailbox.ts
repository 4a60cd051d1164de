import { isDeepStrictEqual } from 'node:util';
import {
  type FolderExclusion,
  type Gap,
  pointIdOf,
  type SyncTask,
  type Totals,
  zeroTotals,
} from '@holdfast/contracts';
import type { MailboxReader } from '@holdfast/exchange';
import { hasCode, Interrupted } from '../errors.ts';
import type { Heads, InterruptionCheck, MailboxRepository, Records, WriteRight } from '../ports.ts';
import type { AgeLimit } from './ageLimit.ts';
import type { ByteBudget } from './byteBudget.ts';
import { orderedExclusions } from './excludeFolders.ts';
import { type FinishContext, finishMailbox, finishSaved } from './finishMailbox.ts';
import { createGapLedger } from './gapLedger.ts';
import { openHeadFence } from './headFence.ts';
import { cursorsUnder, dropAged } from './itemAge.ts';
import { type Base, loadBase } from './loadBase.ts';
import { createMailboxWork, type MailboxWork, type SyncSettings, type WorkClock } from './mailboxWork.ts';
import { createMovedItems } from './movedItems.ts';
import { planSync, type SyncPlan } from './planSync.ts';
import { readFolders } from './readFolders.ts';
import { readItems } from './readItems.ts';
import { reportStopped } from './reportTask.ts';
import { retryGaps } from './retryGaps.ts';
import { saveCheckpoint, savedPointOf, totalsOf } from './savePoint.ts';
import { emptyCursors, type SyncCursors } from './syncState.ts';

export interface SyncMailboxInput {
  task: SyncTask;
  mailboxAddress: string;
  settings: SyncSettings;
  /** See `MailboxWork`. */
  lenient: boolean;
  /** Folders that are not backed up. */
  excludeFolders?: readonly FolderExclusion[] | undefined;
  age?: AgeLimit | undefined;
}

export interface SyncMailboxPorts {
  heads: Heads;
  repository: MailboxRepository;
  records: Records;
  openReader: (signal: AbortSignal) => Promise<MailboxReader>;
  clock: WorkClock;
  bytes: ByteBudget;
  right: WriteRight;
  interruption: InterruptionCheck;
  onProgress: (work: MailboxWork) => void;
  /** Trouble that does not end the work but must be seen. */
  onTrouble: (error: unknown, what: string) => void;
}

export type SyncEnd =
  | { kind: 'done'; state: 'success' | 'warning' | 'stopped'; plan: SyncPlan['kind']; totals: Totals }
  /** This process ends: the task goes back to the queue. */
  | { kind: 'given-back' };

/** Moves remembered in one run; about 300 bytes each. */
const movedItemsLimit = 20_000;
/** An attempt that fails makes a checkpoint first when at least so much would have to be fetched again. */
const worthSaving = 100;

/**
 * Backs up one mailbox (DESIGN section 8): changes in, objects and one restore point out. Every step may be
 * repeated after a crash at any point. @throws HoldfastError when this attempt failed.
 */
export async function syncMailbox(input: SyncMailboxInput, ports: SyncMailboxPorts): Promise<SyncEnd> {
  const startedAt = ports.clock.now();
  const { task } = input;
  const fence = await openHeadFence(ports.heads, ports.right, task, input.mailboxAddress);
  const base = await loadBase(fence, ports.repository, pointIdOf(task.runId, task.mailboxId));
  const plan = planSync({
    ...base,
    now: startedAt,
    reconcileAfterMs: input.settings.reconcileAfterMs,
  });
  const context: FinishContext = { ...input, ...ports, startedAt, fence };
  if (plan.kind === 'finished') {
    const point = savedPointOf(await ports.repository.read(plan.point.name));
    return { kind: 'done', plan: plan.kind, ...(await finishSaved(context, point)) };
  }
  const abort = new AbortController();
  const reader = await ports.openReader(AbortSignal.any([abort.signal, ports.right.lost]));
  const work = workOf(input, ports, { startedAt, plan, base, reader, fence });
  try {
    return await runWork(work, ports, context, base);
  } finally {
    abort.abort();
    await work.close();
    await reader.close();
  }
}

async function runWork(
  work: MailboxWork,
  ports: SyncMailboxPorts,
  context: FinishContext,
  base: Base,
): Promise<SyncEnd> {
  const { plan } = work;
  try {
    await work.pause();
    if (plan.kind !== 'delta') await work.open();
    const due = work.gaps.due(work.startedAt);
    await readFolders(work);
    await readItems(work);
    await retryGaps(work, due);
    await dropAged(work);
    return { kind: 'done', plan: plan.kind, ...(await finishMailbox(context, work, base)) };
  } catch (error) {
    if (!(error instanceof Interrupted)) {
      await saveBeforeFailing(work, ports, error);
      throw error;
    }
    if (work.unsavedItems > 0) await work.save();
    if (error.reason === 'shutdown') return { kind: 'given-back' };
    const totals = totalsOf(work, { items: 0, folders: 0 });
    const now = ports.clock.now();
    await reportStopped(ports.records, work.task, context.mailboxAddress, now, totals);
    return { kind: 'done', state: 'stopped', plan: plan.kind, totals };
  }
}

/** A throttled or broken source often fails a long first run late: the next attempt goes on from here. */
async function saveBeforeFailing(work: MailboxWork, ports: SyncMailboxPorts, error: unknown): Promise<void> {
  if (hasCode(error, 'mailbox-taken', 'session-lost') || ports.right.lost.aborted) return;
  if (work.unsavedItems < worthSaving) return;
  try {
    await work.save();
  } catch (failure) {
    ports.onTrouble(failure, 'the checkpoint before giving up could not be written');
  }
}

function workOf(
  input: SyncMailboxInput,
  ports: SyncMailboxPorts,
  facts: Pick<MailboxWork, 'startedAt' | 'plan' | 'reader' | 'fence'> & { base: Base },
): MailboxWork {
  const { plan, base, ...shared } = facts;
  const from = plan.kind === 'initial' || plan.kind === 'finished' ? undefined : plan.base;
  const excludeFolders = orderedExclusions(input.excludeFolders ?? []);
  const carried: Gap[] = from === undefined ? [] : base.gapsOf(from.pointId);
  return createMailboxWork({
    ...shared,
    plan,
    task: input.task,
    settings: input.settings,
    lenient: input.lenient,
    excludeFolders,
    age: input.age,
    clock: ports.clock,
    bytes: ports.bytes,
    gaps: createGapLedger(carried, input.settings.gapLimit),
    moved: createMovedItems(movedItemsLimit),
    cursors: cursorsOf(plan, facts.startedAt, excludeFolders, input.age),
    totals: { ...zeroTotals },
    repository: ports.repository,
    baseRoot: from?.root,
    leaseLost: ports.right.lost,
    interruption: ports.interruption,
    checkpoint: saveCheckpoint,
    onProgress: ports.onProgress,
  });
}

/** A reconciliation forgets all cursors: every folder is listed in full and compared. */
function cursorsOf(
  plan: SyncPlan,
  now: number,
  excludeFolders: readonly FolderExclusion[],
  age: AgeLimit | undefined,
): SyncCursors {
  const known = plan.kind === 'delta' || plan.kind === 'resume' ? plan.base.cursors : undefined;
  const cursors = cursorsUnder(age, known === undefined ? emptyCursors(now) : structuredClone(known));
  // Changes do not tell again of a folder that was left out: with other rules all folders are compared.
  if (!isDeepStrictEqual(cursors.excluded?.rules ?? [], excludeFolders)) delete cursors.folders;
  return cursors;
}
