import type { ChainOutcome, Run, RunOutcome, Schedule } from '@holdfast/contracts';
import { localTime } from '@holdfast/scheduling';

type After = Extract<Schedule, { kind: 'after' }>;

/** A time at which a job is to run because a run of another job has ended. */
export interface ChainFire {
  timeMs: number;
  afterRunId: string;
}

export interface ChainFires {
  /** The newest fire that is due. */
  due: ChainFire | undefined;
  /** When the next one is due, ms since epoch. */
  nextMs: number | undefined;
  /** End of the newest run whose time has come, whether it counts or not: everything up to it has been looked at. */
  seenUntil: string | undefined;
}

/** What a warning counts as: the mailboxes are there, so what follows may run. */
const countsAs: Partial<Record<RunOutcome, ChainOutcome>> = {
  success: 'success',
  warning: 'success',
  failed: 'failed',
  stopped: 'stopped',
};

/**
 * The fires of a schedule that follows another job, from that job's ended runs. Runs of chosen mailboxes only do not
 * count, nor do skipped ones. Of several that are due the newest is served, as with times.
 */
export function chainFires(
  schedule: After,
  servedUntil: Date,
  ended: readonly Run[],
  nowMs: number,
): ChainFires {
  const found: ChainFires = { due: undefined, nextMs: undefined, seenUntil: undefined };
  for (const run of ended) {
    const outcome = countsAs[run.state as RunOutcome];
    if (outcome === undefined || run.finishedAt === undefined || run.onlyMailboxes !== undefined) continue;
    if (new Date(run.finishedAt) <= servedUntil) continue;
    const timeMs = new Date(run.finishedAt).getTime() + schedule.delayMinutes * 60_000;
    if (timeMs > nowMs) {
      found.nextMs = Math.min(found.nextMs ?? timeMs, timeMs);
      continue;
    }
    if (found.seenUntil === undefined || run.finishedAt > found.seenUntil) found.seenUntil = run.finishedAt;
    if (!schedule.outcomes.includes(outcome) || !isEffective(schedule, timeMs)) continue;
    if (found.due === undefined || timeMs > found.due.timeMs) found.due = { timeMs, afterRunId: run.id };
  }
  return found;
}

const isEffective = ({ effectiveFrom, timeZone }: After, timeMs: number): boolean =>
  effectiveFrom === undefined || localTime(timeZone, new Date(timeMs)).slice(0, 10) >= effectiveFrom;
