import type { Job, Run, RunTask } from '@holdfast/contracts';

/** What a run report says; made once, then written as HTML, text and CSV. */
export interface RunReport {
  run: Run;
  timeZone: string;
  /** Mailboxes with problems, worst first. */
  problems: RunTask[];
  /** Mailboxes without problems, by position; at most `goodRows`. */
  good: RunTask[];
  goodLeftOut: number;
  /** Every mailbox, when not all are in the message. */
  all: RunTask[] | undefined;
  link: string | undefined;
}

/** A message of thousands of rows is read by nobody and refused by some servers; the rest is in the CSV file. */
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

/** Puts a report together from the run and its tasks, which are by position. */
export async function collectRunReport(
  run: Run,
  job: Pick<Job, 'schedule'> | undefined,
  tasks: AsyncIterable<RunTask>,
  baseUrl: string | undefined,
): Promise<RunReport> {
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
  const timeZone = job?.schedule.kind === 'daily' ? job.schedule.timeZone : 'UTC';
  return { run, timeZone, problems, good, goodLeftOut, all: goodLeftOut > 0 ? all : undefined, link };
}
