import { deterministicId, type Job, type Run, zeroTotals } from '@holdfast/contracts';
import { stopTime } from '@holdfast/scheduling';
import type { Announce, JobBook, RunBook } from '../ports.ts';
import { type DueFire, decideFire } from './decideFire.ts';
import { followedBy, nextFireOf } from './jobSchedule.ts';
import { runRequested } from './runEvents.ts';

export interface FirePorts {
  jobs: JobBook;
  runs: RunBook;
  announce: Announce;
  now: () => number;
}

export interface Served {
  /** The run that was made; undefined when nothing was due. */
  fire: { runId: string; fireTime: string } | undefined;
  /** When the job is to be looked at next, ms since epoch; undefined: not before something changes. */
  nextMs: number | undefined;
}

/**
 * Serves what is due of a job: a run with an id made of job and fire time, then the event, then the job's
 * `lastFires`. Whoever does it a second time, this process after a crash or another scheduler, finds the run there,
 * so each fire makes one run.
 */
export async function serveFire(ports: FirePorts, job: Job): Promise<Served> {
  const nowMs = ports.now();
  const ended = new Map<string, Run[]>();
  for (const jobId of followedBy(job)) ended.set(jobId, await ports.runs.newestEndedRuns(jobId));
  const { due, served, nextChainedMs } = decideFire(job, ended, nowMs);
  let fire: Served['fire'];
  if (due !== undefined) {
    const fireTime = new Date(due.timeMs).toISOString();
    const run = scheduledRun(job, due, fireTime, new Date(nowMs).toISOString());
    await ports.runs.insertRun(run);
    await ports.announce(runRequested(run));
    fire = { runId: run.id, fireTime };
  }
  if (Object.keys(served).length > 0) {
    await ports.jobs.changeJob(job.id, (current) => withServed(current, served));
  }
  const next = nextFireOf({ ...job, lastFires: { ...job.lastFires, ...served } });
  const times = [next, nextChainedMs].filter((time) => time !== undefined);
  return { fire, nextMs: times.length === 0 ? undefined : Math.min(...times) };
}

/** Times only move on, and only of schedules that the job still has. */
function withServed(job: Job, served: Readonly<Record<string, string>>): Job | undefined {
  const moved = Object.entries(served).filter(
    ([id, time]) => job.schedules.some((schedule) => schedule.id === id) && (job.lastFires[id] ?? '') < time,
  );
  return moved.length === 0
    ? undefined
    : { ...job, lastFires: { ...job.lastFires, ...Object.fromEntries(moved) } };
}

function scheduledRun(job: Job, due: DueFire, fireTime: string, requestedAt: string): Run {
  const { organizationId, repositoryId, pool } = job;
  const stopAt = stopTime(due.schedule, new Date(due.timeMs));
  return {
    id: deterministicId('run', job.id, fireTime),
    jobId: job.id,
    jobName: job.name,
    number: 0,
    ...{ organizationId, repositoryId, pool },
    concurrency: job.options.concurrency,
    attempts: job.options.attempts,
    retry: { ...job.options.retry, done: 0 },
    state: 'requested',
    trigger: 'schedule',
    requestedBy: 'schedule',
    requestedAt,
    scheduleId: due.schedule.id,
    ...(due.schedule.retention === undefined ? {} : { ownRetention: true }),
    fireTime,
    ...(due.afterRunId === undefined ? {} : { afterRunId: due.afterRunId }),
    ...(stopAt === undefined ? {} : { stopAt: stopAt.toISOString() }),
    stopRequested: false,
    tasks: { total: 0, success: 0, warning: 0, failed: 0, stopped: 0 },
    totals: zeroTotals,
  };
}
