import type { ErrorFacts, SyncTask, Totals } from '@holdfast/contracts';
import type { PointReader, Records, TreeCounts } from '../ports.ts';
import { type Completeness, checkCompleteness } from './checkCompleteness.ts';
import type { HeadFence } from './headFence.ts';
import type { Base } from './loadBase.ts';
import type { MailboxWork, WorkClock } from './mailboxWork.ts';
import { reportTask, type TaskReport } from './reportTask.ts';
import { excludedIn, type SavedPoint, saveFullPoint, totalsOf } from './savePoint.ts';
import { gapsInHeadLimit, type HeadState, historyOf } from './syncState.ts';

export interface FinishContext {
  task: SyncTask;
  mailboxAddress: string;
  startedAt: number;
  fence: HeadFence;
  repository: PointReader;
  records: Records;
  clock: WorkClock;
}

export interface Finished {
  state: 'success' | 'warning';
  totals: Totals;
}

const isoTime = (ms: number) => new Date(ms).toISOString();

/** The end of a mailbox: a restore point when something changed, newer cursors in the head when nothing did. */
export async function finishMailbox(
  context: FinishContext,
  work: MailboxWork,
  base: Base,
): Promise<Finished> {
  const { opened } = work;
  const { history } = context.fence.state;
  // The newest point is another history's: this one needs its own, also of what did not change.
  const isForeign = base.full !== undefined && history !== undefined && history !== historyOf(context.task);
  if (opened === undefined && !isForeign) return finishUnchanged(context, work, base, undefined, undefined);
  const completeness = opened === undefined ? nothingRead : await checkCompleteness(work);
  const { tree } = await work.open();
  const { root, counts } = await tree.commit();
  if (!isForeign && base.full?.root === root && work.gaps.added === 0) {
    return finishUnchanged(context, work, base, counts, completeness.warning);
  }
  const saved = await saveFullPoint(work, context.repository, root, counts, completeness);
  return finishSaved(context, saved);
}

const nothingRead: Completeness = { reportedItems: undefined, warning: undefined };

/** Everything after the restore point is there: its record, the head, the events, the task. It may be repeated. */
export async function finishSaved(context: FinishContext, point: SavedPoint): Promise<Finished> {
  const { head } = context.fence;
  const { totals, warning, excluded } = point.report;
  const report: TaskReport = {
    ...context,
    now: context.clock.now(),
    startedAt: point.startedAt,
    totals,
    gaps: point.gaps,
    warning,
    excluded,
    point,
    newestPointTime: point.time,
  };
  const overtaken = head?.pointTime !== undefined && Date.parse(head.pointTime) > point.time;
  const newHead = context.fence.ending({
    checkedAt: isoTime(point.committedAt),
    state: headStateOf(point, historyOf(context.task)),
    point: { name: point.name, pointId: point.pointId, time: isoTime(point.time) },
  });
  return { state: await reportTask(context.records, report, overtaken ? undefined : newHead), totals };
}

/** No restore point: "checked at" and the cursors move, and the tries of gaps. */
async function finishUnchanged(
  context: FinishContext,
  work: MailboxWork,
  base: Base,
  counted: TreeCounts | undefined,
  warning: ErrorFacts | undefined,
): Promise<Finished> {
  const now = context.clock.now();
  const { full } = base;
  if (full === undefined) throw new Error('a mailbox without a restore point cannot be unchanged');
  const counts = counted ?? base.countsOf(full.pointId) ?? { items: 0, folders: 0 };
  const gaps = work.gaps.all();
  const totals = totalsOf(work, counts);
  const head = context.fence.ending({
    checkedAt: isoTime(now),
    state: headStateOf(
      { pointId: full.pointId, root: full.root, cursors: work.cursors, counts, gaps },
      context.fence.state.history,
    ),
    point: { name: full.name, pointId: full.pointId, time: isoTime(full.time) },
  });
  const point = undefined;
  const newestPointTime = full.time;
  const { excluded } = excludedIn(work.cursors);
  const report = { ...context, now, totals, gaps, warning, excluded, point, newestPointTime };
  return { state: await reportTask(context.records, report, head), totals };
}

function headStateOf(
  point: Pick<SavedPoint, 'pointId' | 'root' | 'cursors' | 'counts' | 'gaps'>,
  history: string | undefined,
): HeadState {
  return {
    pointId: point.pointId,
    ...(history === undefined ? {} : { history }),
    root: point.root,
    counts: point.counts,
    ...(point.cursors === undefined ? {} : { cursors: point.cursors }),
    ...(point.gaps.length > gapsInHeadLimit ? {} : { gaps: [...point.gaps] }),
  };
}
