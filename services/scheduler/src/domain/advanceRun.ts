import {
  addTotals,
  type Run,
  type RunOutcome,
  type RunTask,
  type Totals,
  zeroTotals,
} from '@holdfast/contracts';
import type { Announce, ProxyWatch, RunBook, TaskBook, TaskCounts, TaskQueue } from '../ports.ts';
import { decideOutcome, runCounts, unfinishedOf } from './decideOutcome.ts';
import { planResend } from './planResend.ts';
import { retryFailed, withoutPlannedRetry } from './retryFailed.ts';
import { runStarted } from './runEvents.ts';
import type { Silence } from './silence.ts';
import { stopOrphan, stopRun } from './stopRun.ts';

export interface AdvancePorts {
  runs: RunBook;
  tasks: TaskBook;
  queue: TaskQueue;
  proxies: ProxyWatch;
  announce: Announce;
  silence: Silence;
  /** Runs whose start this process has announced and whose tasks it has sent. */
  dispatched: Set<string>;
  /** Told how many tasks of a run have not ended, as they are counted. */
  onUnfinished: (runId: string, tasks: number) => void;
  /** Told of tasks that are sent again. */
  onResent: (run: Run, tasks: readonly RunTask[]) => void;
  now: () => number;
  orphanAfterMs: number;
  abandonedAfterMs: number;
}

/** Messages under way to the broker at the same time, in the order of the positions. */
const sentAtOnce = 64;

/**
 * Brings a running run forward by what the control data says: sends its tasks, sends lost ones again, carries out a
 * stop, and when all tasks have ended takes it to `completing`. Answers true when the run has moved on.
 */
export async function advanceRun(ports: AdvancePorts, run: Run): Promise<boolean> {
  let counts = await ports.tasks.countTasks(run.id);
  if (unfinishedOf(counts) > 0 && run.stopRequested) {
    await stopRun(ports, run);
    counts = await ports.tasks.countTasks(run.id);
  }
  ports.onUnfinished(run.id, unfinishedOf(counts));
  if (!ports.dispatched.has(run.id)) await ports.announce(runStarted(run));
  const isOver = unfinishedOf(counts) === 0;
  // A retry that a crash left half begun is begun first: its tasks are not sent before the run says so.
  if (isOver || run.retry?.at !== undefined) {
    const retry = await retryFailed(ports, run, counts.failed);
    if (retry === 'moved') return true;
    if (isOver && retry === 'none') {
      await complete(ports, run, counts);
      return true;
    }
    if (retry === 'waiting') {
      await noteProgress(ports.runs, run, counts);
      return false;
    }
  }
  if (run.stopRequested) await endOrphans(ports, run);
  else await keepQueued(ports, run, counts);
  ports.dispatched.add(run.id);
  await noteProgress(ports.runs, run, counts);
  return false;
}

/** Sees to it that the broker holds a message for every task that has not ended. */
async function keepQueued(ports: AdvancePorts, run: Run, counts: TaskCounts): Promise<void> {
  const isFirst = !ports.dispatched.has(run.id);
  if (isFirst || !(await ports.queue.isOpen(run))) await ports.queue.open(run);
  // The broker first: a task that ends in between makes what is unfinished smaller, so nothing seems lost that is not.
  const held = await ports.queue.held(run);
  const isShort = held < unfinishedOf(counts);
  if (!isShort && counts.running === 0) return;
  // Running ones before queued ones: a task that begins in between is missed here and not counted twice.
  const running: { task: RunTask; silentMs: number }[] = [];
  for await (const task of ports.tasks.tasks(run.id, ['running'])) {
    running.push({ task, silentMs: ports.silence.note(task.id, ports.proxies.worksOn(task)) });
  }
  const queued: RunTask[] = [];
  if (isShort) for await (const task of ports.tasks.tasks(run.id, ['queued'])) queued.push(task);
  const { orphanAfterMs, abandonedAfterMs } = ports;
  const unsent = planResend({ held, queued, running, orphanAfterMs, abandonedAfterMs });
  if (!isFirst && unsent.length > 0) ports.onResent(run, unsent);
  for (let at = 0; at < unsent.length; at += sentAtOnce) {
    await Promise.all(unsent.slice(at, at + sentAtOnce).map((task) => send(ports, run, task, held)));
  }
}

async function send(ports: AdvancePorts, run: Run, task: RunTask, held: number): Promise<void> {
  await ports.queue.send(run, task, messageId(ports, task, held));
  if (task.state === 'running') ports.silence.reset(task.id);
}

/**
 * The first message of a task has an id of its own, so that sending it twice is one message. A later one needs
 * another id, or the broker would take it for a repeat; the window of time in it is the same for two schedulers.
 */
function messageId(ports: AdvancePorts, task: RunTask, held: number): string {
  const name = task.retry === undefined ? task.id : `${task.id}.retry-${task.retry}`;
  if (held === 0 && task.state === 'queued' && task.attempts === 0 && !ports.dispatched.has(task.runId)) {
    return `${name}.first`;
  }
  return `${name}.again-${Math.floor(ports.now() / ports.orphanAfterMs)}`;
}

/** After a stop a running task ends at its next checkpoint, or here when its proxy is gone. */
async function endOrphans(ports: AdvancePorts, run: Run): Promise<void> {
  for await (const task of ports.tasks.tasks(run.id, ['running'])) {
    const silentMs = ports.silence.note(task.id, ports.proxies.worksOn(task));
    if (silentMs >= ports.orphanAfterMs) await stopOrphan(ports, task);
  }
}

/** Lists show how far a run is without reading its tasks. */
async function noteProgress(runs: RunBook, run: Run, counts: TaskCounts): Promise<void> {
  const tasks = runCounts(counts);
  const isSame = (Object.keys(tasks) as (keyof typeof tasks)[]).every(
    (name) => run.tasks[name] === tasks[name],
  );
  if (isSame) return;
  await runs.changeRun(run.id, (current) =>
    current.state === 'running' ? { ...current, tasks } : undefined,
  );
}

/** Proxies end the tasks of a window that is over by themselves, by their clocks, which may be ahead of this one. */
const endedByWindow = ({ stopAt, stopRequested }: Run, outcome: RunOutcome): boolean =>
  outcome === 'stopped' && stopAt !== undefined && !stopRequested;

/** All tasks have ended: what the run has come to is written once, and everything after is made of it. */
async function complete(ports: AdvancePorts, run: Run, counts: TaskCounts): Promise<void> {
  let totals: Totals = zeroTotals;
  for await (const task of ports.tasks.tasks(run.id)) {
    if (task.totals !== undefined) totals = addTotals(totals, task.totals);
  }
  const finishedAt = new Date(ports.now()).toISOString();
  const outcome = decideOutcome(counts, totals.gapsOpen);
  await ports.runs.changeRun(run.id, (current) =>
    current.state === 'running'
      ? {
          ...withoutPlannedRetry(current),
          ...{ state: 'completing', outcome, finishedAt, tasks: runCounts(counts), totals },
          ...(endedByWindow(current, outcome) ? { stopReason: 'window-end' } : {}),
        }
      : undefined,
  );
}
