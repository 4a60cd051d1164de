import type { Bucket, BucketEntry } from './bucket.ts';
import type { Log } from './log.ts';
import type { KeyValue, Running } from './ports.ts';

/** Typed values over a bucket. What does not parse is logged and treated as absent: another release wrote it. */
export function createKeyValue<T>(
  bucket: Bucket,
  options: { name: string; ttlMs?: number; parse: (json: unknown) => T; log: Log },
): KeyValue<T> {
  const { log, name, parse } = options;

  function read(key: string, entry: BucketEntry | undefined): T | undefined {
    if (entry === undefined) return undefined;
    try {
      return parse(JSON.parse(entry.value));
    } catch (error) {
      log.warn({ error, bucket: name, key }, 'a value cannot be read and counts as absent');
      return undefined;
    }
  }

  return {
    get: async (key) => read(key, await bucket.get(key)),
    async put(key, value) {
      await bucket.put(key, JSON.stringify(value));
    },
    async delete(key) {
      await bucket.delete(key);
    },
    async all() {
      const values = new Map<string, T>();
      for (const [key, entry] of await bucket.list()) {
        const value = read(key, entry);
        if (value !== undefined) values.set(key, value);
      }
      return values;
    },
    watch: (onChange) =>
      watchTyped(bucket, (key, entry) => onChange(key, read(key, entry)), options.ttlMs ?? 0, log),
  };
}

interface Seen {
  text: string;
  /** When it was told last, by the monotonic clock. */
  at: number;
}

/**
 * Turns the bucket's watch, which starts over after each comeback of the broker, into calls for what is there and
 * what has changed; finds out itself what has expired, because servers do not tell.
 */
async function watchTyped(
  bucket: Bucket,
  onChange: (key: string, entry: BucketEntry | undefined) => void,
  ttlMs: number,
  log: Log,
): Promise<Running> {
  const known = new Map<string, Seen>();
  let missing: Set<string> | undefined;

  function tell(key: string, entry: BucketEntry | undefined): void {
    missing?.delete(key);
    const before = known.get(key);
    if (entry === undefined) {
      if (before === undefined) return;
      known.delete(key);
    } else {
      known.set(key, { text: entry.value, at: performance.now() });
      if (before?.text === entry.value) return;
    }
    try {
      onChange(key, entry);
    } catch (error) {
      log.error({ error, key }, 'a watcher failed');
    }
  }

  const running = await bucket.watch({
    onRestart() {
      missing = new Set(known.keys());
    },
    onEntry: tell,
    onListed() {
      const gone = missing ?? new Set<string>();
      missing = undefined;
      for (const key of gone) tell(key, undefined);
    },
  });

  async function tellExpired(): Promise<void> {
    for (const [key, seen] of [...known]) {
      if (performance.now() - seen.at < ttlMs) continue;
      tell(key, await bucket.get(key));
    }
  }
  let looking = false;
  const looks = setInterval(
    () => {
      if (looking) return;
      looking = true;
      tellExpired()
        .catch((error: unknown) => log.debug({ error }, 'what has expired is not known now'))
        .finally(() => {
          looking = false;
        });
    },
    Math.max(ttlMs / 4, 50),
  );
  looks.unref();
  if (ttlMs === 0) clearInterval(looks);
  return {
    async stop() {
      clearInterval(looks);
      await running.stop();
    },
  };
}
