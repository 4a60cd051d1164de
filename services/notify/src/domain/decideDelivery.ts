import type { ErrorFacts, Notification } from '@holdfast/contracts';
import type { MailResult } from '../ports.ts';

const minuteMs = 60_000;
/** A message that could not be sent for this long is given up: a report of yesterday helps nobody. */
export const giveUpAfterMs = 24 * 60 * minuteMs;
const firstPauseMs = minuteMs / 2;
const longestPauseMs = 60 * minuteMs;

/** Half a minute, one, two, four … minutes, at most an hour; most greylists open after five minutes. */
export const pauseAfter = (tries: number): number =>
  Math.min(firstPauseMs * 2 ** Math.max(0, tries - 1), longestPauseMs);

/** Recipients that still wait for the message. */
export function remainingRecipients(notification: Notification): string[] {
  const settled = new Set([
    ...(notification.delivered ?? []),
    ...(notification.refused ?? []).map(({ recipient }) => recipient),
  ]);
  return notification.recipients.filter((recipient) => !settled.has(recipient));
}

/**
 * Takes one try of this notification: nobody else takes it before `claimMs` have passed, within which the try must
 * have ended. Undefined when it is not to be tried now.
 */
export function claim(notification: Notification, nowMs: number, claimMs: number): Notification | undefined {
  if (notification.state !== 'pending') return undefined;
  if (notification.nextTry !== undefined && new Date(notification.nextTry).getTime() > nowMs)
    return undefined;
  return { ...notification, tries: notification.tries + 1, nextTry: new Date(nowMs + claimMs).toISOString() };
}

/**
 * What a notification becomes after a try. Who has the message does not get it again; who was refused for good is
 * noted with the server's words; the others are tried again until a day is over.
 */
export function decideDelivery(notification: Notification, result: MailResult, nowMs: number): Notification {
  if (result.kind === 'failed') {
    return result.isPermanent
      ? giveUp(notification, result.error, nowMs)
      : tryLater(notification, result.error, nowMs);
  }
  const noted: Notification = {
    ...notification,
    delivered: [...(notification.delivered ?? []), ...result.accepted],
    refused: [
      ...(notification.refused ?? []),
      ...result.refused
        .filter((one) => one.isPermanent)
        .map(({ recipient, reason }) => ({ recipient, reason })),
    ],
  };
  if (remainingRecipients(noted).length > 0) {
    const [first] = result.refused.filter((one) => !one.isPermanent);
    return tryLater(
      noted,
      deferredBecause(first?.reason ?? 'the mail server gave no answer for a recipient'),
      nowMs,
    );
  }
  return noted.delivered?.length === 0 ? giveUp(noted, allRefused(noted), nowMs) : sent(noted, nowMs);
}

function sent(notification: Notification, nowMs: number): Notification {
  const { error: _past, nextTry: _next, ...rest } = notification;
  const refused = notification.refused ?? [];
  const done: Notification = { ...rest, state: 'sent', sentAt: new Date(nowMs).toISOString() };
  return refused.length === 0 ? done : { ...done, error: someRefused(refused) };
}

function tryLater(notification: Notification, error: ErrorFacts, nowMs: number): Notification {
  const nextTryMs = nowMs + pauseAfter(notification.tries);
  if (nextTryMs > new Date(notification.createdAt).getTime() + giveUpAfterMs)
    return giveUp(notification, error, nowMs);
  return { ...notification, error, nextTry: new Date(nextTryMs).toISOString() };
}

/** Somebody has it: then it counts as sent, and the error says who has not. */
function giveUp(notification: Notification, error: ErrorFacts, nowMs: number): Notification {
  const { nextTry: _next, ...rest } = notification;
  if ((notification.delivered ?? []).length === 0) return { ...rest, state: 'failed', error };
  return { ...rest, state: 'sent', sentAt: new Date(nowMs).toISOString(), error };
}

const reasons = (refused: readonly { recipient: string; reason: string }[]): string =>
  refused.map(({ recipient, reason }) => `${recipient} (${reason})`).join(', ');

const someRefused = (refused: readonly { recipient: string; reason: string }[]): ErrorFacts => ({
  code: 'recipients-refused',
  errorClass: 'configuration',
  message: `the mail server refused ${reasons(refused)}`,
  remedy: 'Correct or remove these recipients in the mail settings or the job.',
});

const allRefused = (notification: Notification): ErrorFacts => someRefused(notification.refused ?? []);

const deferredBecause = (reason: string): ErrorFacts => ({
  code: 'recipients-deferred',
  errorClass: 'transient',
  message: `the mail server asks to try again later: ${reason}`,
  remedy: 'Nothing to do: the message is tried again with growing pauses for a day.',
});
