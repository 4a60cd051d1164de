import type { Run, RunTask } from '@holdfast/contracts';
import type { ProxyWatch, TaskBook, TaskQueue } from '../ports.ts';

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
