import { errorFacts, HoldfastError, type Notification } from '@holdfast/contracts';
import type { Logger } from '@holdfast/runtime';
import { composeMail } from './domain/composeMail.ts';
import { claim, decideDelivery } from './domain/decideDelivery.ts';
import { notificationEvent } from './domain/notificationEvents.ts';
import type { NotifyMetrics } from './metrics.ts';
import type { Announce, Mailer, MailResult, NotificationBook, ReportSource } from './ports.ts';

export interface SendDeps {
  book: NotificationBook;
  source: ReportSource;
  mailer: Mailer;
  announce: Announce;
  logger: Logger;
  metrics: NotifyMetrics;
  now: () => number;
  /** Within this time a try has ended, one way or the other; ms. */
  claimMs: number;
}

export interface PendingFacts {
  pending: number;
  /** When the soonest of the others is to be tried, ms since epoch. */
  nextTryMs: number | undefined;
  oldestMs: number | undefined;
}

/** Tries every notification that is due, one after the other, until `signal` is aborted. */
export async function sendPending(deps: SendDeps, signal: AbortSignal): Promise<PendingFacts> {
  const facts: PendingFacts = { pending: 0, nextTryMs: undefined, oldestMs: undefined };
  for await (const found of deps.book.pending()) {
    if (signal.aborted) break;
    const left = isDue(found, deps.now()) ? await trySending(deps, found.id) : found;
    if (left === undefined || left.state !== 'pending') continue;
    facts.pending += 1;
    facts.nextTryMs = Math.min(facts.nextTryMs ?? Number.POSITIVE_INFINITY, timeOf(left.nextTry, deps.now()));
    facts.oldestMs = Math.min(facts.oldestMs ?? Number.POSITIVE_INFINITY, timeOf(left.createdAt, deps.now()));
  }
  return facts;
}

const timeOf = (iso: string | undefined, otherwise: number): number =>
  iso === undefined ? otherwise : new Date(iso).getTime();
const isDue = (notification: Notification, nowMs: number): boolean =>
  timeOf(notification.nextTry, nowMs) <= nowMs;

/**
 * One try. The claim is written before anything is sent, so two processes never send at the same time; the result is
 * written right after the server's answer. A crash in between leaves the claim, and when that has run out the message
 * is sent again with the same Message-ID.
 */
async function trySending(deps: SendDeps, id: string): Promise<Notification | undefined> {
  const claimed = await deps.book.change(id, (current) => claim(current, deps.now(), deps.claimMs));
  if (claimed === undefined) return undefined;
  const result = await attempt(deps, claimed);
  const after = await deps.book.change(id, (current) =>
    current.state === 'pending' && current.tries === claimed.tries
      ? decideDelivery(current, result, deps.now())
      : undefined,
  );
  if (after !== undefined) await tell(deps, after);
  return after;
}

async function attempt(deps: SendDeps, notification: Notification): Promise<MailResult> {
  try {
    const settings = await deps.source.settings();
    if (settings?.mail === undefined) return { kind: 'failed', error: settingsGone, isPermanent: false };
    const message = await composeMail(deps.source, notification, settings.mail, settings.baseUrl);
    return await deps.mailer.send(settings.mail, message);
  } catch (error) {
    const isPermanent = error instanceof HoldfastError && error.errorClass === 'vanished';
    return { kind: 'failed', error: errorFacts(error), isPermanent };
  }
}

async function tell(deps: SendDeps, notification: Notification): Promise<void> {
  const { id, state, tries, error, nextTry } = notification;
  const words = { notificationId: id, tries, error };
  if (state === 'pending') {
    deps.metrics.tries.inc({ result: 'later' });
    deps.logger.warn({ ...words, nextTry }, 'a report could not be sent; it is tried again');
    return;
  }
  deps.metrics.tries.inc({ result: state });
  if (state === 'sent')
    deps.logger.info({ ...words, recipients: notification.delivered?.length }, 'report sent');
  else deps.logger.error(words, 'a report could not be sent');
  await announceEnded(deps, notification);
}

async function announceEnded(
  deps: Pick<SendDeps, 'announce' | 'now'>,
  notification: Notification,
): Promise<void> {
  const event = notificationEvent(notification, new Date(deps.now()).toISOString());
  if (event !== undefined) await deps.announce(event);
}

/** Events of notifications that ended just before a crash; one that was announced before is dropped as a repeat. */
export async function announceLate(
  deps: Pick<SendDeps, 'announce' | 'now' | 'book'>,
  lookBackMs: number,
): Promise<void> {
  const since = new Date(deps.now() - lookBackMs).toISOString();
  for await (const notification of deps.book.endedSince(since)) await announceEnded(deps, notification);
}

const settingsGone = {
  code: 'mail-not-configured',
  errorClass: 'configuration',
  message: 'the mail settings were removed before this report was sent',
  remedy: 'Enter the mail server in the settings; the report is tried again for a day.',
} as const;
