import { type ChildProcess, spawn } from 'node:child_process';

export interface ExitFacts {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A child process with what it wrote. Killed at the latest when this process ends. */
export interface Child {
  readonly pid: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Undefined while it runs. */
  readonly exit: ExitFacts | undefined;
  readonly exited: Promise<ExitFacts>;
  send(signal: NodeJS.Signals): void;
}

const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

const keptCharacters = 2_000_000;

/** @throws the spawn error (ENOENT when the program is missing). */
export async function startChild(
  command: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<Child> {
  const child = spawn(command, [...args], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout = (stdout + text).slice(-keptCharacters);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-keptCharacters);
  });
  let exit: ExitFacts | undefined;
  const exited = new Promise<ExitFacts>((resolve) => {
    // `close` comes after the last output; a child that could not be spawned has no `exit`.
    child.once('close', (code, signal) => {
      alive.delete(child);
      exit = { code, signal };
      resolve(exit);
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  alive.add(child);
  return {
    pid: child.pid as number,
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
    get exit() {
      return exit;
    },
    exited,
    send(signal) {
      if (exit === undefined) child.kill(signal);
    },
  };
}
