import type { Totals } from '@holdfast/contracts';
import type { Metrics } from '@holdfast/runtime';

/** The numbers of a proxy, in one place. */
export function createSyncMetrics(metrics: Metrics) {
  const items = metrics.counter('holdfast_sync_items_total', 'Items by what happened to them', ['change']);
  const read = metrics.counter('holdfast_sync_read_bytes_total', 'Bytes read from the source');
  const stored = metrics.counter('holdfast_sync_stored_bytes_total', 'Bytes that repositories grew by');
  const requests = metrics.counter('holdfast_sync_requests_total', 'Requests to the source');
  const throttled = metrics.counter(
    'holdfast_sync_throttled_seconds_total',
    'Time mailboxes stood still because of the limits of the source',
  );
  const tasks = metrics.counter('holdfast_sync_tasks_total', 'Mailboxes by outcome', ['outcome']);
  const seconds = metrics.histogram('holdfast_sync_task_seconds', 'Time of a mailbox by how it was read', [
    'plan',
  ]);
  const busy = metrics.gauge('holdfast_sync_busy_slots', 'Mailboxes at work');
  const slots = metrics.gauge('holdfast_sync_slots', 'Mailboxes that can be at work at the same time');
  return {
    busy,
    slots,
    ended(outcome: string, plan: string, tookMs: number, totals: Totals): void {
      tasks.inc({ outcome });
      seconds.observe({ plan }, tookMs / 1000);
      items.inc({ change: 'new' }, totals.itemsNew);
      items.inc({ change: 'changed' }, totals.itemsChanged);
      items.inc({ change: 'removed' }, totals.itemsRemoved);
      read.inc(totals.bytesRead);
      stored.inc(totals.bytesStored);
      requests.inc(totals.requests);
      throttled.inc(totals.throttledSeconds);
    },
    failed(outcome: 'failed' | 'retry' | 'postponed' | 'given-back'): void {
      tasks.inc({ outcome });
    },
  };
}

export type SyncMetrics = ReturnType<typeof createSyncMetrics>;
