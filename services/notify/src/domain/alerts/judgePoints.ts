import type { AlertSettings, Job, MailboxHead, RunTask } from '@holdfast/contracts';
import { headIdOf } from '@holdfast/contracts';
import { counted, formatDuration } from '../format.ts';
import { type Finding, mostDetails } from './finding.ts';

const hourMs = 60 * 60_000;

export const pointAgeLimitMs = (job: Job, settings: AlertSettings): number =>
  (job.notifications.maxPointAgeHours ?? settings.restorePointOld.afterHours) * hourMs;

/**
 * Up to when a mailbox is safe: its newest complete restore point, or the newest look that found nothing changed since.
 */
export function safeUntil(
  head: Pick<MailboxHead, 'pointTime' | 'checkedAt'> | undefined,
): string | undefined {
  if (head?.pointTime === undefined) return undefined;
  return head.checkedAt !== undefined && head.checkedAt > head.pointTime ? head.checkedAt : head.pointTime;
}

/**
 * Mailboxes of a job whose newest restore point is older than the job allows. `tasks` are those of its newest run over
 * its whole scope, so a mailbox that left the scope is not missed; `safe` says by head id up to when each is safe.
 */
export function judgePoints(
  job: Job,
  tasks: readonly Pick<RunTask, 'mailboxId' | 'mailboxAddress' | 'repositoryId'>[],
  safe: ReadonlyMap<string, string>,
  settings: AlertSettings,
  nowMs: number,
): Finding | undefined {
  if (!job.enabled) return undefined;
  const limitMs = pointAgeLimitMs(job, settings);
  const madeMs = new Date(job.createdAt).getTime();
  const ageOf = (time: string | undefined): number =>
    nowMs - (time === undefined ? madeMs : Math.max(madeMs, new Date(time).getTime()));
  const old = tasks
    .map((task) => ({ ...task, time: safe.get(headIdOf(task.repositoryId, task.mailboxId)) }))
    .filter(({ time }) => ageOf(time) > limitMs)
    .sort(
      (a, b) =>
        (a.time ?? '').localeCompare(b.time ?? '') || a.mailboxAddress.localeCompare(b.mailboxAddress),
    );
  const isUnused = tasks.length === 0 && nowMs - madeMs > limitMs && job.schedules.length > 0;
  if (old.length === 0 && !isUnused) return undefined;
  const limit = formatDuration(limitMs);
  const what = isUnused
    ? `Job "${job.name}" has made no restore point since it was added, more than ${limit} ago`
    : `${counted(old.length, 'mailbox', 'mailboxes')} of job "${job.name}" ${old.length === 1 ? 'has' : 'have'} no restore point younger than ${limit}`;
  return {
    about: job.id,
    jobId: job.id,
    organizationId: job.organizationId,
    message: `${what}.`,
    remedy: 'See what its runs say about these mailboxes (holdfast run show), or take them out of the job.',
    details: old.slice(0, mostDetails).map(({ mailboxAddress, time }) => {
      const state = time === undefined ? 'no restore point' : `newest restore point ${time}`;
      return `${mailboxAddress}: ${state}`;
    }),
    since: new Date(
      (isUnused ? madeMs : nowMs - Math.max(...old.map(({ time }) => ageOf(time)))) + limitMs,
    ).toISOString(),
  };
}
