import type { HoldfastEvent, Notification } from '@holdfast/contracts';
import type { Logger } from '@holdfast/runtime';
import {
  notificationIdOf,
  planRestoreNotification,
  planRunNotification,
} from '../domain/planNotification.ts';
import type { NotificationBook, ReportSource } from '../ports.ts';

export interface OnEndedDeps {
  source: ReportSource;
  book: NotificationBook;
  logger: Logger;
  now: () => number;
  /** Told when there is something to send. */
  onPending: () => void;
}

/** A run has ended: its notification is written down, once, before anything is sent. */
export async function onRunEnded(deps: OnEndedDeps, runId: string): Promise<void> {
  if ((await deps.book.notification(notificationIdOf('run-report', runId))) !== undefined) return;
  const run = await deps.source.run(runId);
  if (run === undefined) {
    deps.logger.warn({ runId }, 'a run that was deleted meanwhile is not reported');
    return;
  }
  const [job, settings, organization] = await Promise.all([
    deps.source.job(run.jobId),
    deps.source.settings(),
    deps.source.organization(run.organizationId),
  ]);
  await note(deps, planRunNotification(run, job, settings, iso(deps.now()), organization));
}

/** A restore has ended. */
export async function onRestoreEnded(deps: OnEndedDeps, sessionId: string): Promise<void> {
  if ((await deps.book.notification(notificationIdOf('restore-report', sessionId))) !== undefined) return;
  const session = await deps.source.session(sessionId);
  if (session === undefined) {
    deps.logger.warn({ sessionId }, 'a restore session that was deleted meanwhile is not reported');
    return;
  }
  await note(deps, planRestoreNotification(session, await deps.source.settings(), iso(deps.now())));
}

/** The events that make notifications; others pass. */
export async function onEvent(deps: OnEndedDeps, event: HoldfastEvent): Promise<void> {
  if (event.name === 'run.completed')
    await onRunEnded(deps, (event as HoldfastEvent<'run.completed'>).data.runId);
  // Whoever asked for a message has written it down already.
  if (event.name === 'notification.requested') deps.onPending();
  if (event.name === 'restore.completed') {
    await onRestoreEnded(deps, (event as HoldfastEvent<'restore.completed'>).data.sessionId);
  }
}

async function note(deps: OnEndedDeps, notification: Notification | undefined): Promise<void> {
  if (notification === undefined) return;
  const isNew = await deps.book.insert(notification);
  if (!isNew) return;
  const { id, state, error } = notification;
  if (state === 'suppressed') deps.logger.info({ notificationId: id, reason: error }, 'no report is sent');
  else deps.onPending();
}

const iso = (ms: number): string => new Date(ms).toISOString();
