import type { Run, RunTask } from '@holdfast/contracts';
import type { Announce, ProxyWatch, RunBook, TaskBook, TaskQueue } from '../ports.ts';
import { stopRequestedByWindow } from './runEvents.ts';

export interface StopPorts {
  tasks: TaskBook;
  queue: TaskQueue;
  now: () => number;
}

/**
 * Carries out a stop request: proxies see the sign and end at their next checkpoint, what has not begun does not
 * begin. Repeating it is harmless.
 */
export async function stopRun(ports: StopPorts, run: Run): Promise<void> {
  if (!(await ports.queue.isOpen(run))) await ports.queue.open(run);
  await stopQueuedTasks(ports.tasks, run.id, ports.now);
}

/** A proxy that takes the message of such a task finds it ended and lets it go. */
export async function stopQueuedTasks(tasks: TaskBook, runId: string, now: () => number): Promise<void> {
  const finishedAt = new Date(now()).toISOString();
  for await (const task of tasks.tasks(runId, ['queued'])) {
    await tasks.changeTask(task.id, (current) =>
      current.state === 'queued' ? { ...current, state: 'stopped', finishedAt } : undefined,
    );
  }
}

/** Ends a running task of a stopped run whose proxy has vanished: nobody else will. */
export async function stopOrphan(ports: StopPorts & { proxies: ProxyWatch }, task: RunTask): Promise<void> {
  const finishedAt = new Date(ports.now()).toISOString();
  await ports.tasks.changeTask(task.id, (current) =>
    current.state === 'running' && current.proxy === task.proxy
      ? { ...current, state: 'stopped', finishedAt }
      : undefined,
  );
}

/**
 * Asks a run to stop when the window of its schedule is over; answers the run as it is then. The event
 * first: after a crash in between it comes again and is the same one.
 */
export async function closeWindow(
  ports: { runs: RunBook; announce: Announce; now: () => number },
  run: Run,
): Promise<Run> {
  if (run.stopAt === undefined || new Date(run.stopAt).getTime() > ports.now()) return run;
  if (run.stopRequested || run.state === 'completing' || isMissed(run)) return run;
  await ports.announce(stopRequestedByWindow(run));
  await ports.runs.changeRun(run.id, (current) =>
    current.stopRequested || current.state === 'completing'
      ? undefined
      : { ...current, stopRequested: true, stopReason: 'window-end' },
  );
  return (await ports.runs.run(run.id)) ?? run;
}

/** The window was over before the run was asked for: it is not stopped but passed over. */
const isMissed = (run: Run): boolean => run.state === 'requested' && (run.stopAt ?? '') <= run.requestedAt;
