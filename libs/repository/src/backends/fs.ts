import type { FileHandle } from 'node:fs/promises';
import { chmod, link, mkdir, open, readdir, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { BlobAlreadyExists, BlobNotFound, EngineRefusal, StorePermanent } from '../errors.ts';
import type { BlobStore, ByteRange, EngineClock, PutOptions, StoredName } from '../ports.ts';
import { assertBlobName, compareNames, piecesOf } from './blobNames.ts';
import { errorCode, fsError } from './fsErrors.ts';
import { OpenFiles } from './openFiles.ts';
import { systemClock } from './systemClock.ts';

/** Unfinished puts lie here; names beginning with a dot are never listed. */
const TEMP_FOLDER = '.tmp';

export interface FsStoreOptions {
  clock?: EngineClock;
  /** Makes names of temporary files unique between processes. */
  unique?: () => string;
}

/**
 * A folder on a local or mounted disk. A put is: temporary file on the same file system, write, fsync, size
 * check, hard link to the final name (atomic and if-absent), fsync of the folder. The name is thus visible
 * only when its bytes are durable. A failed fsync is never retried on the same file: it may have dropped
 * the pages while reporting success the second time.
 */
export class FsBlobStore implements BlobStore {
  readonly description: string;
  readonly root: string;
  readonly #files = new OpenFiles(32);
  readonly #knownFolders = new Set<string>();
  readonly #clock: EngineClock;
  readonly #unique: () => string;
  #counter = 0;

  constructor(path: string, options: FsStoreOptions = {}) {
    this.root = resolve(path);
    this.description = `folder ${this.root}`;
    this.#clock = options.clock ?? systemClock;
    const start = this.#clock.now();
    this.#unique = options.unique ?? (() => `${process.pid}-${start}-${this.#counter++}`);
  }

  /** Fails with a configuration error when the folder cannot be read; creates it when it is missing. */
  async prepare(): Promise<void> {
    try {
      await mkdir(this.root, { recursive: true });
      await readdir(this.root);
    } catch (error) {
      if (errorCode(error) === 'EEXIST') {
        throw new StorePermanent(
          'store-not-a-folder',
          `${this.root} is a file.`,
          'Give the path of a folder.',
          {
            cause: error,
          },
        );
      }
      throw fsError(error, 'open', '', this.root);
    }
  }

  capabilities() {
    return { put: true, remove: true, lock: false, archive: false };
  }

  async putIfAbsent(
    name: string,
    bytes: Uint8Array | readonly Uint8Array[],
    _options?: PutOptions,
  ): Promise<void> {
    assertBlobName(name);
    const path = join(this.root, name);
    const temp = join(this.root, TEMP_FOLDER, `${this.#unique()}`);
    try {
      await this.#ensureFolder(dirname(path));
      await this.#ensureFolder(dirname(temp));
      await writeDurably(temp, piecesOf(bytes));
      try {
        await link(temp, path);
      } finally {
        await unlink(temp);
      }
      await syncFolder(dirname(path));
    } catch (error) {
      await removeQuietly(temp);
      if (errorCode(error) === 'EEXIST') throw new BlobAlreadyExists(name, { cause: error });
      // The folder was removed under us: forget it, so that the retry makes it again.
      if (errorCode(error) === 'ENOENT') this.#knownFolders.clear();
      throw fsError(error, 'write', name, this.root);
    }
  }

  async get(name: string, range?: ByteRange): Promise<Uint8Array> {
    assertBlobName(name);
    try {
      return await this.#files.use(join(this.root, name), async (file, size) => {
        const offset = Math.min(range?.offset ?? 0, size);
        const length = Math.min(range?.length ?? size, size - offset);
        return readExactly(file, offset, length);
      });
    } catch (error) {
      throw fsError(error, 'read', name, this.root);
    }
  }

  async stat(name: string): Promise<StoredName> {
    assertBlobName(name);
    try {
      const found = await stat(join(this.root, name));
      if (!found.isFile()) throw new BlobNotFound(name);
      return { name, size: found.size };
    } catch (error) {
      throw error instanceof BlobNotFound ? error : fsError(error, 'look at', name, this.root);
    }
  }

  async *list(prefix: string): AsyncIterable<StoredName> {
    const slash = prefix.lastIndexOf('/');
    yield* this.#listFolder(slash < 0 ? '' : prefix.slice(0, slash), prefix);
  }

  async remove(name: string): Promise<void> {
    assertBlobName(name);
    const path = join(this.root, name);
    await this.#files.forget(path);
    try {
      await unlink(path);
      await syncFolder(dirname(path));
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw fsError(error, 'remove', name, this.root);
    }
  }

  /** Removes temporary files older than `olderThanMs`: what a killed process left. Returns how many. */
  async sweepTemporary(olderThanMs: number): Promise<number> {
    const folder = join(this.root, TEMP_FOLDER);
    let removed = 0;
    for (const entry of await namesIn(folder)) {
      const path = join(folder, entry.name);
      const age = this.#clock.now() - (await modifiedAt(path));
      if (age < olderThanMs) continue;
      await removeQuietly(path);
      removed++;
    }
    return removed;
  }

  async close(): Promise<void> {
    await this.#files.close();
  }

  async *#listFolder(folder: string, prefix: string): AsyncIterable<StoredName> {
    let entries: { name: string; folder: boolean }[];
    try {
      entries = await namesIn(join(this.root, folder));
    } catch (error) {
      throw fsError(error, 'list', folder, this.root);
    }
    // A folder sorts as its name with the slash, so that the whole listing is in order of full names.
    const sorted = entries
      .map((entry) => ({ ...entry, key: entry.folder ? `${entry.name}/` : entry.name }))
      .sort((a, b) => compareNames(a.key, b.key));
    for (const entry of sorted) {
      const name = folder ? `${folder}/${entry.name}` : entry.name;
      if (entry.name.startsWith('.')) continue;
      if (entry.folder) {
        const inside = `${name}/`;
        if (inside.startsWith(prefix) || prefix.startsWith(inside)) yield* this.#listFolder(name, prefix);
      } else if (name.startsWith(prefix)) {
        const size = await sizeOf(join(this.root, name));
        if (size !== undefined) yield { name, size };
      }
    }
  }

  async #ensureFolder(folder: string): Promise<void> {
    if (this.#knownFolders.has(folder)) return;
    const first = await mkdir(folder, { recursive: true });
    // A new folder's name is durable only when its parent is synced, for each level that was made.
    if (first) {
      for (let made = folder; made.length >= first.length; made = dirname(made))
        await syncFolder(dirname(made));
    }
    this.#knownFolders.add(folder);
  }
}

async function writeDurably(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const file = await open(path, 'wx', 0o600);
  try {
    // At most 512 pieces a call: IOV_MAX is 1024 on Linux.
    for (let at = 0; at < pieces.length; at += 512) await writeAll(file, pieces.slice(at, at + 512));
    await file.sync();
    const written = (await file.stat()).size;
    if (written !== size) {
      throw new EngineRefusal('short-write', `${written} of ${size} bytes were written.`, '', {
        errorClass: 'transient',
      });
    }
  } finally {
    await file.close();
  }
  await chmod(path, 0o400);
}

async function writeAll(file: FileHandle, pieces: readonly Uint8Array[]): Promise<void> {
  let rest = pieces.filter((piece) => piece.length > 0);
  while (rest.length > 0) {
    let { bytesWritten } = await file.writev(rest as Uint8Array[]);
    while (rest[0] && bytesWritten >= rest[0].length) {
      bytesWritten -= rest[0].length;
      rest = rest.slice(1);
    }
    if (bytesWritten > 0 && rest[0]) rest = [rest[0].subarray(bytesWritten), ...rest.slice(1)];
  }
}

async function readExactly(file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}

async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder for sync and needs none: NTFS journals names.
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function namesIn(folder: string): Promise<{ name: string; folder: boolean }[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.map((entry) => ({ name: entry.name, folder: entry.isDirectory() }));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    // Removed between listing and looking: it is not there any more.
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function modifiedAt(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return Number.POSITIVE_INFINITY;
    throw error;
  }
}

async function removeQuietly(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    // A temporary file that stays is taken by the sweep; the error that led here matters more.
    if (errorCode(error) !== 'ENOENT') return;
  }
}
