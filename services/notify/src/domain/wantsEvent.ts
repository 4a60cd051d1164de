import { eventNameMatches, type Webhook } from '@holdfast/contracts';

/** What a webhook's filter looks at. */
export interface FilteredEvent {
  name: string;
  time: string;
  data: unknown;
}

const field = (data: unknown, name: string): unknown =>
  data !== null && typeof data === 'object' ? Object.getOwnPropertyDescriptor(data, name)?.value : undefined;

/** Off, or switched off by itself after days of failures: nothing is kept for it. */
export const isAtWork = (webhook: Webhook): boolean => webhook.enabled && webhook.suspendedAt === undefined;

/** Whether an event goes to a webhook; what happened before it was made, or changed, does not. */
export function wantsEvent(webhook: Webhook, event: FilteredEvent): boolean {
  if (event.name === 'webhook.tested') return field(event.data, 'webhookId') === webhook.id;
  if (!isAtWork(webhook) || event.time < webhook.eventsFrom) return false;
  if (!webhook.events.some((filter) => eventNameMatches(filter, event.name))) return false;
  const { organizationId, jobId } = webhook;
  return (
    (organizationId === undefined || field(event.data, 'organizationId') === organizationId) &&
    (jobId === undefined || field(event.data, 'jobId') === jobId)
  );
}
