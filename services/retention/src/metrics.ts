import type { Metrics } from '@holdfast/runtime';

export type RetentionMetrics = ReturnType<typeof createRetentionMetrics>;

/** The numbers of retention, in one place. */
export const createRetentionMetrics = (metrics: Metrics) => ({
  condemned: metrics.counter(
    'holdfast_retention_points_condemned_total',
    'Restore points that went into the waiting room',
  ),
  recalled: metrics.counter(
    'holdfast_retention_points_recalled_total',
    'Restore points that a policy or a hold took out of the waiting room',
  ),
  guarded: metrics.gauge(
    'holdfast_retention_plans_guarded',
    'Plans of mailboxes that wait for an approval because they take too much',
    ['repository'],
  ),
  pruned: metrics.counter('holdfast_retention_records_pruned_total', 'Old records that were removed', [
    'kind',
  ]),
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
