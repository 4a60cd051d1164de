import type { RunOutcome } from '@holdfast/contracts';
import type { TaskCounts } from '../ports.ts';

/**
 * The result of a run whose tasks have all ended. A stop that came too late to stop anything changes nothing;
 * gaps and failed mailboxes make a warning, never a failed run, as long as one mailbox is good.
 */
export function decideOutcome(counts: TaskCounts, gapsOpen: number): RunOutcome {
  const total = counts.success + counts.warning + counts.failed + counts.stopped;
  if (total > 0 && counts.failed === total) return 'failed';
  if (counts.stopped > 0) return 'stopped';
  return counts.failed > 0 || counts.warning > 0 || gapsOpen > 0 ? 'warning' : 'success';
}

/** Tasks that have not ended. */
export const unfinishedOf = (counts: TaskCounts): number => counts.queued + counts.running;

/** The counts as a run carries them. */
export function runCounts(counts: TaskCounts): {
  total: number;
  success: number;
  warning: number;
  failed: number;
  stopped: number;
} {
  const { success, warning, failed, stopped } = counts;
  return {
    total: unfinishedOf(counts) + success + warning + failed + stopped,
    success,
    warning,
    failed,
    stopped,
  };
}
