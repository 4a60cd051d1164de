import {
  classOf,
  type ErrorFacts,
  errorFacts,
  HoldfastError,
  type Run,
  type RunTask,
  scriptRecordIdOf,
} from '@holdfast/contracts';
import type { Scope } from '@holdfast/scheduling';
import type { Inventory, JobBook, RunBook, ScopeSource, TaskBook } from '../ports.ts';
import { decideIntake } from './decideIntake.ts';
import { runCounts } from './decideOutcome.ts';
import { runRequested } from './runEvents.ts';
import { type ScopeFacts, scopeFacts, scopeOfRun } from './runScope.ts';
import { advanceScript, planScripts, type ScriptPorts } from './runScripts.ts';
import { stopQueuedTasks } from './stopRun.ts';
import { taskOf } from './taskOf.ts';

export interface PreparePorts extends ScriptPorts {
  jobs: JobBook;
  runs: RunBook;
  tasks: TaskBook;
  scope: ScopeSource;
  inventory: Inventory;
  missedAfterMs: number;
}

/** `waiting`: try again later, `error` says why; `moved`: the run has another state now. */
export type Prepared =
  | { kind: 'moved' }
  | { kind: 'waiting'; error: ErrorFacts }
  /** Its script is at work; whoever runs it tells when it has ended. */
  | { kind: 'script' };

/**
 * Takes a requested run to `running`, or to `completing` when it ends here. Each step may be repeated: the
 * number is found from the runs that are there, tasks have ids of their own, and the state moves by
 * compare-and-set as the last step.
 */
export async function prepareRun(ports: PreparePorts, requested: Run): Promise<Prepared> {
  // Whoever asked for it may have died before telling.
  await ports.announce(runRequested(requested));
  const job = await ports.jobs.job(requested.jobId);
  const unfinished = await ports.runs.unfinishedRunsOf(requested.jobId);
  const intake = decideIntake({ run: requested, job, unfinished, missedAfterMs: ports.missedAfterMs });
  if (intake.kind === 'end') {
    ports.scriptRunner.stop(scriptRecordIdOf(requested.id, 'before'));
    return end(ports, requested, intake.outcome, intake.error);
  }
  await planScripts(ports, requested, intake.job.scripts);
  const script = await advanceScript(ports, requested, 'before');
  if (script.kind === 'wait') return { kind: 'script' };
  if (script.kind === 'fail') return end(ports, requested, 'failed', script.error);
  try {
    const scope = await scopeOfRun(ports, requested, intake.job);
    await insertTasks(ports, requested, scope);
    const facts = await scopeFacts(ports, requested, intake.job, scope, ports.now());
    await begin(ports, requested, facts);
    return { kind: 'moved' };
  } catch (error) {
    return waitOrFail(ports, requested, error);
  }
}

async function insertTasks(ports: PreparePorts, run: Run, { entries }: Scope): Promise<void> {
  if (entries.length === 0) {
    throw new HoldfastError('scope-empty', 'configuration', 'no mailbox is in the scope of this run', {
      remedy: 'Check the sources and exclusions of the job, and that the organization has mailboxes.',
    });
  }
  const nowIso = new Date(ports.now()).toISOString();
  const tasks: RunTask[] = entries.map((entry, position) => taskOf(run, entry, position, nowIso));
  await ports.tasks.insertTasks(tasks);
}

/**
 * Restore points of a job must follow each other in time even when the clock was set back between two runs, so the
 * point time is at least a second after that of the run before.
 */
async function begin(ports: PreparePorts, requested: Run, facts: ScopeFacts): Promise<void> {
  const counts = await ports.tasks.countTasks(requested.id);
  const { number, notBefore } = await place(ports.runs, requested);
  const nowMs = ports.now();
  await ports.runs.changeRun(requested.id, (run) => {
    if (run.state !== 'requested' || run.stopRequested) return undefined;
    const { error: _past, ...rest } = run;
    return {
      ...rest,
      ...facts,
      number,
      state: 'running',
      startedAt: new Date(nowMs).toISOString(),
      pointTime: new Date(Math.max(nowMs, notBefore)).toISOString(),
      tasks: runCounts(counts),
    };
  });
  await ports.jobs.changeJob(requested.jobId, (job) =>
    job.lastRunNumber < number ? { ...job, lastRunNumber: number } : undefined,
  );
}

/** The number of a run within its job: counted from 1, without holes. */
async function place(runs: RunBook, run: Run): Promise<{ number: number; notBefore: number }> {
  const newest = await runs.newestRunBeside(run);
  const number = run.number > (newest?.number ?? 0) ? run.number : (newest?.number ?? 0) + 1;
  const pointTime = newest?.pointTime;
  return { number, notBefore: pointTime === undefined ? 0 : new Date(pointTime).getTime() + 1000 };
}

/** Broker or proxy away, or a busy directory: the run waits and says why. Anything else ends it. */
async function waitOrFail(ports: PreparePorts, run: Run, error: unknown): Promise<Prepared> {
  if (!(error instanceof HoldfastError)) throw error;
  const facts = error.code === 'no-answer' ? noProxy(run) : errorFacts(error);
  const errorClass = classOf(error);
  if (errorClass !== 'transient' && errorClass !== 'throttled') return end(ports, run, 'failed', facts);
  await ports.runs.changeRun(run.id, (current) => {
    const isKnown = current.error?.message === facts.message && current.error.code === facts.code;
    return current.state === 'requested' && !isKnown ? { ...current, error: facts } : undefined;
  });
  return { kind: 'waiting', error: facts };
}

const noProxy = (run: Run): ErrorFacts => ({
  code: 'no-proxy-online',
  errorClass: 'transient',
  message: `no proxy online in the pool ${run.pool}; the run waits for one`,
  remedy: `Start a sync worker with HOLDFAST_POOL=${run.pool}, or assign the job to a pool that has one.`,
});

async function end(
  ports: PreparePorts,
  requested: Run,
  outcome: NonNullable<Run['outcome']>,
  error: ErrorFacts | undefined,
): Promise<Prepared> {
  await stopQueuedTasks(ports.tasks, requested.id, ports.now);
  const counts = await ports.tasks.countTasks(requested.id);
  const { number } = await place(ports.runs, requested);
  const finishedAt = new Date(ports.now()).toISOString();
  await ports.runs.changeRun(requested.id, (run) => {
    if (run.state !== 'requested') return undefined;
    const { error: _past, ...rest } = run;
    const ended = {
      ...rest,
      number,
      state: 'completing' as const,
      outcome,
      finishedAt,
      tasks: runCounts(counts),
    };
    return error === undefined ? ended : { ...ended, error };
  });
  return { kind: 'moved' };
}
