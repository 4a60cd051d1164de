import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { type Io, readGiven } from './context.ts';
import { UsageError } from './errors.ts';

export interface SecretSource {
  /** What it is, for the question and for errors. */
  what: string;
  /** File that an option names; `-` is stdin. */
  file: string | undefined;
  fileOption: string;
  env: string;
  /** Asks twice, for a secret that is made here. */
  confirm?: boolean;
}

/** Asks at the terminal without showing what is typed. */
function ask(io: Io, question: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const line = createInterface({ input: io.stdin, output: silent, terminal: true });
  io.err.write(question);
  return new Promise((resolve, reject) => {
    line.once('line', (text) => resolve(text));
    line.once('SIGINT', () => reject(new UsageError('nothing was done: the question was ended')));
    line.once('close', () => reject(new UsageError('nothing was done: no answer was given')));
  }).finally(() => {
    line.close();
    io.err.write('\n');
  }) as Promise<string>;
}

async function readAll(stream: NodeJS.ReadStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

/**
 * Reads a secret: from the named file or stdin, from the environment, or from a question at the terminal. Never from
 * the command line, where other users of the machine could read it.
 * @throws UsageError
 */
export async function readSecret(io: Io, source: SecretSource): Promise<string> {
  const { what, file, fileOption, env } = source;
  const given =
    file === '-' ? await readAll(io.stdin) : file === undefined ? io.env[env] : readGiven(fileOption, file);
  if (given !== undefined) {
    const secret = given.replace(/\r?\n$/, '');
    if (secret === '') throw new UsageError(`the ${what} is empty`);
    return secret;
  }
  if (!io.stdin.isTTY) {
    throw new UsageError(
      `the ${what} is missing`,
      `Give ${fileOption} FILE (or - for stdin), or set ${env}.`,
    );
  }
  const typed = await ask(io, `${what}: `);
  if (source.confirm === true && (await ask(io, `${what} again: `)) !== typed) {
    throw new UsageError(`the two entries of the ${what} differ`);
  }
  if (typed === '') throw new UsageError(`the ${what} is empty`);
  return typed;
}
