/** A slice of a content whose size is not known before its end. */
export interface ContentSlice {
  bytes: Buffer;
  end: boolean;
}

export interface ContentSlices {
  /** `id` names the content among all. */
  slice(id: string, open: () => Promise<AsyncIterable<Uint8Array>>, offset: number): Promise<ContentSlice>;
  close(): Promise<void>;
}

interface Reader {
  iterator: AsyncIterator<Uint8Array>;
  at: number;
  pending: Buffer;
}

const none = Buffer.alloc(0);

/**
 * Contents in slices: whoever reads one after the other is served from one open reader. `limit` readers are kept open,
 * each with one piece in memory; one that is asked for an earlier place begins anew.
 */
export function createContentSlices(sliceBytes: number, limit: number): ContentSlices {
  const readers = new Map<string, Promise<Reader>>();
  const turns = new Map<string, Promise<unknown>>();

  async function begin(open: () => Promise<AsyncIterable<Uint8Array>>): Promise<Reader> {
    return { iterator: (await open())[Symbol.asyncIterator](), at: 0, pending: none };
  }

  async function letGo(reader: Promise<Reader>): Promise<void> {
    const opened = await reader.catch(() => undefined);
    await opened?.iterator.return?.();
  }

  async function readerAt(
    id: string,
    open: Parameters<ContentSlices['slice']>[1],
    offset: number,
  ): Promise<Reader> {
    const known = readers.get(id);
    readers.delete(id);
    let reader = await known?.catch(() => undefined);
    if (reader !== undefined && reader.at > offset) {
      await reader.iterator.return?.();
      reader = undefined;
    }
    reader ??= await begin(open);
    return reader;
  }

  async function read(
    id: string,
    open: Parameters<ContentSlices['slice']>[1],
    offset: number,
  ): Promise<ContentSlice> {
    const reader = await readerAt(id, open, offset);
    const pieces: Buffer[] = [];
    let length = 0;
    while (length < sliceBytes) {
      if (reader.pending.length === 0) {
        const next = await reader.iterator.next();
        if (next.done === true) return { bytes: Buffer.concat(pieces), end: true };
        reader.pending = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
        continue;
      }
      const skip = Math.min(Math.max(offset - reader.at, 0), reader.pending.length);
      const take = Math.min(reader.pending.length - skip, sliceBytes - length);
      pieces.push(reader.pending.subarray(skip, skip + take));
      length += take;
      reader.at += skip + take;
      reader.pending = reader.pending.subarray(skip + take);
    }
    keep(id, reader);
    return { bytes: Buffer.concat(pieces), end: false };
  }

  function keep(id: string, reader: Reader): void {
    readers.set(id, Promise.resolve(reader));
    const [oldest] = readers;
    if (readers.size > limit && oldest !== undefined) {
      readers.delete(oldest[0]);
      void letGo(oldest[1]);
    }
  }

  return {
    slice(id, open, offset) {
      // One slice of a content at a time.
      const before = turns.get(id) ?? Promise.resolve();
      const slice = before.catch(() => undefined).then(() => read(id, open, offset));
      const turn = slice.finally(() => {
        if (turns.get(id) === turn) turns.delete(id);
      });
      turn.catch(() => undefined);
      turns.set(id, turn);
      return slice;
    },
    async close() {
      const open = [...readers.values()];
      readers.clear();
      await Promise.all(open.map(letGo));
    },
  };
}
