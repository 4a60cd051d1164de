import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';
import { type KV, Kvm, type KvWatchEntry } from '@nats-io/kv';
import type { Bucket, BucketEntry, BucketListener } from './bucket.ts';
import type { Connection } from './connection.ts';
import type { Log } from './log.ts';
import { decodeKey, encodeKey } from './names.ts';
import { growingPause, pause } from './pauses.ts';
import type { Running } from './ports.ts';

/** A bucket of the broker; its stream must have been declared to the topology. */
export async function openNatsBucket(connection: Connection, name: string, log: Log): Promise<Bucket> {
  const kv = await connection.call(`opening the bucket ${name}`, () => new Kvm(connection.js).open(name));
  const call = <T>(verb: string, key: string, operation: () => Promise<T>) =>
    connection.call(`${verb} ${name}/${key}`, operation);
  return {
    get: (key) =>
      call('reading', key, async () => {
        const entry = await kv.get(encodeKey(key));
        if (entry === null || entry.operation !== 'PUT') return undefined;
        return { value: entry.string(), revision: entry.revision };
      }),
    put: (key, value) => call('writing', key, () => kv.put(encodeKey(key), value)),
    create: (key, value) =>
      call('writing', key, () => kv.create(encodeKey(key), value).catch(undefinedWhenOutdated)),
    update: (key, value, revision) =>
      call('writing', key, () => kv.update(encodeKey(key), value, revision).catch(undefinedWhenOutdated)),
    delete: (key, revision) =>
      call('deleting', key, async () => {
        const options = revision === undefined ? {} : { previousSeq: revision };
        try {
          await kv.delete(encodeKey(key), options);
          return true;
        } catch (error) {
          undefinedWhenOutdated(error);
          return false;
        }
      }),
    list: () => call('listing', '*', () => listOf(kv)),
    watch: (listener) => watchBucket(connection, kv, listener, log),
  };
}

function undefinedWhenOutdated(error: unknown): undefined {
  const outdated: number[] = [
    JetStreamApiCodes.StreamWrongLastSequence,
    JetStreamApiCodes.StreamWrongLastSequenceUnknown,
  ];
  if (error instanceof JetStreamApiError && outdated.includes(error.code)) return undefined;
  throw error;
}

const entryOf = (entry: KvWatchEntry): BucketEntry | undefined =>
  entry.operation === 'PUT' ? { value: entry.string(), revision: entry.revision } : undefined;

/** All entries: a watch that ends when it has shown what is there. */
async function listOf(kv: KV): Promise<Map<string, BucketEntry>> {
  const entries = new Map<string, BucketEntry>();
  const { values } = await kv.status();
  if (values === 0) return entries;
  const watch = await kv.watch();
  // All may have expired since the status was read: then nothing ever comes.
  const silence = setTimeout(() => watch.stop(), 3000);
  for await (const entry of watch) {
    silence.refresh();
    const found = entryOf(entry);
    if (found === undefined) entries.delete(decodeKey(entry.key));
    else entries.set(decodeKey(entry.key), found);
    if (entry.delta === 0) break;
  }
  clearTimeout(silence);
  watch.stop();
  return entries;
}

/**
 * Watches for ever. The library's watch cannot be trusted to survive a broker that comes back empty, so each
 * comeback of the connection begins a new one with a fresh listing.
 */
async function watchBucket(
  connection: Connection,
  kv: KV,
  listener: BucketListener,
  log: Log,
): Promise<Running> {
  const stopping = new AbortController();
  let again = new AbortController();
  const deaf = connection.onComeback(() => again.abort());

  async function once(signal: AbortSignal, onListed: () => void): Promise<void> {
    await connection.whenReady(60_000);
    const { values } = await kv.status();
    const watch = await kv.watch();
    const end = () => watch.stop();
    signal.addEventListener('abort', end, { once: true });
    stopping.signal.addEventListener('abort', end, { once: true });
    if (signal.aborted || stopping.signal.aborted) watch.stop();
    listener.onRestart();
    if (values === 0) onListed();
    // All may have expired since the status was read: then nothing comes that would end the listing.
    const silence = setTimeout(onListed, 2000);
    for await (const entry of watch) {
      listener.onEntry(decodeKey(entry.key), entryOf(entry));
      if (entry.delta === 0) onListed();
    }
    clearTimeout(silence);
    signal.removeEventListener('abort', end);
    stopping.signal.removeEventListener('abort', end);
  }

  async function loop(onFirst: () => void): Promise<void> {
    const pauses = growingPause(100, 2000);
    while (!stopping.signal.aborted && !connection.closing.aborted) {
      again = new AbortController();
      let listed = false;
      const onListed = () => {
        if (listed) return;
        listed = true;
        listener.onListed();
        onFirst();
        pauses.reset();
      };
      try {
        await once(again.signal, onListed);
      } catch (error) {
        if (!connection.closing.aborted) log.warn({ error }, 'a watch begins anew');
      }
      if (!again.signal.aborted)
        await pause(pauses.next(), again.signal, stopping.signal, connection.closing);
    }
  }

  let running: Promise<void> = Promise.resolve();
  await new Promise<void>((resolve, reject) => {
    running = loop(resolve).then(() => reject(new Error('the watch was stopped before it had listed')));
  });
  return {
    async stop() {
      stopping.abort();
      deaf();
      await running;
    },
  };
}
