import { errorFacts, type Run } from '@holdfast/contracts';
import type { Clock, Logger } from '@holdfast/runtime';
import { type AdvancePorts, advanceRun } from './domain/advanceRun.ts';
import type { Backoff } from './domain/backoff.ts';
import { finishRun, isEnded, sweepQueues } from './domain/finishRun.ts';
import { type PreparePorts, prepareRun } from './domain/prepareRun.ts';
import { closeWindow } from './domain/stopRun.ts';
import { createLanes } from './lanes.ts';
import { LeadershipLost } from './leader.ts';
import type { SchedulerMetrics } from './metrics.ts';
import { createWakeup } from './wakeup.ts';

export interface RunsOptions {
  ports: PreparePorts & Omit<AdvancePorts, 'onUnfinished'>;
  backoff: Backoff;
  clock: Clock;
  logger: Logger;
  metrics: SchedulerMetrics;
  reconcileMs: number;
  over: AbortSignal;
  /** Told the time of the oldest request that has not ended, ms since epoch; undefined for none. */
  onOldest: (timeMs: number | undefined) => void;
  /** Told of each run that has ended. */
  onEnded: (run: Run) => void;
}

export interface Runs {
  /** Looks at a run now. */
  nudge(runId: string): void;
  /** A task of the run has ended, or so it is told. Looks at the run soon; many calls make one look. */
  taskEnded(runId: string): void;
  /** Looks at all runs now, also those that wait after a failure. */
  wake(): void;
  /** Resolves once the term is over and nothing is in hand. */
  done: Promise<void>;
}

// A run that waits for an answer from a proxy holds a lane; the others must not wait for it.
const handledAtOnce = 32;
/**
 * What many tasks tell at once is looked at together, and a few times more, because a task may tell before its result is
 * written. The last one of all is looked at at once.
 */
const settleMs = 200;
const looksAtSettled = 4;
const sweepMs = 30_000;
/** A question to a proxy may take minutes; stopping does not wait for it. */
const patienceMs = 5_000;

/** Brings every unfinished run forward: at once when told of a change, and all of them every few seconds. */
export function startRuns(options: RunsOptions): Runs {
  const { backoff, clock, logger, metrics, over } = options;
  /** Tasks of a run that have not ended, as far as told: a hint when its end is worth a look. */
  const unfinished = new Map<string, number>();
  const ports = {
    ...options.ports,
    onUnfinished: (runId: string, tasks: number) => unfinished.set(runId, tasks),
  };
  const lanes = createLanes(handledAtOnce, handle);
  const tickWakeup = createWakeup(clock);
  const settleWakeup = createWakeup(clock);
  /** Looks left at runs that something was told of. */
  const unsettled = new Map<string, number>();

  async function handle(runId: string): Promise<void> {
    try {
      const run = await ports.runs.run(runId);
      if (run === undefined || isEnded(run)) return forget(runId);
      const result = await step(await closeWindow(ports, run));
      if (result === 'wait') return;
      backoff.clear(runId);
      if (result === 'again') lanes.nudge(runId);
    } catch (error) {
      if (error instanceof LeadershipLost || over.aborted) return;
      const facts = errorFacts(error);
      const pauseMs = backoff.failed(runId);
      metrics.failures.inc({ class: facts.errorClass });
      logger.warn({ runId, error: facts, pauseMs }, 'a run could not be brought forward; it is tried again');
    }
  }

  async function step(run: Run): Promise<'again' | 'idle' | 'wait'> {
    if (run.state === 'requested') return prepare(run);
    if (run.state === 'running') return (await advanceRun(ports, run)) ? 'again' : 'idle';
    const finished = await finishRun(ports, run);
    if (finished === undefined) return 'idle';
    const { outcome, tasks, error } = finished;
    metrics.ended.inc({ outcome: outcome ?? 'failed' });
    logger.info({ runId: run.id, jobId: run.jobId, number: run.number, outcome, tasks, error }, 'run ended');
    forget(run.id);
    options.onEnded(finished);
    return 'idle';
  }

  async function prepare(run: Run): Promise<'again' | 'idle' | 'wait'> {
    const prepared = await prepareRun(ports, run);
    if (prepared.kind === 'moved') return 'again';
    if (prepared.kind === 'script') return 'idle';
    const pauseMs = backoff.failed(run.id);
    logger.info({ runId: run.id, jobId: run.jobId, error: prepared.error, pauseMs }, 'run waits');
    return 'wait';
  }

  function forget(runId: string): void {
    unsettled.delete(runId);
    unfinished.delete(runId);
    backoff.clear(runId);
    ports.dispatched.delete(runId);
    ports.silence.forget(runId);
  }

  async function tick(): Promise<void> {
    const states = { requested: 0, running: 0, completing: 0 };
    let oldest: number | undefined;
    for await (const run of ports.runs.unfinishedRuns()) {
      if (over.aborted) return;
      states[run.state as keyof typeof states] += 1;
      oldest ??= new Date(run.requestedAt).getTime();
      if (backoff.isDue(run.id)) lanes.nudge(run.id);
    }
    for (const [state, count] of Object.entries(states)) metrics.runs.set({ state }, count);
    options.onOldest(oldest);
  }

  /** Not part of the tick: listing the signs may be slow while they change. */
  async function sweep(): Promise<void> {
    while (!over.aborted) {
      try {
        const removed = await sweepQueues(ports);
        if (removed > 0) logger.info({ removed }, 'queues of ended runs removed');
      } catch (error) {
        logger.debug({ error: errorFacts(error) }, 'the signs could not be looked at; tried again');
      }
      await clock.sleep(sweepMs, over);
    }
  }

  async function reconcile(): Promise<void> {
    while (!over.aborted) {
      await tick().catch((error: unknown) => {
        if (over.aborted || error instanceof LeadershipLost) return;
        logger.warn({ error: errorFacts(error) }, 'the runs could not be looked at; tried again');
      });
      await tickWakeup.sleep(options.reconcileMs, over);
    }
  }

  async function settle(): Promise<void> {
    while (!over.aborted) {
      if (unsettled.size === 0) await settleWakeup.sleep(Number.MAX_SAFE_INTEGER, over);
      await clock.sleep(settleMs, over);
      for (const [runId, left] of unsettled) {
        lanes.nudge(runId);
        if (left > 1) unsettled.set(runId, left - 1);
        else unsettled.delete(runId);
      }
    }
  }

  async function run(): Promise<void> {
    await Promise.all([reconcile(), settle(), sweep()]);
    const closed = new AbortController();
    const inHand = lanes.close().then(() => closed.abort());
    await Promise.race([inHand, clock.sleep(patienceMs, closed.signal)]);
  }

  return {
    nudge: (runId) => lanes.nudge(runId),
    taskEnded(runId) {
      const before = unfinished.get(runId);
      if (before !== undefined) unfinished.set(runId, before - 1);
      if (before === 1) lanes.nudge(runId);
      unsettled.set(runId, looksAtSettled);
      settleWakeup.wake();
    },
    wake() {
      backoff.clearAll();
      tickWakeup.wake();
    },
    done: run(),
  };
}
