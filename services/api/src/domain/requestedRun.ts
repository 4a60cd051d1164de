import { type Job, type Run, zeroTotals } from '@holdfast/contracts';

/** A run of a job as the API asks for it. The scheduler numbers it, resolves its scope and owns it from there. */
export function requestedRun(
  job: Job,
  request: {
    id: string;
    by: string;
    at: string;
    onlyMailboxes: readonly string[] | undefined;
    /** The ended run whose failed mailboxes are tried again. */
    retryOf?: string;
  },
): Run {
  return {
    id: request.id,
    jobId: job.id,
    jobName: job.name,
    // 0 until the scheduler has counted it: the job's counter is the scheduler's.
    number: 0,
    organizationId: job.organizationId,
    repositoryId: job.repositoryId,
    pool: job.pool,
    concurrency: job.options.concurrency,
    attempts: job.options.attempts,
    retry: { ...job.options.retry, done: 0 },
    state: 'requested',
    trigger: request.retryOf === undefined ? 'manual' : 'retry',
    requestedBy: request.by,
    requestedAt: request.at,
    ...(request.onlyMailboxes === undefined ? {} : { onlyMailboxes: [...request.onlyMailboxes] }),
    ...(request.retryOf === undefined ? {} : { retryOf: request.retryOf }),
    stopRequested: false,
    tasks: { total: 0, success: 0, warning: 0, failed: 0, stopped: 0 },
    totals: zeroTotals,
  };
}
