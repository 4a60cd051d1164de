import { type Run, type RunTask, taskIdOf } from '@holdfast/contracts';
import { compareRuns, type FailingSince, type RunChanges, type RunPast } from './domain/compareRuns.ts';
import type { ReportSource } from './ports.ts';

const runsLookedAt = 30;
const mostFailing = 50;

/** What the runs before say about this one: what has changed, and since when mailboxes fail. */
export async function collectPast(
  source: Pick<ReportSource, 'runsBefore' | 'tasks' | 'task'>,
  run: Run,
  tasks: readonly RunTask[],
): Promise<RunPast> {
  const before = (await source.runsBefore(run.jobId, run.number, runsLookedAt)).filter(
    ({ tasks: counts, onlyMailboxes }) => counts.total > 0 && onlyMailboxes === undefined,
  );
  const [previous] = before;
  const isWhole = run.onlyMailboxes === undefined && run.tasks.total > 0;
  let changes: RunChanges | undefined;
  if (previous !== undefined && isWhole) {
    const past = await Array.fromAsync(source.tasks(previous.id), slim);
    changes = compareRuns(tasks, past, previous.number);
  }
  const failing = new Map<string, FailingSince>();
  const failed = tasks.filter(({ state }) => state === 'failed').slice(0, mostFailing);
  for (const task of failed) failing.set(task.id, await failingSince(source, run, task, before));
  return { changes, failing };
}

const slim = ({ mailboxId, mailboxAddress, state }: RunTask) => ({ mailboxId, mailboxAddress, state });

async function failingSince(
  source: Pick<ReportSource, 'task'>,
  run: Run,
  task: RunTask,
  before: readonly Run[],
): Promise<FailingSince> {
  const found: FailingSince = { since: run.startedAt ?? run.requestedAt, runs: 1 };
  for (const earlier of before) {
    const then = await source.task(taskIdOf(earlier.id, task.mailboxId));
    if (then?.state !== 'failed') break;
    found.since = earlier.startedAt ?? earlier.requestedAt;
    found.runs += 1;
  }
  return found;
}
