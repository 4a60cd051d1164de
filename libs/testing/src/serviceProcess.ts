import { fileURLToPath } from 'node:url';
import { type Child, type ExitFacts, startChild } from './childProcess.ts';
import { waitFor } from './waitFor.ts';

/** A service main running as its own process. */
export interface ServiceProcess {
  readonly pid: number;
  /** The fields of the ready line. */
  readonly ready: Readonly<Record<string, unknown>>;
  readonly stdout: string;
  /** What was written to stderr: JSON log lines. */
  readonly stderr: string;
  /** The log lines parsed; lines that are no JSON are left out. */
  logs(): Record<string, unknown>[];
  readonly exited: Promise<ExitFacts>;
  /** Sends the signal and waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<ExitFacts>;
  /** SIGTERM, and SIGKILL when that took longer than the limit (default 15 s); waits for the end. */
  stop(limitMs?: number): Promise<ExitFacts>;
}

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Root folder of the project. */
export const projectRoot = root;

/** The Node that the project runs on: it strips types itself. */
export const nodeProgram = fileURLToPath(new URL('../../../node_modules/.bin/node', import.meta.url));

export interface ProcessOptions {
  args?: readonly string[];
  /** Arguments of Node itself. */
  execArgs?: readonly string[];
  readyTimeoutMs?: number;
}

/**
 * Runs a TypeScript entry (absolute, or relative to the project's root) with only PATH, HOME and the given variables,
 * and waits for its ready line on stdout.
 *
 * @throws Error with the end of its log when it ends or stays silent.
 */
export async function startProcess(
  entry: string,
  env: Readonly<Record<string, string>> = {},
  options: ProcessOptions = {},
): Promise<ServiceProcess> {
  const { PATH = '', HOME = '' } = process.env;
  const child = await startChild(nodeProgram, [...(options.execArgs ?? []), entry, ...(options.args ?? [])], {
    cwd: root,
    env: { PATH, HOME, HOLDFAST_READY: 'stdout', ...env },
  });
  const timeoutMs = options.readyTimeoutMs ?? 50_000;
  const outcome = await waitFor(() => child.exit ?? readyLine(child), {
    timeoutMs,
    what: `${entry} is ready`,
  }).catch((cause: unknown) => {
    child.send('SIGKILL');
    throw new Error(`${entry} printed no ready line within ${timeoutMs} ms:\n${tail(child)}`, { cause });
  });
  if (child.exit !== undefined) {
    throw new Error(`${entry} ended with ${JSON.stringify(child.exit)} before it was ready:\n${tail(child)}`);
  }
  return {
    pid: child.pid,
    ready: outcome as Record<string, unknown>,
    get stdout() {
      return child.stdout;
    },
    get stderr() {
      return child.stderr;
    },
    logs: () => jsonLines(child.stderr),
    exited: child.exited,
    kill(signal = 'SIGKILL') {
      child.send(signal);
      return child.exited;
    },
    async stop(limitMs = 15_000) {
      child.send('SIGTERM');
      const timer = setTimeout(() => child.send('SIGKILL'), limitMs);
      const facts = await child.exited;
      clearTimeout(timer);
      return facts;
    },
  };
}

const tail = (child: Child) => `${child.stdout.slice(-1000)}\n${child.stderr.slice(-4000)}`;

const readyLine = (child: Child) => jsonLines(child.stdout).find((line) => line.ready === true);

function jsonLines(text: string): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  for (const line of text.split('\n')) {
    if (!line.startsWith('{') || !line.endsWith('}')) continue;
    lines.push(JSON.parse(line) as Record<string, unknown>);
  }
  return lines;
}
