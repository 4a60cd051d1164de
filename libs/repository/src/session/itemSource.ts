import type { JsonObject } from '../format/canonicalJson.ts';
import type { StreamTarget } from '../sealing/sealThread.ts';

type Content = Uint8Array | AsyncIterable<Uint8Array>;

/** An item to store. Iterables are read once and may be of any length. */
export interface ItemSource {
  properties: JsonObject;
  /** More properties, given as canonical JSON texts: what a source has as text needs not be parsed to be stored. */
  propertyTexts?: ReadonlyMap<string, Uint8Array> | undefined;
  mime?: Content | undefined;
  extraParts?: readonly { name: string; data: Content }[] | undefined;
}

/** Items up to this are handled whole; larger ones flow through in pieces. */
const SMALL_BYTES = 4 * 1024 * 1024;
/** Pieces given to a thread; larger chunks are cut. */
const PIECE_BYTES = 1024 * 1024;

export type ReadItem =
  | { kind: 'small'; mime: Uint8Array | undefined; parts: { name: string; data: Uint8Array }[] }
  | { kind: 'large'; contents: { target: StreamTarget; chunks: AsyncIterable<Uint8Array> }[] };

/** Reads the contents as long as they are small; what was read of a large one is given again in front. */
export async function readIfSmall(source: ItemSource): Promise<ReadItem> {
  const { mime, extraParts = [] } = source;
  if (mime instanceof Uint8Array && mime.length <= SMALL_BYTES && extraParts.length === 0)
    return { kind: 'small', mime, parts: [] };
  const inputs: { target: StreamTarget; data: Content }[] = [];
  if (mime !== undefined) inputs.push({ target: { kind: 'mime' }, data: mime });
  for (const { name, data } of extraParts) inputs.push({ target: { kind: 'part', name }, data });
  let left = SMALL_BYTES;
  const read: { target: StreamTarget; start: Uint8Array; rest: AsyncIterator<Uint8Array> | undefined }[] = [];
  for (const { target, data } of inputs) {
    const { start, rest } = await readUpTo(data, left);
    left -= start.length;
    read.push({ target, start, rest });
  }
  if (left >= 0 && read.every(({ rest }) => rest === undefined)) {
    const whole = read.find(({ target }) => target.kind === 'mime')?.start;
    const parts = read.flatMap(({ target, start }) =>
      target.kind === 'part' ? [{ name: target.name, data: start }] : [],
    );
    return { kind: 'small', mime: whole, parts };
  }
  return {
    kind: 'large',
    contents: read.map(({ target, start, rest }) => ({ target, chunks: pieces(start, rest) })),
  };
}

async function readUpTo(
  data: Content,
  limit: number,
): Promise<{ start: Uint8Array; rest: AsyncIterator<Uint8Array> | undefined }> {
  if (data instanceof Uint8Array) return { start: data, rest: undefined };
  const iterator = data[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (size <= limit) {
    const next = await iterator.next();
    if (next.done) return { start: joined(chunks), rest: undefined };
    // Copied: a source may use its chunk again once it is asked for the next.
    chunks.push(Uint8Array.from(next.value));
    size += next.value.length;
  }
  return { start: joined(chunks), rest: iterator };
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
}

async function* pieces(
  start: Uint8Array,
  rest: AsyncIterator<Uint8Array> | undefined,
): AsyncIterable<Uint8Array> {
  yield* cut(start);
  if (!rest) return;
  let finished = false;
  try {
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield* cut(next.value);
    finished = true;
  } finally {
    if (!finished) await rest.return?.();
  }
}

function* cut(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}
