import type { ErrorFacts, Job, Run, RunOutcome } from '@holdfast/contracts';

/** What to do with a run that is requested. */
export type Intake = { kind: 'prepare'; job: Job } | { kind: 'end'; outcome: RunOutcome; error?: ErrorFacts };

export interface IntakeFacts {
  run: Run;
  job: Job | undefined;
  /** All runs of the job that have not ended; the run itself may be among them. */
  unfinished: readonly Run[];
  /** A fire that is served so much later than its time was missed, ms. */
  missedAfterMs: number;
}

/** Decides on a requested run: stopped before it began, skipped because another is at work, or to be prepared. */
export function decideIntake({ run, job, unfinished, missedAfterMs }: IntakeFacts): Intake {
  if (run.stopRequested) return { kind: 'end', outcome: 'stopped' };
  if (job === undefined) {
    return {
      kind: 'end',
      outcome: 'failed',
      error: {
        code: 'job-gone',
        errorClass: 'configuration',
        message: `the job ${run.jobName} (${run.jobId}) does not exist any more`,
        remedy: 'Create the job again and start the run from it.',
      },
    };
  }
  const other = unfinished.find((candidate) => blocks(candidate, run));
  if (other !== undefined) {
    return skipped(
      'run-active',
      `run ${other.number > 0 ? other.number : other.id} of this job is not finished yet`,
      'Nothing is lost: the next run covers it. If runs overlap often, give the schedule more time.',
    );
  }
  return missed(run, job, missedAfterMs) ?? { kind: 'prepare', job };
}

const skipped = (code: string, message: string, remedy: string): Intake => ({
  kind: 'end',
  outcome: 'skipped',
  error: { code, errorClass: 'transient', message, remedy },
});

/** A fire that was served late because no scheduler was there: caught up, or recorded as passed over. */
function missed(run: Run, job: Job, missedAfterMs: number): Intake | undefined {
  if (run.fireTime === undefined) return undefined;
  if (run.stopAt !== undefined && run.stopAt <= run.requestedAt) {
    return skipped(
      'window-over',
      `the time for this run was from ${run.fireTime} to ${run.stopAt}, and no scheduler was there`,
      'Run the job by hand, or wait for the next time of its schedule.',
    );
  }
  const lateMs = new Date(run.requestedAt).getTime() - new Date(run.fireTime).getTime();
  if (job.catchUp || lateMs < missedAfterMs) return undefined;
  return skipped(
    'fire-missed',
    `no scheduler was there at ${run.fireTime}, and the job does not catch up`,
    'Run the job by hand, or let the job catch up (catchUp: true).',
  );
}

/** Of two requests of one job the earlier one runs; whatever has begun runs on. */
function blocks(other: Run, run: Run): boolean {
  if (other.id === run.id) return false;
  if (other.state === 'running') return true;
  if (other.state === 'completing') return other.outcome !== 'skipped';
  if (other.state !== 'requested') return false;
  return other.requestedAt < run.requestedAt || (other.requestedAt === run.requestedAt && other.id < run.id);
}
