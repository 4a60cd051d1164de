import type { Metrics } from '@holdfast/runtime';

export type RetentionMetrics = ReturnType<typeof createRetentionMetrics>;

/** The numbers of retention, in one place. */
export const createRetentionMetrics = (metrics: Metrics) => ({
  expired: metrics.counter('holdfast_retention_points_expired_total', 'Restore points removed by a policy'),
  forgotten: metrics.counter(
    'holdfast_retention_records_forgotten_total',
    'Records of points that were gone already',
  ),
  passes: metrics.counter('holdfast_retention_passes_total', 'Passes over a repository', [
    'trigger',
    'result',
  ]),
  mailboxFailures: metrics.counter(
    'holdfast_retention_mailbox_failures_total',
    'Mailboxes that are tried again later',
  ),
});
