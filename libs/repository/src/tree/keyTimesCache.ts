import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KeyTimes } from './keyTimes.ts';

/** Smaller folders are read as fast as such a file. */
const LEAST_ITEMS = 1024;

let files = 0;

/**
 * `KeyTimes` of large folders by the root page of the folder, in files beside the local index: a root names one
 * set of items for ever, so a file is right whenever it is there. All of it may be deleted at any time.
 */
export class KeyTimesCache {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async load(root: string): Promise<KeyTimes | undefined> {
    try {
      return KeyTimes.parse(await readFile(join(this.#folder, root)));
    } catch {
      // Never written, or deleted: the folder's pages are read instead.
      return undefined;
    }
  }

  /** Keeps those of a new root; the root before it is not asked for again. Never fails: it is a cache. */
  async save(root: string, times: KeyTimes, previous: string | null): Promise<void> {
    try {
      if (times.count >= LEAST_ITEMS) {
        await mkdir(this.#folder, { recursive: true });
        const temporary = join(this.#folder, `.${process.pid}-${files++}`);
        await writeFile(temporary, times.toBytes());
        await rename(temporary, join(this.#folder, root));
      }
      if (previous !== null && previous !== root) await rm(join(this.#folder, previous), { force: true });
    } catch {
      // A full or read-only disk costs the next writer a walk through the folder, nothing else.
      return;
    }
  }
}
