import { type AlertSettings, type Job, type Run, zoneOfSchedules } from '@holdfast/contracts';
import { lastFire } from '@holdfast/scheduling';
import { formatDuration, formatTime } from '../format.ts';
import type { Finding } from './finding.ts';

const minuteMs = 60_000;
const ms = (iso: string | undefined): number => (iso === undefined ? Number.NaN : new Date(iso).getTime());

/** A run that was asked for and has not begun is no run yet; one that was skipped never was. */
const hasWorked = (run: Run): boolean => !['requested', 'skipped'].includes(run.state);

/** It was at work at or after a time. */
const workedSince = (run: Run, fireMs: number): boolean =>
  hasWorked(run) &&
  (run.finishedAt === undefined || ms(run.finishedAt) >= fireMs || ms(run.requestedAt) >= fireMs);

/**
 * The newest time up to `atMs` at which the job should have run. A schedule that was changed, or served, after its own
 * newest time counts only when a run waits: that time is not owed any more.
 */
function newestFire(job: Job, atMs: number, isWaiting: boolean): number | undefined {
  const fires = job.schedules.flatMap((schedule) => {
    const fireMs = lastFire(schedule, new Date(atMs))?.getTime();
    if (fireMs === undefined || fireMs <= ms(job.createdAt)) return [];
    return !isWaiting && ms(job.lastFires[schedule.id]) > fireMs ? [] : [fireMs];
  });
  return fires.length === 0 ? undefined : Math.max(...fires);
}

/**
 * Whether nothing ran although the schedule said so, judged by the schedule and the runs alone: it may be the
 * scheduler that is dead. `runs` are the newest of the job, newest first.
 */
export function judgeOverdue(
  job: Job,
  runs: readonly Run[],
  settings: AlertSettings,
  nowMs: number,
): Finding | undefined {
  if (!job.enabled) return undefined;
  const graceMs = (job.notifications.overdueAfterMinutes ?? settings.jobOverdue.afterMinutes) * minuteMs;
  const waiting = runs.find((run) => run.state === 'requested' && ms(run.requestedAt) <= nowMs - graceMs);
  const fireMs = newestFire(job, nowMs - graceMs, waiting !== undefined);
  if (fireMs === undefined || runs.some((run) => workedSince(run, fireMs))) return undefined;
  const timeZone = zoneOfSchedules(job.schedules);
  const fire = new Date(fireMs).toISOString();
  const when = `${formatTime(fire, timeZone)} (${timeZone})`;
  const [newest] = runs.filter(hasWorked);
  const last =
    newest === undefined
      ? 'It has never run'
      : `It ran last ${formatTime(newest.startedAt ?? newest.requestedAt, timeZone)}`;
  const why = waiting?.error === undefined ? '' : ` (${waiting.error.message})`;
  const what =
    waiting === undefined
      ? `should have run ${when}, and did not`
      : `should have run ${when}, and waits since then${why}`;
  return {
    about: job.id,
    jobId: job.id,
    organizationId: job.organizationId,
    message: `Job "${job.name}" ${what}. ${last}.`,
    remedy:
      waiting?.error?.remedy ??
      `Check that the scheduler runs and a proxy of pool "${job.pool}" is online (holdfast proxy list), then start it by hand: holdfast job run ${job.id}.`,
    details: [`late by more than ${formatDuration(graceMs)}`],
    since: fire,
  };
}
