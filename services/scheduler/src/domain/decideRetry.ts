import type { ErrorClass, Run, RunTask } from '@holdfast/contracts';

/** What to do about the failed mailboxes of a run whose tasks have all ended. */
export type RetryDecision =
  | { kind: 'none' }
  /** Note when they are tried again. */
  | { kind: 'plan'; atMs: number }
  | { kind: 'wait' }
  | { kind: 'begin' };

/** Trying again cannot help: a person must do something first. */
const hopeless: readonly ErrorClass[] = ['permanent-mailbox', 'forbidden', 'configuration'];

/** Is it worth trying this task again at the end of its run? */
export const isWorthRetry = (task: Pick<RunTask, 'state' | 'error'>): boolean =>
  task.state === 'failed' && !hopeless.includes(task.error?.errorClass ?? 'ours');

/**
 * Decides on the retry of a run. `failed`: tasks that are worth it. A stop, and a window that ends before the pause
 * does, leave no retry.
 */
export function decideRetry(
  run: Pick<Run, 'retry' | 'stopAt' | 'stopRequested'>,
  failed: number,
  nowMs: number,
): RetryDecision {
  const { retry, stopAt, stopRequested } = run;
  if (retry === undefined || stopRequested) return { kind: 'none' };
  if (retry.at !== undefined) return { kind: new Date(retry.at).getTime() > nowMs ? 'wait' : 'begin' };
  if (retry.done >= retry.times || failed === 0) return { kind: 'none' };
  const atMs = nowMs + retry.pauseMinutes * 60_000;
  if (stopAt !== undefined && new Date(stopAt).getTime() <= atMs) return { kind: 'none' };
  return { kind: 'plan', atMs };
}
