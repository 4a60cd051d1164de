import type { Metrics } from '@holdfast/runtime';

export type NotifyMetrics = ReturnType<typeof createNotifyMetrics>;

/** The numbers of the notifier, in one place. */
export const createNotifyMetrics = (metrics: Metrics) => ({
  pending: metrics.gauge('holdfast_notify_pending', 'Notifications that wait to be sent'),
  tries: metrics.counter('holdfast_notify_tries_total', 'Tries to send a notification', ['result']),
});
