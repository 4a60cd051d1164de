import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import type { Command } from 'commander';
import { type Client, createClient } from './client.ts';
import { exitCodes, UsageError } from './errors.ts';
import { createScreen, type Screen, type Terminal } from './screen.ts';

/** What a process gives to the program; tests give their own. */
export interface Io {
  env: Readonly<Record<string, string | undefined>>;
  out: Terminal;
  err: Terminal;
  stdin: NodeJS.ReadStream;
  now(): number;
  sleep(ms: number): Promise<void>;
}

/** What an action works with. */
export interface Context {
  io: Io;
  client: Client;
  screen: Screen;
}

/** Does the work of a command and gives its exit code; 0 when it gives none. */
export type Action<O> = (context: Context, args: string[], options: O) => Promise<number | undefined>;

interface GlobalOptions {
  url?: string;
  token?: string;
  tokenFile?: string;
  ca?: string;
  json?: boolean;
}

export const defaultUrl = 'http://127.0.0.1:8480';

/** Reads a file that an option names. @throws UsageError */
export function readGiven(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${option}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function tokenOf(options: GlobalOptions, env: Io['env']): string | undefined {
  const file = options.tokenFile ?? (options.token === undefined ? env.HOLDFAST_TOKEN_FILE : undefined);
  const token = file === undefined ? (options.token ?? env.HOLDFAST_TOKEN) : readGiven('--token-file', file);
  const clean = token?.trim();
  if (clean !== undefined && !/^[\x21-\x7e]*$/.test(clean))
    throw new UsageError('the token has characters that no token has');
  return clean === '' ? undefined : clean;
}

export function contextOf(io: Io, options: GlobalOptions): Context {
  const { env } = io;
  const caFile = options.ca ?? env.HOLDFAST_CA;
  const ca = caFile === undefined ? undefined : [...rootCertificates, readGiven('--ca', caFile)].join('\n');
  const json = options.json === true;
  const color = io.out.isTTY && !json && env.NO_COLOR === undefined;
  return {
    io,
    client: createClient({
      url: options.url ?? env.HOLDFAST_URL ?? defaultUrl,
      token: tokenOf(options, env),
      ca,
    }),
    screen: createScreen(io.out, io.err, { json, color }),
  };
}

/** How commands hand their result to the process. */
export interface Runner {
  io: Io;
  exitCode: number;
}

/** Gives a command its action: makes the context, closes the client, keeps the exit code. */
export function act<O>(runner: Runner, command: Command, action: Action<O>): Command {
  return command.action(async (...given: unknown[]) => {
    // commander passes the arguments, then the options, then the command.
    const args = given.slice(0, -2).flatMap((arg) => (arg === undefined ? [] : (arg as string | string[])));
    const context = contextOf(runner.io, command.optsWithGlobals());
    try {
      runner.exitCode = (await action(context, args, command.opts() as O)) ?? exitCodes.ok;
    } finally {
      await context.client.close();
    }
  });
}
