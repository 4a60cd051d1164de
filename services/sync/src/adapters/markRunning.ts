import type { RunTask } from '@holdfast/contracts';
import type { Clock, Logger } from '@holdfast/runtime';
import { type Collection, modify } from '@holdfast/store';
import { hasEnded } from './storeRecords.ts';

interface MarkDeps {
  instance: string;
  attempt: number;
  clock: Clock;
  logger: Logger;
}

export interface RunningMark {
  /** No mark is made after this; one that is being made is awaited. */
  settle(): Promise<void>;
  /** The task goes back to the queue. */
  takeBack(): Promise<void>;
}

/** Most mailboxes are done before anybody could look: only longer work is written down as running. */
const showAsRunningMs = 700;

export function markRunning(tasks: Collection<RunTask>, taskId: string, deps: MarkDeps): RunningMark {
  const over = new AbortController();
  const startedAt = new Date(deps.clock.now()).toISOString();
  let written = false;

  async function mark(): Promise<void> {
    await deps.clock.sleep(showAsRunningMs, over.signal);
    if (over.signal.aborted) return;
    written = true;
    await modify(tasks, taskId, (task): RunTask | undefined => {
      if (hasEnded(task)) return undefined;
      const facts = { attempts: deps.attempt, proxy: deps.instance, startedAt: task.startedAt ?? startedAt };
      return { ...task, ...facts, state: 'running' };
    });
  }

  const marking = mark().catch((error: unknown) => {
    deps.logger.warn({ error }, 'the task could not be shown as running');
  });
  return {
    async settle() {
      // With a reason, because the one that is made without costs a stack.
      over.abort('over');
      await marking;
    },
    async takeBack() {
      if (!written) return;
      await modify(tasks, taskId, (task): RunTask | undefined =>
        task.state === 'running' && task.proxy === deps.instance ? { ...task, state: 'queued' } : undefined,
      );
    },
  };
}
