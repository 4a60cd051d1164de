import { type HoldfastEvent, makeEvent, type Run } from '@holdfast/contracts';

const source = 'scheduler';

const about = (run: Run, time: string) => ({ source, subject: run.id, key: run.id, time });

export function runRequested(run: Run): HoldfastEvent {
  const { jobId, organizationId, trigger, requestedBy, scheduleId, fireTime, afterRunId, retryOf } = run;
  return makeEvent('run.requested', {
    ...about(run, run.requestedAt),
    data: {
      ...{ runId: run.id, jobId, organizationId, trigger, requestedBy },
      ...(scheduleId === undefined ? {} : { scheduleId }),
      ...(fireTime === undefined ? {} : { fireTime }),
      ...(afterRunId === undefined ? {} : { afterRunId }),
      ...(retryOf === undefined ? {} : { retryOf }),
    },
  });
}

/** The window of a run's schedule is over. */
export function stopRequestedByWindow(run: Run): HoldfastEvent {
  const { jobId, organizationId } = run;
  return makeEvent('run.stop-requested', {
    ...about(run, run.stopAt ?? run.requestedAt),
    data: { runId: run.id, jobId, organizationId, requestedBy: 'schedule' },
  });
}

/** The failed mailboxes of a run are tried again. */
export function retryStarted(run: Run, retry: number, mailboxes: number, time: string): HoldfastEvent {
  const { jobId, organizationId } = run;
  return makeEvent('run.retry-started', {
    ...about(run, time),
    key: `${run.id}/${retry}`,
    data: { runId: run.id, jobId, organizationId, retry, of: run.retry?.times ?? retry, mailboxes },
  });
}

export function runStarted(run: Run): HoldfastEvent {
  const { jobId, organizationId, repositoryId, number } = run;
  return makeEvent('run.started', {
    ...about(run, run.startedAt ?? run.requestedAt),
    data: { runId: run.id, jobId, organizationId, repositoryId, number, mailboxes: run.tasks.total },
  });
}

/** The event of a run that is `completing`: made of what the run says, so that a repeat is the same event. */
export function runCompleted(run: Run): HoldfastEvent {
  const { jobId, organizationId, repositoryId, number, tasks, totals } = run;
  const finishedAt = run.finishedAt ?? run.requestedAt;
  return makeEvent('run.completed', {
    ...about(run, finishedAt),
    data: {
      runId: run.id,
      jobId,
      organizationId,
      repositoryId,
      number,
      outcome: run.outcome ?? 'failed',
      ...(run.scheduleId === undefined ? {} : { scheduleId: run.scheduleId }),
      ...(run.retry === undefined ? {} : { retries: run.retry.done }),
      tasks,
      totals,
      ...(run.startedAt === undefined ? {} : { startedAt: run.startedAt }),
      finishedAt,
      ...(run.error === undefined ? {} : { error: run.error }),
    },
  });
}
