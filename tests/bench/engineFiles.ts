import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';

/** The mailboxes of a corpus, in order. */
export function listMailboxes(corpus: string): string[] {
  return readdirSync(join(corpus, 'mail')).sort();
}

/** The messages of a mailbox, in order. */
export function listMessages(corpus: string, mailbox: string): { folder: string; path: string }[] {
  const root = join(corpus, 'mail', mailbox);
  return readdirSync(root)
    .sort()
    .flatMap((folder) =>
      readdirSync(join(root, folder))
        .sort()
        .map((name) => ({ folder, path: join(root, folder, name) })),
    );
}

/**
 * The cheapest way in, as a peer that reads files has it, and as a worker has what it receives: memory is used again,
 * in pieces of twice the size each.
 */
export class FileReader {
  static readonly #free = new Map<number, Buffer[]>();

  #memory: Buffer | undefined;

  /** Valid until `release`. */
  read(path: string): Buffer {
    const file = openSync(path, 'r');
    try {
      const { size } = fstatSync(file);
      const memory = this.#take(size);
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

  release(): void {
    const memory = this.#memory;
    this.#memory = undefined;
    if (memory) FileReader.#free.get(memory.length)?.push(memory);
  }

  #take(size: number): Buffer {
    this.release();
    let room = LEAST_BYTES;
    while (room < size) room *= 2;
    const free = FileReader.#free.get(room) ?? [];
    FileReader.#free.set(room, free);
    this.#memory = free.pop() ?? Buffer.allocUnsafeSlow(room);
    return this.#memory;
  }
}

const LEAST_BYTES = 32 * 1024;
