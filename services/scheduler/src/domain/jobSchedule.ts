import type { Job } from '@holdfast/contracts';
import { nextFire } from '@holdfast/scheduling';

/** Up to when the schedule of a job has been served. */
export const servedUntil = (job: Job): Date => new Date(job.lastFire ?? job.createdAt);

/**
 * A job whose schedule was changed, or that was enabled again, counts from this moment: what the new schedule would
 * have fired before it is not missed. Undefined when it counts from later already.
 */
export function servedFrom(job: Job, nowIso: string): Job | undefined {
  return servedUntil(job) < new Date(nowIso) ? { ...job, lastFire: nowIso } : undefined;
}

/** When a job fires next (ms since epoch); a fire that was missed lies in the past. Undefined: it never fires. */
export function nextFireOf(job: Job): number | undefined {
  if (!job.enabled) return undefined;
  return nextFire(job.schedule, servedUntil(job), new Date(job.createdAt))?.getTime();
}

/** Changes when the schedule does. */
export const scheduleSignature = (job: Job): string =>
  job.enabled ? JSON.stringify(job.schedule) : `disabled ${JSON.stringify(job.schedule)}`;
