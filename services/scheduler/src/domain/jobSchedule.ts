import type { Job, Schedule } from '@holdfast/contracts';
import { nextFire } from '@holdfast/scheduling';

/** Up to when a schedule of a job has been served. */
export const servedUntil = (job: Job, schedule: Pick<Schedule, 'id'>): Date =>
  new Date(job.lastFires[schedule.id] ?? job.createdAt);

/**
 * When a job fires next by the clock (ms since epoch); a fire that was missed lies in the past. Undefined: it never
 * does.
 */
export function nextFireOf(job: Job): number | undefined {
  if (!job.enabled) return undefined;
  let soonest: number | undefined;
  for (const schedule of job.schedules) {
    const next = nextFire(schedule, servedUntil(job, schedule))?.getTime();
    if (next !== undefined && (soonest === undefined || next < soonest)) soonest = next;
  }
  return soonest;
}

/** The jobs that a job runs after. */
export const followedBy = (job: Job): string[] =>
  job.enabled ? job.schedules.flatMap((schedule) => (schedule.kind === 'after' ? [schedule.jobId] : [])) : [];

/** Changes when the schedules do. */
export const scheduleSignature = (job: Job): string =>
  job.enabled ? JSON.stringify(job.schedules) : `disabled ${JSON.stringify(job.schedules)}`;
