import { type HoldfastEvent, makeEvent, type Run } from '@holdfast/contracts';

const source = 'scheduler';

const about = (run: Run, time: string) => ({ source, subject: run.id, key: run.id, time });

export function runRequested(run: Run): HoldfastEvent {
  const { jobId, organizationId, trigger, requestedBy } = run;
  return makeEvent('run.requested', {
    ...about(run, run.requestedAt),
    data: { runId: run.id, jobId, organizationId, trigger, requestedBy },
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
      tasks,
      totals,
      ...(run.startedAt === undefined ? {} : { startedAt: run.startedAt }),
      finishedAt,
      ...(run.error === undefined ? {} : { error: run.error }),
    },
  });
}
