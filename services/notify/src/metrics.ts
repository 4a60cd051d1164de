import type { Metrics } from '@holdfast/runtime';

export type NotifyMetrics = ReturnType<typeof createNotifyMetrics>;

/** The numbers of the notifier, in one place. */
export const createNotifyMetrics = (metrics: Metrics) => ({
  pending: metrics.gauge('holdfast_notify_pending', 'Notifications that wait to be sent'),
  tries: metrics.counter('holdfast_notify_tries_total', 'Tries to send a notification', ['result']),
  webhookPending: metrics.gauge('holdfast_notify_webhook_pending', 'Webhook deliveries that wait'),
  webhookTries: metrics.counter('holdfast_notify_webhook_tries_total', 'Tries to deliver to a webhook', [
    'result',
  ]),
  alertsOpen: metrics.gauge('holdfast_notify_alerts_open', 'Alerts that are open', ['kind']),
});
