import { deterministicId, type Job, type Run, zeroTotals } from '@holdfast/contracts';
import { dueFires } from '@holdfast/scheduling';
import type { Announce, JobBook, RunBook } from '../ports.ts';
import { servedUntil } from './jobSchedule.ts';
import { runRequested } from './runEvents.ts';

export interface FirePorts {
  jobs: JobBook;
  runs: RunBook;
  announce: Announce;
  now: () => number;
}

export interface Served {
  runId: string;
  fireTime: string;
}

/**
 * Serves the fire of a job that is due, if one is: a run with an id made of job and fire time, then the event, then
 * the job's `lastFire`. Whoever does it a second time, this process after a crash or another scheduler, finds the
 * run there, so each fire makes one run. Answers the
 * run's id and the fire time.
 */
export async function serveFire(ports: FirePorts, job: Job): Promise<Served | undefined> {
  const nowMs = ports.now();
  if (!job.enabled) return undefined;
  const [fire] = dueFires(job.schedule, servedUntil(job), new Date(nowMs), new Date(job.createdAt));
  if (fire === undefined) return undefined;
  const fireTime = fire.toISOString();
  const run = scheduledRun(job, fireTime, new Date(nowMs).toISOString());
  await ports.runs.insertRun(run);
  await ports.announce(runRequested(run));
  await ports.jobs.changeJob(job.id, (current) =>
    current.lastFire === undefined || current.lastFire < fireTime
      ? { ...current, lastFire: fireTime }
      : undefined,
  );
  return { runId: run.id, fireTime };
}

function scheduledRun(job: Job, fireTime: string, requestedAt: string): Run {
  const { organizationId, repositoryId, pool } = job;
  return {
    id: deterministicId('run', job.id, fireTime),
    jobId: job.id,
    jobName: job.name,
    number: 0,
    ...{ organizationId, repositoryId, pool },
    concurrency: job.options.concurrency,
    attempts: job.options.attempts,
    state: 'requested',
    trigger: 'schedule',
    requestedBy: 'schedule',
    requestedAt,
    stopRequested: false,
    tasks: { total: 0, success: 0, warning: 0, failed: 0, stopped: 0 },
    totals: zeroTotals,
  };
}
