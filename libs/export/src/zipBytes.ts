import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { ZipFile } from 'yazl';

export interface ZipEntry {
  path: string;
  /** ISO. */
  time: string;
  open(): AsyncIterable<Uint8Array>;
}

function dateOf(iso: string): Date {
  const date = new Date(iso);
  // A zip knows no time before 1980.
  return Number.isNaN(date.getTime()) || date.getUTCFullYear() < 1980 ? new Date(Date.UTC(1980, 0, 2)) : date;
}

/** Adds one entry and waits until its bytes are in the archive, so that one entry at a time is in memory. */
function add(zip: ZipFile, entry: ZipEntry, signal: AbortSignal): Promise<void> {
  const { path, time } = entry;
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    zip.addReadStreamLazy(path, { mtime: dateOf(time), mode: 0o100600, compress: true }, (deliver) => {
      const stream = Readable.from(entry.open(), { objectMode: false });
      signal.addEventListener('abort', () => stream.destroy(), { once: true });
      finished(stream, { writable: false })
        .then(resolve, reject)
        .finally(() => signal.removeEventListener('abort', giveUp));
      deliver(null, stream);
    });
  });
}

/** A zip of the entries, as a stream, each taken when the one before is written; zip64 where it must be. */
export async function* zipBytes(entries: AsyncIterable<ZipEntry>): AsyncGenerator<Uint8Array> {
  const zip = new ZipFile();
  const output = zip.outputStream as Readable;
  const ending = new AbortController();
  zip.on('error', (error: Error) => output.destroy(error));
  const produced = (async () => {
    for await (const entry of entries) await add(zip, entry, ending.signal);
    zip.end();
  })().catch((error: unknown) => {
    if (!ending.signal.aborted) output.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  try {
    for await (const chunk of output) yield chunk as Uint8Array;
  } finally {
    ending.abort(new Error('the archive is not wanted any more'));
    await produced;
  }
}
