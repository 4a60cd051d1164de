import {
  deterministicId,
  type ErrorFacts,
  type Excluded,
  excludedFoldersListed,
  type Gap,
  type JsonObject,
  pointIdOf,
  type Totals,
  zeroTotals,
} from '@holdfast/contracts';
import type { PointFacts, PointReader, ReadPoint, TreeCounts } from '../ports.ts';
import type { Completeness } from './checkCompleteness.ts';
import type { MailboxWork } from './mailboxWork.ts';
import type { SyncCursors } from './syncState.ts';

/** What a complete restore point tells its report, again after a crash too. */
export interface PointReport {
  totals: Totals;
  warning?: ErrorFacts;
  excluded?: Excluded;
}

/** The part of the plan's base that a new point names as its parent. */
function parentOf({ plan }: MailboxWork): string | undefined {
  if (plan.kind === 'delta' || plan.kind === 'reconcile') return plan.base.pointId;
  return plan.kind === 'resume' ? plan.parent?.pointId : undefined;
}

/** Totals as they are now, with the numbers that only the end knows. */
export function totalsOf(work: MailboxWork, counts: TreeCounts): Totals {
  const { requests, throttledMs, bytesRead } = work.reader.statistics;
  return {
    ...work.totals,
    itemsTotal: counts.items,
    folders: counts.folders,
    gapsOpen: work.gaps.size,
    gapsHealed: work.gaps.healed,
    bytesRead,
    requests,
    throttledSeconds: Math.round(throttledMs) / 1000,
  };
}

/**
 * Makes what is stored so far durable, browsable and resumable. The fence is asked right before, so that a worker that
 * lost the mailbox adds nothing.
 */
export async function saveCheckpoint(work: MailboxWork): Promise<void> {
  const { writer, tree } = await work.open();
  const { root, counts } = await tree.commit();
  await work.fence.check();
  const { runId, mailboxId } = work.task;
  const epoch = String(work.fence.epoch ?? 0);
  await writer.commitPoint({
    ...commonFacts(work, root, counts),
    pointId: deterministicId('', 'checkpoint', runId, mailboxId, epoch, root, JSON.stringify(work.cursors)),
    kind: 'checkpoint',
    time: work.clock.now(),
    extra: {},
  });
}

/** What the job left out of the mailbox, as far as it left anything out. */
export function excludedIn({ excluded, age }: SyncCursors): { excluded?: Excluded } {
  const paths = excluded?.paths ?? [];
  if (paths.length === 0 && age === undefined) return {};
  return {
    excluded: {
      foldersTotal: paths.length,
      folders: paths.slice(0, excludedFoldersListed),
      ...(age === undefined ? {} : { olderThan: new Date(age.before).toISOString(), by: age.by }),
    },
  };
}

/** A complete restore point that is in the repository, with what its report needs. */
export interface SavedPoint {
  name: string;
  pointId: string;
  time: number;
  startedAt: number;
  committedAt: number;
  root: string;
  cursors: SyncCursors | undefined;
  counts: TreeCounts;
  gaps: readonly Gap[];
  report: PointReport;
}

/** Writes the complete restore point of this run; its id is the same on every attempt. */
export async function saveFullPoint(
  work: MailboxWork,
  repository: PointReader,
  root: string,
  counts: TreeCounts,
  completeness: Completeness,
): Promise<SavedPoint> {
  const { writer } = await work.open();
  await work.fence.check();
  const report: PointReport = {
    totals: totalsOf(work, counts),
    ...(completeness.warning === undefined ? {} : { warning: completeness.warning }),
    ...excludedIn(work.cursors),
  };
  const facts: PointFacts = {
    ...commonFacts(work, root, counts),
    pointId: pointIdOf(work.task.runId, work.task.mailboxId),
    kind: 'full',
    time: timeOfPoint(work),
    reportedItems: completeness.reportedItems,
    // Whoever reads the restore point alone must see that it was not meant to be whole.
    extra: { report: report as unknown as JsonObject, ...(excludedIn(work.cursors) as JsonObject) },
  };
  const { name, adopted } = await writer.commitPoint(facts);
  // Another attempt was faster: what it wrote is the truth of this run.
  if (adopted) return savedPointOf(await repository.read(name));
  const { pointId, time, startedAt, finishedAt, gaps } = facts;
  const cursors = structuredClone(work.cursors);
  return { name, pointId, time, startedAt, committedAt: finishedAt, root, cursors, counts, gaps, report };
}

/** A point that an earlier attempt wrote; its report is inside. */
export function savedPointOf(point: ReadPoint): SavedPoint {
  const { name, pointId, time, startedAt, finishedAt, root, cursors, counts, gaps } = point;
  const told = point.extra.report as unknown as PointReport | undefined;
  const fallback = { totals: { ...zeroTotals, itemsTotal: counts.items, folders: counts.folders } };
  const report = told ?? fallback;
  return { name, pointId, time, startedAt, committedAt: finishedAt, root, cursors, counts, gaps, report };
}

/** The run's time; later than the parent's, whatever a run that was overtaken believes. */
function timeOfPoint({ task, plan }: MailboxWork): number {
  const time = Date.parse(task.pointTime);
  const parent =
    plan.kind === 'resume'
      ? plan.parent
      : plan.kind === 'initial' || plan.kind === 'finished'
        ? undefined
        : plan.base;
  return parent === undefined ? time : Math.max(time, parent.time + 1);
}

function commonFacts(
  work: MailboxWork,
  root: string,
  counts: TreeCounts,
): Omit<PointFacts, 'pointId' | 'kind' | 'time' | 'extra'> {
  return {
    startedAt: work.startedAt,
    finishedAt: work.clock.now(),
    root,
    parentId: parentOf(work),
    cursors: structuredClone(work.cursors) as unknown as JsonObject,
    counts,
    totals: totalsOf(work, counts),
    reportedItems: undefined,
    gaps: work.gaps.all(),
  };
}
