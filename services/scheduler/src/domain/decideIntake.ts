import type { ErrorFacts, Job, Run, RunOutcome } from '@holdfast/contracts';

/** What to do with a run that is requested. */
export type Intake = { kind: 'prepare'; job: Job } | { kind: 'end'; outcome: RunOutcome; error?: ErrorFacts };

export interface IntakeFacts {
  run: Run;
  job: Job | undefined;
  /** All runs of the job that have not ended; the run itself may be among them. */
  unfinished: readonly Run[];
}

/** Decides on a requested run: stopped before it began, skipped because another is at work, or to be prepared. */
export function decideIntake({ run, job, unfinished }: IntakeFacts): Intake {
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
  if (other === undefined) return { kind: 'prepare', job };
  return {
    kind: 'end',
    outcome: 'skipped',
    error: {
      code: 'run-active',
      errorClass: 'transient',
      message: `run ${other.number > 0 ? other.number : other.id} of this job is not finished yet`,
      remedy: 'Nothing is lost: the next run covers it. If runs overlap often, give the schedule more time.',
    },
  };
}

/** Of two requests of one job the earlier one runs; whatever has begun runs on. */
function blocks(other: Run, run: Run): boolean {
  if (other.id === run.id) return false;
  if (other.state === 'running') return true;
  if (other.state === 'completing') return other.outcome !== 'skipped';
  if (other.state !== 'requested') return false;
  return other.requestedAt < run.requestedAt || (other.requestedAt === run.requestedAt && other.id < run.id);
}
