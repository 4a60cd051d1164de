import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { HoldfastError, type JsonObject } from '@holdfast/contracts';

export interface ProcessSpec {
  name: string;
  command: string;
  args: string[];
  env: Record<string, string>;
  logFile: string;
  /** Decides from a line of standard output whether the process is ready; undefined = not yet. */
  readyFrom: (line: string) => JsonObject | undefined;
  readyWithinMs: number;
}

/** A child process with a log file, a ready line and an orderly end. */
export interface ManagedProcess {
  readonly name: string;
  readonly pid: number;
  /** What the ready line said. */
  readonly facts: JsonObject;
  readonly exited: Promise<void>;
  /** SIGTERM, and SIGKILL after the limit. */
  stop(limitMs?: number): Promise<void>;
}

/** The JSON object that a line holds, or undefined. */
export function readJsonLine(line: string): JsonObject | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as JsonObject;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Reads a JSON line that says `"ready": true`. */
export function readyJson(line: string): JsonObject | undefined {
  const value = readJsonLine(line);
  return value?.ready === true ? value : undefined;
}

/**
 * Starts a process and resolves when it is ready.
 *
 * @throws HoldfastError `process-not-started` with the end of its log, when it ends or stays silent before it is ready.
 */
export async function startManagedProcess(spec: ProcessSpec): Promise<ManagedProcess> {
  const log = createWriteStream(spec.logFile, { flags: 'a' });
  const child = spawn(spec.command, spec.args, {
    env: { ...process.env, ...spec.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const recent: string[] = [];
  const exited = new Promise<void>((resolve) => {
    // `close` comes after the last line of output, `exit` may come before.
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
  const facts = await waitUntilReady(spec, child, log, recent, exited);
  return {
    name: spec.name,
    pid: child.pid ?? 0,
    facts,
    exited,
    stop: async (limitMs = 20_000) => {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
      await exited;
      clearTimeout(timer);
      log.end();
    },
  };
}

function waitUntilReady(
  spec: ProcessSpec,
  child: ChildProcess,
  log: WriteStream,
  recent: string[],
  exited: Promise<void>,
): Promise<JsonObject> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      child.kill('SIGKILL');
      reject(
        new HoldfastError(
          'process-not-started',
          'ours',
          `${spec.name} ${why}. Its last lines:\n${recent.join('\n')}`,
          {
            remedy: `See ${spec.logFile}.`,
          },
        ),
      );
    };
    const timer = setTimeout(() => fail(`was not ready within ${spec.readyWithinMs} ms`), spec.readyWithinMs);
    const keep = (line: string) => {
      log.write(`${line}\n`);
      recent.push(line);
      if (recent.length > 12) recent.shift();
    };
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        keep(line);
        const facts = spec.readyFrom(line);
        if (facts === undefined) return;
        clearTimeout(timer);
        resolve(facts);
      });
    }
    child.once('error', (error) => keep(error.message));
    void exited.then(() => {
      clearTimeout(timer);
      fail(`ended (code ${child.exitCode}, signal ${child.signalCode}) before it was ready`);
    });
  });
}
