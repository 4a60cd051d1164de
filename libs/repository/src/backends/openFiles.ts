import { type FileHandle, open } from 'node:fs/promises';

interface Entry {
  opened: Promise<{ file: FileHandle; size: number }>;
  users: number;
  dropped: boolean;
}

/** Keeps the last used files open for reading: a restore reads thousands of ranges from few packs. */
export class OpenFiles {
  readonly #limit: number;
  readonly #entries = new Map<string, Entry>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Runs `action` with the open file and its size. Stored files never change, so the size is read once. */
  async use<T>(path: string, action: (file: FileHandle, size: number) => Promise<T>): Promise<T> {
    const entry = this.#entry(path);
    entry.users++;
    try {
      const { file, size } = await entry.opened;
      return await action(file, size);
    } catch (error) {
      this.#drop(path, entry);
      throw error;
    } finally {
      entry.users--;
      if (entry.dropped && entry.users === 0) await closeEntry(entry);
    }
  }

  /** Closes the file if it is open, so that a removed file's space is given back. */
  async forget(path: string): Promise<void> {
    const entry = this.#entries.get(path);
    if (!entry) return;
    this.#drop(path, entry);
    if (entry.users === 0) await closeEntry(entry);
  }

  async close(): Promise<void> {
    for (const path of [...this.#entries.keys()]) await this.forget(path);
  }

  #entry(path: string): Entry {
    const known = this.#entries.get(path);
    if (known) {
      // Last used is last in order, so that the first is the one to give up.
      this.#entries.delete(path);
      this.#entries.set(path, known);
      return known;
    }
    const entry: Entry = { opened: openForReading(path), users: 0, dropped: false };
    this.#entries.set(path, entry);
    for (const [oldPath, old] of this.#entries) {
      if (this.#entries.size <= this.#limit) break;
      if (old.users > 0 || old === entry) continue;
      this.#drop(oldPath, old);
      void closeEntry(old);
    }
    return entry;
  }

  #drop(path: string, entry: Entry): void {
    entry.dropped = true;
    if (this.#entries.get(path) === entry) this.#entries.delete(path);
  }
}

async function openForReading(path: string): Promise<{ file: FileHandle; size: number }> {
  const file = await open(path, 'r');
  try {
    const found = await file.stat();
    if (found.isDirectory()) throw Object.assign(new Error('is a folder'), { code: 'ENOENT' });
    return { file, size: found.size };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function closeEntry(entry: Entry): Promise<void> {
  try {
    await (await entry.opened).file.close();
  } catch {
    // It never opened; whoever asked for it has the error.
    entry.dropped = true;
  }
}
