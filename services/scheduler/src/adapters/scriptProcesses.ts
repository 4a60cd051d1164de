import { type ChildProcess, spawn } from 'node:child_process';
import { type ScriptRecord, scriptOutputBytes } from '@holdfast/contracts';
import type { Clock, Logger } from '@holdfast/runtime';
import type { ScriptEnd, ScriptRunner } from '../ports.ts';
import { checkScript, type ScriptRules } from './checkScript.ts';
import { createOutputTail, type OutputTail } from './outputTail.ts';

export interface ScriptProcessesOptions {
  rules: ScriptRules;
  clock: Clock;
  logger: Logger;
  /** After this, scripts are ended and nothing is noted any more. */
  over: AbortSignal;
  /** Told when a script has ended and that is noted. */
  onEnded: (runId: string) => void;
}

export interface ScriptProcesses extends ScriptRunner {
  /** Resolves when no script runs any more. */
  close(): Promise<void>;
}

/** Between asking a script to end and ending it. */
const graceMs = 5_000;
/** Output that comes after the end, from what the script left running, is not waited for longer. */
const drainMs = 1_000;
const noteAgainMs = 1_000;

type Reason = 'timed-out' | 'stopped' | 'over';

interface Running {
  child: ChildProcess | undefined;
  reason: Reason | undefined;
  done: Promise<void>;
}

/**
 * Runs scripts as processes of their own: no shell, their own process group, an environment of the run's facts and
 * nothing else, the time limit kept.
 */
export function createScriptProcesses(options: ScriptProcessesOptions): ScriptProcesses {
  const { clock, logger, over } = options;
  const running = new Map<string, Running>();

  async function run(
    record: ScriptRecord,
    environment: Record<string, string>,
    entry: Running,
  ): Promise<ScriptEnd> {
    const { id, script } = record;
    const checked = await checkScript(options.rules, script);
    if ('problems' in checked) {
      const [first] = checked.problems;
      const message = `${script.path} was not started: ${first?.field ?? 'path'} ${first?.message ?? ''}`;
      return {
        id,
        state: 'failed',
        output: '',
        outputCut: false,
        message,
        remedy: 'Correct the script of the job.',
      };
    }
    const tail = createOutputTail(scriptOutputBytes);
    if (entry.reason !== undefined) return endOf(record, entry, tail, { code: null, signal: null });
    const ended = await waitFor(
      id,
      entry,
      tail,
      () =>
        spawn(checked.command, checked.args, {
          cwd: '/',
          // Children find the usual programs; nothing of the scheduler's own settings, which name secrets, goes along.
          env: {
            PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
            LANG: 'C.UTF-8',
            ...environment,
          },
          stdio: ['ignore', 'pipe', 'pipe'],
          detached: true,
        }),
      script.timeLimitSeconds * 1000,
    );
    return endOf(record, entry, tail, ended);
  }

  async function waitFor(
    id: string,
    entry: Running,
    tail: OutputTail,
    start: () => ChildProcess,
    limitMs: number,
  ): Promise<Exit> {
    const child = start();
    entry.child = child;
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => tail.write(chunk));
    const exited = new Promise<Exit>((resolve) => {
      child.once('error', (error) => resolve({ code: null, signal: null, error }));
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const ended = new AbortController();
    const limit = clock.sleep(limitMs, ended.signal).then(() => {
      if (!ended.signal.aborted) end(id, entry, 'timed-out');
    });
    const exit = await exited;
    ended.abort();
    await limit;
    const drained = new AbortController();
    await Promise.race([closed, clock.sleep(drainMs, drained.signal)]);
    drained.abort();
    // What the script left running may hold its outputs open for ever.
    child.stdout?.destroy();
    child.stderr?.destroy();
    return exit;
  }

  function end(id: string, entry: Running, reason: Reason): void {
    entry.reason ??= reason;
    const { child } = entry;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    logger.info({ script: id, reason }, 'a script is ended');
    signalGroup(child, 'SIGTERM');
    // Real time: a script that does not listen must not hold a stop up, whatever the clock says.
    const kill = setTimeout(() => signalGroup(child, 'SIGKILL'), graceMs);
    child.once('exit', () => clearTimeout(kill));
  }

  async function note(ended: ScriptEnd, tell: (end: ScriptEnd) => Promise<void>): Promise<void> {
    while (!over.aborted) {
      try {
        return await tell(ended);
      } catch (error) {
        logger.warn({ error, script: ended.id }, 'the end of a script could not be noted; tried again');
        await clock.sleep(noteAgainMs, over);
      }
    }
  }

  const stopAll = () => {
    for (const [id, entry] of running) end(id, entry, 'over');
  };
  over.addEventListener('abort', stopAll, { once: true });

  return {
    start(record, environment, tell) {
      const { id, runId, script } = record;
      logger.info({ script: id, path: script.path }, 'a script is started');
      const entry: Running = { child: undefined, reason: undefined, done: Promise.resolve() };
      running.set(id, entry);
      entry.done = run(record, environment, entry)
        .catch((error: unknown): ScriptEnd => {
          const message = `it could not be started: ${error instanceof Error ? error.message : String(error)}`;
          return { id, state: 'failed', output: '', outputCut: false, message };
        })
        .then((ended) => {
          const { state, exitCode } = ended;
          logger.info({ script: id, state, exitCode }, 'a script has ended');
          return note(ended, tell);
        })
        .finally(() => {
          running.delete(id);
          if (!over.aborted) options.onEnded(runId);
        });
    },
    isRunning: (id) => running.has(id),
    stop(id) {
      const entry = running.get(id);
      if (entry !== undefined) end(id, entry, 'stopped');
    },
    async close() {
      stopAll();
      await Promise.all([...running.values()].map(({ done }) => done));
    },
  };
}

interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  error?: Error;
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Gone already.
  }
}

function endOf({ id, script }: ScriptRecord, { reason }: Running, tail: OutputTail, exit: Exit): ScriptEnd {
  const facts = {
    id,
    ...tail.read(),
    ...(exit.code === null ? {} : { exitCode: exit.code }),
    ...(exit.signal === null ? {} : { signal: exit.signal }),
  };
  if (exit.error !== undefined) {
    const message = `it could not be started: ${exit.error.message}`;
    return { ...facts, state: 'failed', message };
  }
  if (reason === 'timed-out') {
    const message = `it was ended after ${script.timeLimitSeconds} s, its time limit`;
    return {
      ...facts,
      state: 'timed-out',
      message,
      remedy: 'Raise its time limit, or find out what it waits for.',
    };
  }
  if (reason === 'stopped')
    return { ...facts, state: 'stopped', message: 'it was ended because the run was stopped' };
  if (reason === 'over') {
    return { ...facts, state: 'interrupted', message: 'it was ended because the scheduler was stopped' };
  }
  if (exit.code === 0) return { ...facts, state: 'success' };
  const how =
    exit.code === null ? `was ended by ${exit.signal ?? 'a signal'}` : `ended with exit code ${exit.code}`;
  return { ...facts, state: 'failed', message: `it ${how}` };
}
