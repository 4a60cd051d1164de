import {
  type ErrorFacts,
  type Excluded,
  type Gap,
  makeEvent,
  type RestorePointRecord,
  type SyncTask,
  type Totals,
} from '@holdfast/contracts';
import type { HeadWrite, Records, TaskResult } from '../ports.ts';

/** What is told of a task in the end. */
export interface TaskReport {
  task: SyncTask;
  mailboxAddress: string;
  now: number;
  startedAt: number;
  totals: Totals;
  gaps: readonly Gap[];
  warning: ErrorFacts | undefined;
  excluded?: Excluded | undefined;
  /** The restore point that this task made. */
  point: { name: string; pointId: string; time: number; committedAt: number } | undefined;
  newestPointTime: number | undefined;
}

const isoTime = (ms: number) => new Date(ms).toISOString();

/** Gaps listed with the task; the number is in the totals. */
const gapsInReport = 100;

const idsOf = ({ task, mailboxAddress }: Pick<TaskReport, 'task' | 'mailboxAddress'>) => ({
  taskId: task.taskId,
  runId: task.runId,
  jobId: task.jobId,
  organizationId: task.organizationId,
  repositoryId: task.repositoryId,
  mailboxId: task.mailboxId,
  mailboxAddress,
});

/** The restore point as lists show it. */
function pointRecordOf(report: TaskReport, point: NonNullable<TaskReport['point']>): RestorePointRecord {
  const { taskId: _, ...ids } = idsOf(report);
  return {
    ...ids,
    id: `${report.task.repositoryId}.${point.pointId}`,
    pointId: point.pointId,
    pointName: point.name,
    ...(report.task.scheduleId === undefined ? {} : { scheduleId: report.task.scheduleId }),
    kind: 'full',
    time: isoTime(point.time),
    committedAt: isoTime(point.committedAt),
    itemsTotal: report.totals.itemsTotal,
    folders: report.totals.folders,
    gapsOpen: report.totals.gapsOpen,
    totals: report.totals,
  };
}

/** The end of a mailbox that was read to its end. It may be repeated; the ids are the same every time. */
export async function reportTask(
  records: Records,
  report: TaskReport,
  head: HeadWrite | undefined,
): Promise<'success' | 'warning'> {
  const outcome = report.totals.gapsOpen > 0 || report.warning !== undefined ? 'warning' : 'success';
  const { task, point, totals } = report;
  const time = isoTime(report.now);
  const synced = makeEvent('mailbox.synced', {
    source: 'sync',
    subject: task.mailboxId,
    key: task.taskId,
    time,
    data: {
      ...idsOf(report),
      outcome,
      changed: point !== undefined,
      ...(point === undefined ? {} : { pointId: point.pointId }),
      totals,
    },
  });
  await records.conclude({
    ...(point === undefined ? {} : { point: pointRecordOf(report, point) }),
    ...(head === undefined ? {} : { head }),
    events: point === undefined ? [synced] : [pointCreated(report, point, time), synced],
    taskId: task.taskId,
    result: resultOf(report, outcome, time),
  });
  return outcome;
}

function resultOf(report: TaskReport, state: 'success' | 'warning', finishedAt: string): TaskResult {
  const { point, newestPointTime, warning, excluded } = report;
  return {
    ...{ state, startedAt: isoTime(report.startedAt), finishedAt, totals: report.totals },
    gaps: report.gaps.slice(0, gapsInReport),
    ...(point === undefined ? {} : { pointId: point.pointId }),
    ...(newestPointTime === undefined ? {} : { newestPointTime: isoTime(newestPointTime) }),
    ...(warning === undefined ? {} : { error: warning }),
    ...(excluded === undefined ? {} : { excluded }),
  };
}

function pointCreated(report: TaskReport, point: NonNullable<TaskReport['point']>, time: string) {
  const { task, totals } = report;
  return makeEvent('restore-point.created', {
    source: 'sync',
    subject: point.pointId,
    key: `${task.repositoryId}.${point.pointId}`,
    time,
    data: {
      pointId: point.pointId,
      pointName: point.name,
      repositoryId: task.repositoryId,
      organizationId: task.organizationId,
      mailboxId: task.mailboxId,
      jobId: task.jobId,
      runId: task.runId,
      ...(task.scheduleId === undefined ? {} : { scheduleId: task.scheduleId }),
      time: isoTime(point.time),
      itemsTotal: totals.itemsTotal,
      gapsOpen: totals.gapsOpen,
    },
  });
}

/** The run was stopped: what is stored stays usable, the mailbox counts as stopped. */
export async function reportStopped(
  records: Records,
  task: SyncTask,
  mailboxAddress: string,
  now: number,
  totals: Totals,
): Promise<void> {
  const time = isoTime(now);
  const data = {
    ...idsOf({ task, mailboxAddress }),
    outcome: 'stopped' as const,
    changed: false,
    totals,
  };
  const event = { source: 'sync', subject: task.mailboxId, key: task.taskId, time, data };
  const events = [makeEvent('mailbox.synced', event)];
  const result: TaskResult = { state: 'stopped', finishedAt: time, totals };
  await records.conclude({ events, taskId: task.taskId, result });
}

/** The mailbox failed for good in this run. */
export async function reportFailed(
  records: Records,
  task: SyncTask,
  mailboxAddress: string,
  now: number,
  attempts: number,
  error: ErrorFacts,
): Promise<void> {
  const time = isoTime(now);
  const data = { ...idsOf({ task, mailboxAddress }), attempts, error };
  const key = task.retry === undefined ? task.taskId : `${task.taskId}/${task.retry}`;
  const event = { source: 'sync', subject: task.mailboxId, key, time, data };
  const events = [makeEvent('mailbox.failed', event)];
  const result: TaskResult = { state: 'failed', finishedAt: time, error, attempts };
  await records.conclude({ events, taskId: task.taskId, result });
}
