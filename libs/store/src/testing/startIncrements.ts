import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('./incrementProcess.ts', import.meta.url));

/** A process that increments one document of a store. */
export interface Increments {
  child: ChildProcess;
  /** Versions that the store has acknowledged to this process, in its order. */
  acknowledged: number[];
  /** Resolves with the exit code, or the signal that ended it. */
  ended: Promise<number | string>;
  /** What it has written to stderr. */
  errors(): string;
}

/**
 * Starts a process that increments the document `counter` of the contract's things.
 *
 * @param plan how often, how many of them at once, and what hears of each acknowledged increment
 */
export function startIncrements(
  storeUrl: string,
  plan: { times: number; atOnce: number; onAcknowledged?: (increments: Increments) => void },
): Increments {
  const { times, atOnce, onAcknowledged = () => undefined } = plan;
  const child = spawn(process.execPath, [program, storeUrl, 'counter', String(times), String(atOnce)]);
  let rest = '';
  let errors = '';
  const increments: Increments = {
    child,
    acknowledged: [],
    ended: once(child, 'close').then(([code, signal]) => (signal ?? code) as number | string),
    errors: () => errors,
  };
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    increments.acknowledged.push(...lines.map(Number));
    onAcknowledged(increments);
  });
  return increments;
}
