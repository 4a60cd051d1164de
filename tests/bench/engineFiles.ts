import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The messages of each mailbox: paths relative to the folder, in order. */
export async function listCorpus(
  folder: string,
): Promise<{ mailbox: string; files: { folder: string; path: string }[] }[]> {
  const root = join(folder, 'mail');
  const mailboxes: { mailbox: string; files: { folder: string; path: string }[] }[] = [];
  for (const mailbox of (await readdir(root)).sort()) {
    const files: { folder: string; path: string }[] = [];
    for (const inside of (await readdir(join(root, mailbox))).sort()) {
      for (const name of (await readdir(join(root, mailbox, inside))).sort()) {
        files.push({ folder: inside, path: join(root, mailbox, inside, name) });
      }
    }
    mailboxes.push({ mailbox, files });
  }
  return mailboxes;
}

/** The cheapest way in, as a peer that reads files has it: each reader's memory is used again. */
export class FileReader {
  readonly #kept = Buffer.allocUnsafeSlow(256 * 1024);

  #large: Buffer | undefined;

  /** Valid until the next call or `release`. */
  read(path: string): Buffer {
    this.release();
    const file = openSync(path, 'r');
    try {
      const { size } = fstatSync(file);
      if (size > this.#kept.length) this.#large = Buffer.allocUnsafeSlow(size);
      const memory = this.#large ?? this.#kept;
      for (let done = 0; done < size; ) {
        const read = readSync(file, memory, done, size - done, done);
        if (read === 0) throw new Error(`${path} became shorter`);
        done += read;
      }
      return memory.subarray(0, size);
    } finally {
      closeSync(file);
    }
  }

  /** The memory of a large file is given back at once. */
  release(): void {
    (this.#large?.buffer as ArrayBuffer | undefined)?.transfer(0);
    this.#large = undefined;
  }
}
