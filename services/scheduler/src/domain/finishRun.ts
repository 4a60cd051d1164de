import { type Run, terminalRunStates } from '@holdfast/contracts';
import type { RunBook, TaskQueue } from '../ports.ts';
import { runCompleted } from './runEvents.ts';
import { advanceScript, type ScriptPorts } from './runScripts.ts';

export interface FinishPorts extends ScriptPorts {
  runs: RunBook;
  queue: TaskQueue;
}

/**
 * Ends a run that is `completing`: the event is durable first, then the state, then the queue goes. A crash in
 * between repeats the same event, which every receiver drops, and leaves at most a queue that the sweep removes.
 * Answers the run as it ended; undefined while its script is waited for.
 */
export async function finishRun(ports: FinishPorts, completing: Run): Promise<Run | undefined> {
  const run = await afterScript(ports, completing);
  if (run === undefined) return undefined;
  await ports.announce(runCompleted(run));
  await ports.runs.changeRun(run.id, (current) =>
    current.state === 'completing' ? { ...current, state: current.outcome ?? 'failed' } : undefined,
  );
  await ports.queue.close(run);
  return run;
}

/**
 * The script after a run that has begun, whatever became of it. Answers the run as it ends, and undefined while the
 * script is waited for. A failure that counts makes the run failed although its backups are good.
 */
async function afterScript(ports: FinishPorts, run: Run): Promise<Run | undefined> {
  if (run.startedAt === undefined) return run;
  const script = await advanceScript(ports, run, 'after');
  if (script.kind === 'wait') return undefined;
  if (script.kind === 'go-on') return run;
  const { error } = script;
  await ports.runs.changeRun(run.id, (current) =>
    current.state === 'completing' && current.outcome !== 'failed'
      ? { ...current, outcome: 'failed', error }
      : undefined,
  );
  return (await ports.runs.run(run.id)) ?? run;
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
