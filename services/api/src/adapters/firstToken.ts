import { chmod, rm, writeFile } from 'node:fs/promises';
import { HoldfastError, type Token } from '@holdfast/contracts';
import { AlreadyExists, type Collection } from '@holdfast/store';
import { hashToken, newToken } from '../domain/tokens.ts';

export interface FirstTokenOptions {
  tokens: Collection<Token>;
  /** Where the token is written for programs; readable by its owner only. */
  file: string | undefined;
  now: () => number;
  /** Prints to people. */
  print: (text: string) => void;
}

function box(lines: readonly string[]): string {
  const width = Math.max(...lines.map((line) => line.length));
  const edge = '═'.repeat(width + 2);
  const body = lines.map((line) => `║ ${line.padEnd(width)} ║`);
  return [`╔${edge}╗`, ...body, `╚${edge}╝`, ''].join('\n');
}

async function writeSecret(file: string, token: string): Promise<void> {
  try {
    await writeFile(file, `${token}\n`, { mode: 0o600 });
    // The mode above counts only for a new file.
    await chmod(file, 0o600);
  } catch (cause) {
    throw new HoldfastError('token-file', 'configuration', `the first token cannot be written to ${file}`, {
      remedy: 'Set HOLDFAST_FIRST_TOKEN_FILE to a file in a folder that this user may write to.',
      cause,
    });
  }
}

/**
 * Makes the first administrator token when there is none yet. The file is written before the store, so that a crash
 * in between costs a useless file and never the only way in. Two processes that start at once make one token.
 * @returns true when a token was made
 * @throws HoldfastError `token-file`
 */
export async function ensureFirstToken(options: FirstTokenOptions): Promise<boolean> {
  const { tokens, file } = options;
  if ((await tokens.count()) > 0) return false;
  const token = newToken();
  if (file !== undefined) await writeSecret(file, token);
  const createdAt = new Date(options.now()).toISOString();
  try {
    await tokens.insert({
      id: 'token-first',
      name: 'first administrator',
      role: 'administrator',
      hash: hashToken(token),
      createdAt,
    });
  } catch (error) {
    if (!(error instanceof AlreadyExists)) throw error;
    if (file !== undefined) await rm(file, { force: true });
    return false;
  }
  // What a program reads from the file needs not stand in a log as well.
  const place = file === undefined ? token : `written to ${file}`;
  options.print(
    box([
      'The first administrator token of Holdfast. It is shown once.',
      '',
      place,
      '',
      'Use it as HOLDFAST_TOKEN, or as "Authorization: Bearer <token>".',
    ]),
  );
  return true;
}
