import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { HoldfastError } from '@holdfast/contracts';
import type { ExportPlace } from './ports.ts';

const spoolName = /^\.[0-9a-f-]{36}\.spool$/;

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

function placeError(error: unknown, root: string): unknown {
  const remedies: Readonly<Record<string, string>> = {
    ENOSPC: 'Free space there or export to another folder; the export goes on where it was.',
    EDQUOT: 'Raise the quota or export to another folder; the export goes on where it was.',
    EACCES: 'Give this process the right to write there, or choose another folder.',
    EPERM: 'Give this process the right to write there, or choose another folder.',
    EROFS: 'The file system is read-only: choose another folder.',
    ENOTDIR: 'A part of the path is a file: choose another folder.',
  };
  const remedy = remedies[codeOf(error)];
  if (remedy === undefined) return error;
  const message = `cannot write to the folder ${root} (${codeOf(error)})`;
  return new HoldfastError('export-folder-unusable', 'configuration', message, { remedy, cause: error });
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function writeTo(file: FileHandle, bytes: AsyncIterable<Uint8Array>) {
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of bytes) {
    hash.update(piece);
    size += piece.length;
    await file.writeFile(piece);
  }
  await file.sync();
  return { bytes: size, sha256: hash.digest('hex') };
}

/**
 * A folder on this machine, made when it is missing, readable by its owner alone. Each file is written under another
 * name, synced and renamed.
 *
 * @throws HoldfastError (configuration, `export-folder-unusable`) when nothing can be written there.
 */
export async function folderPlace(path: string): Promise<ExportPlace> {
  const root = resolve(path);
  const pathOf = (name: string): string => {
    const full = resolve(root, name);
    if (!full.startsWith(root + sep)) throw new RangeError(`${name} leaves the folder`);
    return full;
  };
  const guarded = async <T>(action: () => Promise<T>): Promise<T> => {
    try {
      return await action();
    } catch (error) {
      throw placeError(error, root);
    }
  };
  await guarded(() => mkdir(root, { recursive: true, mode: 0o700 }));
  // What a killed process left.
  for (const name of await guarded(() => readdir(root))) {
    if (spoolName.test(name)) await rm(join(root, name), { force: true });
  }
  return {
    description: `folder ${root}`,
    async read(name) {
      try {
        return await readFile(pathOf(name));
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw placeError(error, root);
      }
    },
    writeWhole: (name, bytes) =>
      guarded(async () => {
        const final = pathOf(name);
        const partial = `${final}.partial`;
        await mkdir(dirname(final), { recursive: true, mode: 0o700 });
        const file = await open(partial, 'w', 0o600);
        try {
          const written = await writeTo(file, bytes).finally(() => file.close());
          await rename(partial, final);
          await syncFolder(dirname(final));
          return written;
        } catch (error) {
          await rm(partial, { force: true });
          throw error;
        }
      }),
    remove: (name) => guarded(() => rm(pathOf(name), { force: true })),
    spool: (bytes) =>
      guarded(async () => {
        const name = join(root, `.${randomUUID()}.spool`);
        const file = await open(name, 'w', 0o600);
        try {
          await writeTo(file, bytes).finally(() => file.close());
        } catch (error) {
          await rm(name, { force: true });
          throw error;
        }
        return { open: () => createReadStream(name), drop: () => rm(name, { force: true }) };
      }),
  };
}
