import type { RestoreSession } from '@holdfast/contracts';
import type { Metrics } from '@holdfast/runtime';

/** The numbers of a restore worker, in one place. */
export function createRestoreMetrics(metrics: Metrics) {
  const sessions = metrics.counter('holdfast_restore_sessions_total', 'Restore sessions by outcome', [
    'outcome',
  ]);
  const items = metrics.counter('holdfast_restore_items_total', 'Items by what happened to them', ['action']);
  const sent = metrics.counter('holdfast_restore_sent_bytes_total', 'Bytes of attachments sent');
  const requests = metrics.counter('holdfast_restore_requests_total', 'Requests to the target');
  const throttled = metrics.counter(
    'holdfast_restore_throttled_seconds_total',
    'Time mailboxes stood still because of the limits of the target',
  );
  return {
    busy: metrics.gauge('holdfast_restore_busy_slots', 'Restore sessions at work'),
    slots: metrics.gauge('holdfast_restore_slots', 'Restore sessions that can be at work at the same time'),
    questions: metrics.counter('holdfast_restore_questions_total', 'Questions answered', ['question']),
    ended(outcome: string, progress: RestoreSession['progress']): void {
      sessions.inc({ outcome });
      for (const action of ['created', 'skipped', 'renamed', 'overwritten', 'failed'] as const)
        items.inc({ action }, progress[action]);
      sent.inc(progress.bytes);
      requests.inc(progress.requests);
      throttled.inc(progress.throttledSeconds);
    },
  };
}

export type RestoreMetrics = ReturnType<typeof createRestoreMetrics>;
