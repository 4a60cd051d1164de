import type { Job } from '@holdfast/contracts';
import { errorFacts } from '@holdfast/contracts';
import type { Clock, Logger } from '@holdfast/runtime';
import { createChains } from './domain/chains.ts';
import { createFireQueue } from './domain/fireQueue.ts';
import { followedBy, nextFireOf, scheduleSignature } from './domain/jobSchedule.ts';
import { type FirePorts, serveFire } from './domain/serveFire.ts';
import { createLanes } from './lanes.ts';
import type { SchedulerMetrics } from './metrics.ts';
import { createWakeup } from './wakeup.ts';

export interface FiresOptions {
  ports: FirePorts;
  clock: Clock;
  logger: Logger;
  metrics: SchedulerMetrics;
  rereadMs: number;
  over: AbortSignal;
  onRequested: (runId: string) => void;
}

export interface Fires {
  /** Reads one job again, soon. */
  reread(jobId: string): void;
  /** A run of this job has ended: the jobs that follow it are looked at. */
  runEnded(jobId: string): void;
  /** Resolves once the term is over and nothing is in hand. */
  done: Promise<void>;
}

const servedAtOnce = 8;
const takenAtOnce = 64;
const retryMs = 2_000;

/** Fires the schedules of all jobs. Reads all jobs first, then sleeps from fire to fire. */
export function startFires(options: FiresOptions): Fires {
  const { ports, clock, logger, metrics, over } = options;
  const queue = createFireQueue();
  const signatures = new Map<string, string>();
  const chains = createChains();
  const wakeup = createWakeup(clock);
  const lanes = createLanes(servedAtOnce, handle);
  let isPrimed = false;

  function plan(job: Job, nextMs: number | undefined): void {
    signatures.set(job.id, scheduleSignature(job));
    chains.set(job.id, followedBy(job));
    queue.set(job.id, nextMs);
    if (nextMs !== undefined) wakeup.wake();
  }

  function forget(jobId: string): void {
    signatures.delete(jobId);
    chains.set(jobId, []);
    queue.set(jobId, undefined);
  }

  async function handle(jobId: string): Promise<void> {
    try {
      const job = await ports.jobs.job(jobId);
      if (job === undefined) return forget(jobId);
      const { fire, nextMs } = await serveFire(ports, job);
      plan(job, nextMs);
      if (fire === undefined) return;
      metrics.fires.inc();
      metrics.lateness.observe(Math.max(0, ports.now() - new Date(fire.fireTime).getTime()) / 1000);
      logger.info({ jobId, runId: fire.runId, fireTime: fire.fireTime }, 'schedule fired');
      options.onRequested(fire.runId);
    } catch (error) {
      logger.warn({ jobId, error: errorFacts(error) }, 'a fire could not be served; it is tried again');
      queue.set(jobId, ports.now() + retryMs);
      wakeup.wake();
    }
  }

  async function readAll(): Promise<void> {
    const gone = new Set(signatures.keys());
    for await (const job of ports.jobs.jobs()) {
      if (over.aborted) return;
      gone.delete(job.id);
      // An unchanged job keeps its place, so reading all of them costs little.
      if (signatures.get(job.id) === scheduleSignature(job)) continue;
      // Later on a page may be older than what a reread has seen meanwhile, so the job is read once more by itself;
      // so is one that follows others, whose runs may have ended while nobody was there.
      if (isPrimed || followedBy(job).length > 0) lanes.nudge(job.id);
      else plan(job, nextFireOf(job));
    }
    for (const jobId of gone) forget(jobId);
    if (!isPrimed) logger.info({ jobs: signatures.size, fires: queue.size }, 'schedules read');
    isPrimed = true;
    metrics.jobs.set(queue.size);
  }

  async function run(): Promise<void> {
    let readAt = Number.NEGATIVE_INFINITY;
    while (!over.aborted) {
      if (ports.now() - readAt >= options.rereadMs) {
        readAt = ports.now();
        await readAll().catch((error: unknown) => {
          readAt = ports.now() - options.rereadMs + retryMs;
          logger.warn({ error: errorFacts(error) }, 'the jobs could not be read; tried again');
        });
      }
      const due = queue.takeDue(ports.now(), takenAtOnce);
      for (const jobId of due) lanes.nudge(jobId);
      const next = Math.min(queue.soonest() ?? Number.POSITIVE_INFINITY, readAt + options.rereadMs);
      await wakeup.sleep(Math.max(0, next - ports.now()), over);
    }
    await lanes.close();
  }

  return {
    reread: (jobId) => lanes.nudge(jobId),
    runEnded(jobId) {
      for (const follower of chains.followersOf(jobId)) lanes.nudge(follower);
    },
    done: run(),
  };
}
