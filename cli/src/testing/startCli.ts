import { spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../program.ts';

export interface Result {
  code: number | null;
  out: string;
  err: string;
}

export interface CliOptions {
  env?: Record<string, string>;
  input?: string;
  /** As a process of its own, as users run it; else within this process, which is faster. */
  asProcess?: boolean;
  /** Acts as a terminal of 100 columns (not as a process). */
  terminal?: boolean;
}

export interface CliRun {
  /** What came so far. */
  result: Result;
  done: Promise<Result>;
}

const main = fileURLToPath(new URL('../main.ts', import.meta.url));

function startProcess(args: readonly string[], env: Record<string, string>, input: string): CliRun {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args], {
    env: { PATH: process.env.PATH, TZ: 'UTC', ...env },
  });
  const result: Result = { code: null, out: '', err: '' };
  child.stdout.on('data', (chunk) => {
    result.out += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    result.err += String(chunk);
  });
  child.stdin.end(input);
  const done = new Promise<Result>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      result.code = code;
      resolve(result);
    });
  });
  return { result, done };
}

function startHere(args: readonly string[], env: Record<string, string>, options: CliOptions): CliRun {
  const result: Result = { code: null, out: '', err: '' };
  const terminal = (stream: 'out' | 'err') => ({
    write: (text: string) => {
      result[stream] += text;
    },
    writeBytes: (bytes: Uint8Array, done: () => void) => {
      result[stream] += Buffer.from(bytes).toString();
      done();
    },
    isTTY: options.terminal === true,
    columns: 100,
  });
  const stdin = Object.assign(Readable.from([options.input ?? '']), { isTTY: false });
  const io = {
    env,
    out: terminal('out'),
    err: terminal('err'),
    stdin: stdin as unknown as NodeJS.ReadStream,
    now: () => performance.now(),
    // A twentieth of the pauses: nothing here depends on their length.
    sleep: (ms: number) => sleep(ms / 20),
  };
  const done = runProgram(args, io).then((code) => {
    result.code = code;
    return result;
  });
  return { result, done };
}

/** The CLI against an API. */
export function cliFor(api: () => { url: string; token: string }) {
  const start = (args: readonly string[], options: CliOptions = {}): CliRun => {
    const env = { HOLDFAST_URL: api().url, HOLDFAST_TOKEN: api().token, ...options.env };
    return options.asProcess === true
      ? startProcess(args, env, options.input ?? '')
      : startHere(args, env, options);
  };
  const run = (args: readonly string[], options?: CliOptions): Promise<Result> => start(args, options).done;
  const json = async (args: readonly string[], options?: CliOptions) => {
    const result = await run([...args, '--json'], options);
    return { ...result, document: result.out === '' ? undefined : JSON.parse(result.out) };
  };
  return { start, run, json };
}
