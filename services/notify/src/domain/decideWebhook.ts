import { deliveryIdOf, type Webhook, type WebhookDelivery } from '@holdfast/contracts';
import type { PostResult } from '../ports.ts';

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
/** An event that could not be delivered for this long is a dead letter: kept, shown, and sent again when asked. */
export const tryForMs = 24 * 60 * minuteMs;
/** A webhook that took nothing for this long is suspended, so that its dead letters do not grow for ever. */
export const suspendAfterMs = 5 * tryForMs;
const firstPausesMs = [10 * secondMs, 30 * secondMs];
const longestPauseMs = 60 * minuteMs;

/** 10 and 30 seconds, then one, two, four … minutes, at most an hour. */
export const webhookPause = (tries: number): number =>
  firstPausesMs[tries - 1] ?? Math.min(minuteMs * 2 ** Math.max(0, tries - 3), longestPauseMs);

/** The record of an event for a webhook; the same whoever makes it. */
export function plannedDelivery(
  webhookId: string,
  event: WebhookDelivery['event'],
  nowIso: string,
): WebhookDelivery {
  return {
    id: deliveryIdOf(webhookId, event.id),
    webhookId,
    eventId: event.id,
    eventName: event.name,
    event,
    state: 'pending',
    tries: 0,
    createdAt: nowIso,
    startedAt: nowIso,
    nextTry: nowIso,
  };
}

/** Takes one try: nobody else takes it within `claimMs`. Undefined when it is not to be tried now. */
export function claimDelivery(
  delivery: WebhookDelivery,
  nowMs: number,
  claimMs: number,
): WebhookDelivery | undefined {
  if (delivery.state !== 'pending') return undefined;
  if (delivery.nextTry !== undefined && new Date(delivery.nextTry).getTime() > nowMs) return undefined;
  return { ...delivery, tries: delivery.tries + 1, nextTry: new Date(nowMs + claimMs).toISOString() };
}

export const wasTaken = (result: PostResult): boolean =>
  result.kind === 'answered' && result.status >= 200 && result.status < 300;

/** 410 Gone is how a receiver says that it does not want this any more. */
const isFinal = (result: PostResult): boolean => result.kind === 'answered' && result.status === 410;

/** What a delivery becomes after a try. */
export function decideWebhookDelivery(
  delivery: WebhookDelivery,
  result: PostResult,
  nowMs: number,
): WebhookDelivery {
  const { error: _error, answer: _answer, status: _status, nextTry: _next, ...rest } = delivery;
  const noted: WebhookDelivery = {
    ...rest,
    tookMs: result.tookMs,
    ...(result.kind === 'answered' ? { status: result.status, answer: result.answer } : {}),
  };
  const endedAt = new Date(nowMs).toISOString();
  if (wasTaken(result)) return { ...noted, state: 'delivered', endedAt };
  const failed = { ...noted, error: failureText(result) };
  const asked = result.kind === 'answered' ? (result.retryAfterMs ?? 0) : 0;
  const nextMs = nowMs + Math.min(longestPauseMs, Math.max(webhookPause(delivery.tries), asked));
  const givesUp = isFinal(result) || nextMs > new Date(delivery.startedAt).getTime() + tryForMs;
  return givesUp
    ? { ...failed, state: 'dead', endedAt }
    : { ...failed, nextTry: new Date(nextMs).toISOString() };
}

export function failureText(result: PostResult): string {
  if (result.kind === 'failed') return result.error;
  const redirected = result.status >= 300 && result.status < 400;
  return redirected
    ? `the receiver answered ${result.status}: redirects are not followed, change the address of the webhook`
    : `the receiver answered ${result.status}`;
}

const noteEveryMs = minuteMs;

/** How a webhook fares after a try; undefined when there is nothing new to write. */
export function noteHealth(webhook: Webhook, result: PostResult, nowMs: number): Webhook | undefined {
  const nowIso = new Date(nowMs).toISOString();
  const { failingSince, lastError, ...rest } = webhook;
  if (wasTaken(result)) {
    const noted = new Date(webhook.lastDeliveredAt ?? 0).getTime();
    const isFresh = failingSince === undefined && lastError === undefined && nowMs - noted < noteEveryMs;
    return isFresh ? undefined : { ...rest, lastDeliveredAt: nowIso };
  }
  const since = failingSince ?? nowIso;
  const isTooLong = nowMs - new Date(since).getTime() >= suspendAfterMs && webhook.suspendedAt === undefined;
  const error = failureText(result);
  if (failingSince !== undefined && lastError === error && !isTooLong) return undefined;
  return { ...rest, failingSince: since, lastError: error, ...(isTooLong ? { suspendedAt: nowIso } : {}) };
}
