import { type Run, terminalRunStates } from '@holdfast/contracts';
import type { Announce, RunBook, TaskQueue } from '../ports.ts';
import { runCompleted } from './runEvents.ts';

export interface FinishPorts {
  runs: RunBook;
  queue: TaskQueue;
  announce: Announce;
}

/**
 * Ends a run that is `completing`: the event is durable first, then the state, then the queue goes. A crash in
 * between repeats the same event, which every receiver drops, and leaves at most a queue that the sweep removes.
 */
export async function finishRun(ports: FinishPorts, run: Run): Promise<void> {
  await ports.announce(runCompleted(run));
  await ports.runs.changeRun(run.id, (current) =>
    current.state === 'completing' ? { ...current, state: current.outcome ?? 'failed' } : undefined,
  );
  await ports.queue.close(run);
}

/** Removes queues whose run has ended, which a crash may leave behind. Answers how many. */
export async function sweepQueues(ports: Pick<FinishPorts, 'runs' | 'queue'>): Promise<number> {
  let removed = 0;
  for (const open of await ports.queue.openRuns()) {
    const run = await ports.runs.run(open.id);
    if (run !== undefined && !isEnded(run)) continue;
    await ports.queue.close(open);
    removed += 1;
  }
  return removed;
}

export const isEnded = (run: Run): boolean => (terminalRunStates as readonly string[]).includes(run.state);
