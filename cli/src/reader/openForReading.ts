import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openBlobStore, openRepository, type Repository } from '@holdfast/repository';
import { type Io, readGiven } from '../context.ts';
import { UsageError } from '../errors.ts';
import { readSecret } from '../secrets.ts';

export interface PlaceOptions {
  repository?: string;
  passphraseFile?: string;
  recoveryKeyFile?: string;
  cache?: string;
}

export interface Opened {
  repository: Repository;
  path: string;
  close(): Promise<void>;
}

async function secretOf(io: Io, options: PlaceOptions) {
  if (options.recoveryKeyFile !== undefined) {
    return { recoveryKey: readGiven('--recovery-key-file', options.recoveryKeyFile).trim() };
  }
  const passphrase = await readSecret(io, {
    what: 'passphrase of the repository',
    file: options.passphraseFile,
    fileOption: '--passphrase-file',
    env: 'HOLDFAST_REPOSITORY_PASSPHRASE',
  });
  return { passphrase };
}

/**
 * Opens a repository for reading with nothing but its place and a secret. Nothing is written to it; the local copy of
 * its index goes to a folder of its own, which is removed afterwards unless one was named.
 *
 * @throws UsageError, EngineRefusal
 */
export async function openForReading(io: Io, options: PlaceOptions): Promise<Opened> {
  const given = options.repository ?? io.env.HOLDFAST_REPOSITORY;
  if (given === undefined) {
    throw new UsageError('no repository is named', 'Give --repository FOLDER, or set HOLDFAST_REPOSITORY.');
  }
  const path = resolve(given);
  try {
    await access(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'error';
    throw new UsageError(`--repository: ${path} cannot be read (${code})`, 'Check the path and the mount.');
  }
  const secret = await secretOf(io, options);
  const store = await openBlobStore({ kind: 'fs', path, readOnly: true });
  const cacheDir = options.cache ?? (await mkdtemp(join(tmpdir(), 'holdfast-reader-')));
  const tidy = async () => {
    if (options.cache === undefined) await rm(cacheDir, { recursive: true, force: true });
  };
  try {
    const repository = await openRepository(store, { secret, cacheDir, threads: 1, readOnly: true });
    return {
      repository,
      path,
      close: async () => {
        await repository.close();
        await tidy();
      },
    };
  } catch (error) {
    await store.close();
    await tidy();
    throw error;
  }
}
