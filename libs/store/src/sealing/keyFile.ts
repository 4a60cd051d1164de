import { createHash, randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { HoldfastError } from '@holdfast/contracts';
import { systemCode } from '../errorCode.ts';
import type { SealKey } from './sealer.ts';

const keyBytes = 32;
const idHexDigits = 12;

/** The id of a key is a fingerprint: another key can never pass for it, and it tells nothing of the key. */
export function keyIdOf(key: Buffer): string {
  return createHash('sha256').update('holdfast-seal-key-id:').update(key).digest('hex').slice(0, idHexDigits);
}

/**
 * Reads keys, one a line in base64 (or 64 hex digits), empty lines and lines with # skipped.
 * @throws HoldfastError (configuration) naming the line, never its content
 */
export function parseKeys(text: string, origin: string): SealKey[] {
  const lines = text.split(/[\r\n,]+/).map((line) => line.trim());
  return lines.flatMap((line, index) => {
    if (line === '' || line.startsWith('#')) return [];
    const key = Buffer.from(line, /^[0-9a-fA-F]{64}$/.test(line) ? 'hex' : 'base64');
    if (key.length !== keyBytes) {
      throw new HoldfastError('seal-key-invalid', 'configuration', `${origin}: line ${index + 1} is no key`, {
        remedy: 'A key is 32 random bytes in base64, for example from: openssl rand -base64 32',
      });
    }
    return [{ id: keyIdOf(key), key }];
  });
}

function unusable(path: string, error: unknown): HoldfastError {
  return new HoldfastError(
    'seal-key-file',
    'configuration',
    `the key file ${path} cannot be used (${systemCode(error)})`,
    {
      remedy: 'Name a file in HOLDFAST_SECRET_KEY_FILE that the user that runs Holdfast may read.',
      cause: error,
    },
  );
}

/** Reads the file; undefined when it is not there. @throws HoldfastError (configuration) */
export async function readKeyFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw unusable(path, error);
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * Makes the file with one new key, readable by its owner only, unless it is there. It appears with its whole content
 * or not at all, and of services that start together one makes it and the others find it.
 * @throws HoldfastError (configuration)
 */
export async function createKeyFile(path: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.new`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeDurably(temporary, `${randomBytes(keyBytes).toString('base64')}\n`);
    try {
      await link(temporary, path);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
    } finally {
      await unlink(temporary);
    }
    await syncFolder(dirname(path));
  } catch (error) {
    throw unusable(path, error);
  }
}
