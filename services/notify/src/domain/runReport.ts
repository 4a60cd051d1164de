import type { Job, Run, RunTask, ScriptRecord } from '@holdfast/contracts';
import { noPast, type RunPast } from './compareRuns.ts';
import { timeZoneOf } from './planNotification.ts';

/** What a run report says; made once, then written as HTML, text and CSV. */
export interface RunReport {
  run: Run;
  timeZone: string;
  /** Mailboxes with problems, worst first. */
  problems: RunTask[];
  /** Mailboxes without problems, by position; at most `goodRows`. */
  good: RunTask[];
  goodLeftOut: number;
  /** Every mailbox. */
  all: RunTask[];
  /** Every mailbox as a CSV file beside the message. */
  attach: boolean;
  past: RunPast;
  /** What became of the scripts before and after the run, as far as it is known. */
  scripts: readonly ScriptRecord[];
  link: string | undefined;
}

/** A message of thousands of rows is read by nobody and refused by some servers; the rest is in the CSV file or in the run. */
export const goodRows = 200;

const severity: Record<RunTask['state'], number> = {
  failed: 0,
  stopped: 1,
  warning: 2,
  running: 3,
  queued: 4,
  success: 5,
};

export const isProblem = (task: RunTask): boolean =>
  task.state !== 'success' || (task.totals?.gapsOpen ?? 0) > 0;

export interface ReportOptions {
  baseUrl?: string | undefined;
  attach?: boolean | undefined;
  scripts?: readonly ScriptRecord[];
  /** Asked once, when the tasks are known. */
  past?: (tasks: readonly RunTask[]) => Promise<RunPast>;
}

/** Puts a report together from the run and its tasks, which are by position. */
export async function collectRunReport(
  run: Run,
  job: Pick<Job, 'schedules'> | undefined,
  tasks: AsyncIterable<RunTask>,
  options: ReportOptions = {},
): Promise<RunReport> {
  const { baseUrl, attach = true, scripts = [], past = async () => noPast } = options;
  const problems: RunTask[] = [];
  const good: RunTask[] = [];
  const all: RunTask[] = [];
  let goodLeftOut = 0;
  for await (const task of tasks) {
    const { gaps: _gaps, ...row } = task;
    all.push(row);
    if (isProblem(task)) problems.push(task);
    else if (good.length < goodRows) good.push(row);
    else goodLeftOut += 1;
  }
  problems.sort((a, b) => severity[a.state] - severity[b.state] || a.position - b.position);
  const link =
    baseUrl === undefined ? undefined : new URL(`/runs/${encodeURIComponent(run.id)}`, baseUrl).href;
  const timeZone = timeZoneOf(job);
  return { run, timeZone, problems, good, goodLeftOut, all, attach, scripts, past: await past(all), link };
}
