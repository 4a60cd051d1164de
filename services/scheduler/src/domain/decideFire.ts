import type { Job, Run, Schedule } from '@holdfast/contracts';
import { lastFire } from '@holdfast/scheduling';
import { chainFires } from './chainFires.ts';
import { servedUntil } from './jobSchedule.ts';

/** The fire of a job that is due. */
export interface DueFire {
  timeMs: number;
  schedule: Schedule;
  afterRunId?: string;
}

export interface FireDecision {
  /** The newest fire that is due, whatever the number of schedules that have one. */
  due: DueFire | undefined;
  /** By schedule: up to when it counts as served once the fire was. */
  served: Record<string, string>;
  /** When a run of another job that has ended already makes this one run, ms since epoch. */
  nextChainedMs: number | undefined;
}

/**
 * What is due of a job. Whatever was missed by any of its schedules while nobody was there is one fire, the newest;
 * of schedules that fire at the same moment the first in the list makes the run.
 */
export function decideFire(
  job: Job,
  endedRuns: ReadonlyMap<string, readonly Run[]>,
  nowMs: number,
): FireDecision {
  const decision: FireDecision = { due: undefined, served: {}, nextChainedMs: undefined };
  if (!job.enabled) return decision;
  const offer = (fire: DueFire): void => {
    if (decision.due === undefined || fire.timeMs > decision.due.timeMs) decision.due = fire;
  };
  for (const schedule of job.schedules) {
    const since = servedUntil(job, schedule);
    if (schedule.kind !== 'after') {
      const last = lastFire(schedule, new Date(nowMs));
      if (last === undefined || last <= since) continue;
      decision.served[schedule.id] = last.toISOString();
      offer({ timeMs: last.getTime(), schedule });
      continue;
    }
    const { due, nextMs, seenUntil } = chainFires(
      schedule,
      since,
      endedRuns.get(schedule.jobId) ?? [],
      nowMs,
    );
    if (seenUntil !== undefined) decision.served[schedule.id] = seenUntil;
    if (due !== undefined) offer({ ...due, schedule });
    if (nextMs !== undefined) decision.nextChainedMs = Math.min(decision.nextChainedMs ?? nextMs, nextMs);
  }
  return decision;
}
