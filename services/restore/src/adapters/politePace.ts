import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { performance } from 'node:perf_hooks';

/** Work between two looks at the machine. */
const sliceMs = 4;
const pauseMs = 25;
/** Between two pieces of work a busy machine looks free for a moment: after a busy one, so many in a row count. */
const quietLooks = 2;
/** However busy the machine stays, a slice of work is done after this. */
const longestPauseMs = 250;

export interface PaceDeps {
  /** Of the machine, as `runnable` is. */
  processors: number;
  /** How many threads of the machine work or want to, the asking one included; undefined when nobody knows. */
  runnable(): number | undefined;
  now(): number;
  sleep(ms: number): Promise<void>;
}

/**
 * Called between small pieces of work, waits while others need all processors. The lowest priority alone does not do:
 * a thread of it that runs is not interrupted for some milliseconds when another wakes up, which made a first backup
 * on two processors an eighth slower.
 */
export function politePace(deps: PaceDeps): () => Promise<void> {
  let since = deps.now();
  const isBusy = (): boolean => (deps.runnable() ?? 0) > deps.processors;
  return async () => {
    if (deps.now() - since < sliceMs) return;
    let quiet = isBusy() ? 0 : quietLooks;
    for (let paused = 0; quiet < quietLooks && paused < longestPauseMs; paused += pauseMs) {
      await deps.sleep(pauseMs);
      quiet = isBusy() ? 0 : quiet + 1;
    }
    since = deps.now();
  };
}

/** The pace of this machine. Only Linux tells how many threads want to run. */
export const machinePace = (): (() => Promise<void>) =>
  politePace({
    // Those of the machine and not of a container, because that is what Linux counts in a container, too.
    processors: cpus().length,
    runnable: process.platform === 'linux' ? runnableThreads : () => undefined,
    now: () => performance.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  });

function runnableThreads(): number | undefined {
  try {
    return Number(/(\d+)\/\d+ \d+\s*$/.exec(readFileSync('/proc/loadavg', 'latin1'))?.[1]);
  } catch {
    // Hidden from this process: nothing to go by.
    return undefined;
  }
}
