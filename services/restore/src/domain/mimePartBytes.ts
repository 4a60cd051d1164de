import { decodeTransfer, type MimePart, MimeScanner, scanMime, walkParts } from '@holdfast/mime';
import type { StoredItem } from '../ports.ts';

/** A message up to this size is read whole to find a part; a larger one is read as a stream, twice. */
const wholeBytes = 4 * 1024 * 1024;

/** The decoded bytes of a part of the MIME by its path; undefined when the message has no such part. */
export interface MimeParts {
  open(partPath: string): AsyncIterable<Uint8Array>;
}

/**
 * Parts that the repository stored on their own are read from there; the others are cut out of the message. The
 * structure is found once, at the first part that needs it.
 */
export function mimePartsOf(mime: NonNullable<StoredItem['mime']>): MimeParts {
  const own = new Map(mime.parts.map((part) => [part.path, part]));
  let whole: Promise<Buffer> | undefined;
  let root: Promise<MimePart> | undefined;

  function structure(): Promise<MimePart> {
    root ??= mime.size <= wholeBytes ? bytes().then(scanMime) : scan(mime.open());
    return root;
  }

  function bytes(): Promise<Buffer> {
    whole ??= collect(mime.open());
    return whole;
  }

  async function* open(partPath: string): AsyncIterable<Uint8Array> {
    const stored = own.get(partPath);
    if (stored !== undefined) {
      yield* stored.open();
      return;
    }
    const part = [...walkParts(await structure())].find(({ path }) => path === partPath);
    if (part === undefined) throw new Error(`the stored message has no part ${partPath}`);
    const { start, end } = part.body;
    const body =
      mime.size <= wholeBytes ? one((await bytes()).subarray(start, end)) : cut(mime.open(), start, end);
    yield* decodeTransfer(part.transferEncoding, body);
  }

  return { open };
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function scan(source: AsyncIterable<Uint8Array>): Promise<MimePart> {
  const scanner = new MimeScanner();
  for await (const piece of source) scanner.push(piece);
  return scanner.end();
}

async function* one(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

async function* cut(
  source: AsyncIterable<Uint8Array>,
  start: number,
  end: number,
): AsyncIterable<Uint8Array> {
  let at = 0;
  for await (const piece of source) {
    const from = Math.max(start - at, 0);
    const to = Math.min(end - at, piece.byteLength);
    if (from < to) yield piece.subarray(from, to);
    at += piece.byteLength;
    if (at >= end) return;
  }
}
