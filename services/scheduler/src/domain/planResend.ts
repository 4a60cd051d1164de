import type { RunTask } from '@holdfast/contracts';

export interface ResendFacts {
  /** Tasks of the run that the broker held, counted before the tasks were read. */
  held: number;
  /** By position. */
  queued: readonly RunTask[];
  /** Running tasks with the time for which each shows no sign of life, ms; 0 when its proxy works on it. */
  running: readonly { task: RunTask; silentMs: number }[];
  /** A silent task is sent again after this time when the broker holds too few tasks. */
  orphanAfterMs: number;
  /** A silent task is sent again after this time even though the broker seems to hold it. */
  abandonedAfterMs: number;
}

/**
 * Which tasks to send again. The broker holds at least one message for each task that has not ended; when it holds
 * fewer, some were lost or never sent. It does not say which. Tasks are sent in the order of their positions, and
 * what a crash loses is the end of that order, so the last queued ones are sent first. A wrong choice costs a
 * second message for a task, which its proxy drops; the missing one is sent later, as the count still tells.
 *
 * A running task is left to its proxy as long as that shows a sign of life: when the broker lost its message, the
 * proxy still ends the task in the control data.
 */
export function planResend(facts: ResendFacts): RunTask[] {
  const silentFor = (ms: number): RunTask[] =>
    facts.running.filter(({ silentMs }) => silentMs >= ms).map(({ task }) => task);
  const missing = Math.max(0, facts.queued.length + facts.running.length - facts.held);
  const queued = missing === 0 ? [] : facts.queued.slice(-missing);
  const orphans = silentFor(facts.orphanAfterMs).slice(0, missing - queued.length);
  const again = new Set([...silentFor(facts.abandonedAfterMs), ...orphans, ...queued]);
  return [...again].sort((a, b) => a.position - b.position);
}
