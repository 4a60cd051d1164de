import type { Run, RunTask } from '@holdfast/contracts';
import type { Announce, RunBook, TaskBook } from '../ports.ts';
import { decideRetry, isWorthRetry } from './decideRetry.ts';
import { retryStarted } from './runEvents.ts';

export interface RetryPorts {
  runs: RunBook;
  tasks: TaskBook;
  announce: Announce;
  dispatched: Set<string>;
  now: () => number;
}

/**
 * Tries the failed mailboxes of a run again, as part of the run. `none`: the run is to be completed; `waiting`: for
 * the end of the pause; `moved`: look at the run again.
 *
 * Every step may be repeated. The tasks first: those that are queued again carry the number of this retry, so that a
 * second look after a crash leaves them alone; then the event; the run last. Nothing is sent before the run says so.
 */
export async function retryFailed(
  ports: RetryPorts,
  run: Run,
  failedTasks: number,
): Promise<'none' | 'waiting' | 'moved'> {
  const begun = run.retry?.done ?? 0;
  const failed: RunTask[] = [];
  // While the pause lasts there is no need to read them.
  const isPaused = decideRetry(run, failedTasks, ports.now()).kind === 'wait';
  if (run.retry !== undefined && failedTasks > 0 && !isPaused) {
    for await (const task of ports.tasks.tasks(run.id, ['failed'])) if (isWorthRetry(task)) failed.push(task);
  }
  const decision = decideRetry(run, failed.length, ports.now());
  if (decision.kind === 'none') return 'none';
  if (decision.kind === 'wait') return 'waiting';
  if (decision.kind === 'plan') {
    const at = new Date(decision.atMs).toISOString();
    await changeRetry(ports.runs, run.id, (retry) =>
      retry.done === begun && retry.at === undefined ? { ...retry, at } : undefined,
    );
    return 'moved';
  }
  const retry = begun + 1;
  for (const task of failed) await ports.tasks.changeTask(task.id, (current) => queuedAgain(current, retry));
  const queued = await countOfRetry(ports.tasks, run.id, retry);
  await ports.announce(retryStarted(run, retry, queued, new Date(ports.now()).toISOString()));
  await changeRetry(ports.runs, run.id, ({ at: _begun, ...rest }) =>
    rest.done === begun ? { ...rest, done: retry } : undefined,
  );
  // Its tasks are sent as if for the first time.
  ports.dispatched.delete(run.id);
  return 'moved';
}

function queuedAgain(task: RunTask, retry: number): RunTask | undefined {
  if (!isWorthRetry(task) || (task.retry ?? 0) >= retry) return undefined;
  const { error: _error, finishedAt: _finished, proxy: _proxy, ...rest } = task;
  return { ...rest, state: 'queued', attempts: 0, retry };
}

async function countOfRetry(tasks: TaskBook, runId: string, retry: number): Promise<number> {
  let count = 0;
  for await (const task of tasks.tasks(runId, ['queued'])) if (task.retry === retry) count += 1;
  return count;
}

type Retry = NonNullable<Run['retry']>;

const changeRetry = (
  runs: RunBook,
  runId: string,
  change: (retry: Retry) => Retry | undefined,
): Promise<void> =>
  runs.changeRun(runId, (run) => {
    const retry = run.state !== 'running' || run.retry === undefined ? undefined : change(run.retry);
    return retry === undefined ? undefined : { ...run, retry };
  });

/** The run as it is when no further retry comes. */
export function withoutPlannedRetry(run: Run): Run {
  if (run.retry?.at === undefined) return run;
  const { at: _planned, ...retry } = run.retry;
  return { ...run, retry };
}
