import { HoldfastError } from '@holdfast/contracts';
import type { PointItem, StoredItem } from '../ports.ts';

/** A slice of a stored message. */
export interface MimeSlice {
  size: number;
  /** Of the whole, hex. */
  sha256: string;
  bytes: Buffer;
}

export interface SliceSource {
  /** Names the item among all: restore point, folder and key. */
  id: string;
  find(): Promise<PointItem>;
  read(objectId: string): Promise<StoredItem>;
}

/** Slices of messages; whoever reads one slice after the other is served from one open reader. */
export interface MimeSlices {
  slice(source: SliceSource, offset: number): Promise<MimeSlice>;
  close(): Promise<void>;
}

interface Reader {
  mime: NonNullable<StoredItem['mime']>;
  iterator: AsyncIterator<Uint8Array> | undefined;
  /** Offset of the first byte in `pending`, or of the next piece. */
  at: number;
  pending: Uint8Array;
  /** One slice of a reader at a time. */
  turn: Promise<unknown>;
}

const none = new Uint8Array(0);

/** `limit` readers are kept open, each with one piece (some MB at most) in memory; the longest unused one goes. */
export function createMimeSlices(sliceBytes: number, limit: number): MimeSlices {
  const readers = new Map<string, Promise<Reader>>();

  async function open(source: SliceSource): Promise<Reader> {
    const { objectId } = await source.find();
    const { mime } = await source.read(objectId);
    if (mime === undefined) {
      throw new HoldfastError('no-mime', 'permanent-item', 'The item was stored without its message text.');
    }
    return { mime, iterator: undefined, at: 0, pending: none, turn: Promise.resolve() };
  }

  function readerOf(source: SliceSource): Promise<Reader> {
    const reader = readers.get(source.id) ?? open(source);
    readers.delete(source.id);
    readers.set(source.id, reader);
    reader.catch(() => readers.delete(source.id));
    const [oldest] = readers;
    if (readers.size > limit && oldest !== undefined) {
      readers.delete(oldest[0]);
      void letGo(oldest[1]);
    }
    return reader;
  }

  return {
    async slice(source, offset) {
      const reader = await readerOf(source);
      const slice = reader.turn.then(() => read(reader, offset, sliceBytes));
      reader.turn = slice.catch(() => rewind(reader));
      const bytes = await slice;
      const { size, sha256 } = reader.mime;
      return { size, sha256, bytes };
    },
    async close() {
      const open = [...readers.values()];
      readers.clear();
      await Promise.all(open.map(letGo));
    },
  };
}

/** A reader that failed to open has nothing to give back. */
async function letGo(reader: Promise<Reader>): Promise<void> {
  const opened = await reader.catch(() => undefined);
  if (opened === undefined) return;
  await opened.turn;
  await rewind(opened);
}

async function rewind(reader: Reader): Promise<void> {
  const { iterator } = reader;
  Object.assign(reader, { iterator: undefined, at: 0, pending: none });
  await iterator?.return?.();
}

/** Reads on when the slice begins at or behind where the reader stands, else from the start. */
async function read(reader: Reader, offset: number, sliceBytes: number): Promise<Buffer> {
  if (offset >= reader.mime.size) return Buffer.alloc(0);
  if (offset < reader.at) await rewind(reader);
  const wanted = Math.min(sliceBytes, reader.mime.size - offset);
  const slice = Buffer.alloc(wanted);
  let filled = 0;
  while (filled < wanted) {
    if (reader.pending.byteLength === 0) {
      reader.iterator ??= reader.mime.open()[Symbol.asyncIterator]();
      const next = await reader.iterator.next();
      if (next.done === true) break;
      reader.pending = next.value;
      continue;
    }
    const skip = Math.min(Math.max(offset + filled - reader.at, 0), reader.pending.byteLength);
    const take = Math.min(reader.pending.byteLength - skip, wanted - filled);
    slice.set(reader.pending.subarray(skip, skip + take), filled);
    filled += take;
    reader.at += skip + take;
    reader.pending = reader.pending.subarray(skip + take);
  }
  return slice.subarray(0, filled);
}
