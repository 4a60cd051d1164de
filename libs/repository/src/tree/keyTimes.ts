import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { SortKey } from './entries.ts';

/** "HFKT" in the order of this machine: a file of another order is not one. */
const MAGIC = 0x48464b54;
const HEAD_BYTES = 16;
const ENTRY_BYTES = 16;
const BUCKET_SHIFT = 20;
/** Fewer entries are one bucket: a mailbox has many small folders. */
const LEAST_BUCKETED = 512;

/** Grows; two words of the key's hash and the time for each entry. */
class Entries {
  count = 0;
  high = new Uint32Array(16);
  low = new Uint32Array(16);
  time = new Float64Array(16);

  add(high: number, low: number, time: number): void {
    if (this.count === this.high.length) this.#grow();
    this.high[this.count] = high;
    this.low[this.count] = low;
    this.time[this.count++] = time;
  }

  #grow(): void {
    const { high, low, time } = this;
    this.high = new Uint32Array(2 * high.length);
    this.low = new Uint32Array(2 * high.length);
    this.time = new Float64Array(2 * high.length);
    this.high.set(high);
    this.low.set(low);
    this.time.set(time);
  }
}

/** Which times items of a folder are put at or taken from; in any order, each pair once. */
export class KeyTimeChanges {
  readonly put = new Entries();
  readonly taken = new Entries();

  add({ key, time }: SortKey, isPut: boolean): void {
    const { high, low } = wordsOf(key);
    (isPut ? this.put : this.taken).add(high, low, time);
  }
}

/**
 * At which time the items of a folder may lie, by their keys: 16 bytes an item, with 64 bits of a hash in place of
 * the key. A time that it gives is to be looked at in the tree; what it does not give is not in the folder.
 */
export class KeyTimes {
  readonly #sorted: Entries;
  /** Where the entries of each bucket (the highest bits of the hash) begin, and the end of the last. */
  readonly #starts: Uint32Array;

  static readonly none = new KeyTimes(new Entries());

  private constructor(entries: Entries) {
    this.#starts = startsOf(entries);
    this.#sorted = bucketed(entries, this.#starts);
  }

  get count(): number {
    return this.#sorted.count;
  }

  find(key: string): number[] {
    const { high, low } = wordsOf(key);
    return this.#placesOf(high, low).map((at) => this.#sorted.time[at] ?? 0);
  }

  /** The same with changes; an entry that is both taken and put is there. */
  with({ put, taken }: KeyTimeChanges): KeyTimes {
    const gone = new Uint8Array(this.count);
    const mark = (high: number, low: number, time: number) => {
      for (const at of this.#placesOf(high, low)) if (this.#sorted.time[at] === time) gone[at] = 1;
    };
    each(taken, mark);
    // Put again at the same time: not twice.
    each(put, mark);
    const entries = new Entries();
    let at = 0;
    each(this.#sorted, (high, low, time) => {
      if (gone[at++] !== 1) entries.add(high, low, time);
    });
    each(put, (high, low, time) => entries.add(high, low, time));
    return new KeyTimes(entries);
  }

  toBytes(): Buffer {
    const { count, high, low, time } = this.#sorted;
    const bytes = Buffer.allocUnsafeSlow(HEAD_BYTES + count * ENTRY_BYTES);
    new Float64Array(bytes.buffer, HEAD_BYTES, count).set(time.subarray(0, count));
    new Uint32Array(bytes.buffer, HEAD_BYTES + 8 * count, count).set(high.subarray(0, count));
    new Uint32Array(bytes.buffer, HEAD_BYTES + 12 * count, count).set(low.subarray(0, count));
    new Uint32Array(bytes.buffer, 0, 4).set([MAGIC, count, crc32(bytes.subarray(HEAD_BYTES)), 0]);
    return bytes;
  }

  /** Undefined for anything but what `toBytes` made. */
  static parse(bytes: Uint8Array): KeyTimes | undefined {
    const copy = new Uint8Array(bytes).buffer;
    if (copy.byteLength < HEAD_BYTES) return undefined;
    const [magic, count = 0, checksum] = new Uint32Array(copy, 0, 4);
    if (magic !== MAGIC || copy.byteLength !== HEAD_BYTES + count * ENTRY_BYTES) return undefined;
    if (crc32(new Uint8Array(copy, HEAD_BYTES)) !== checksum) return undefined;
    const entries = new Entries();
    entries.count = count;
    entries.time = new Float64Array(copy, HEAD_BYTES, count);
    entries.high = new Uint32Array(copy, HEAD_BYTES + 8 * count, count);
    entries.low = new Uint32Array(copy, HEAD_BYTES + 12 * count, count);
    return new KeyTimes(entries);
  }

  #placesOf(high: number, low: number): number[] {
    const bucket = bucketOf(high, this.count);
    const places: number[] = [];
    const end = this.#starts[bucket + 1] ?? 0;
    for (let at = this.#starts[bucket] ?? 0; at < end; at++) {
      if (this.#sorted.high[at] === high && this.#sorted.low[at] === low) places.push(at);
    }
    return places;
  }
}

function each(entries: Entries, action: (high: number, low: number, time: number) => void): void {
  for (let at = 0; at < entries.count; at++)
    action(entries.high[at] ?? 0, entries.low[at] ?? 0, entries.time[at] ?? 0);
}

function bucketOf(high: number, count: number): number {
  return count < LEAST_BUCKETED ? 0 : high >>> BUCKET_SHIFT;
}

function startsOf(entries: Entries): Uint32Array {
  const buckets = bucketOf(0xffffffff, entries.count) + 1;
  const starts = new Uint32Array(buckets + 1);
  each(entries, (high) => {
    const next = bucketOf(high, entries.count) + 1;
    starts[next] = (starts[next] ?? 0) + 1;
  });
  for (let bucket = 0; bucket < buckets; bucket++)
    starts[bucket + 1] = (starts[bucket + 1] ?? 0) + (starts[bucket] ?? 0);
  return starts;
}

function bucketed(entries: Entries, starts: Uint32Array): Entries {
  const { count } = entries;
  const next = starts.slice();
  const sorted = new Entries();
  sorted.count = count;
  sorted.high = new Uint32Array(count);
  sorted.low = new Uint32Array(count);
  sorted.time = new Float64Array(count);
  each(entries, (high, low, time) => {
    const bucket = bucketOf(high, count);
    const at = next[bucket] ?? 0;
    next[bucket] = at + 1;
    sorted.high[at] = high;
    sorted.low[at] = low;
    sorted.time[at] = time;
  });
  return sorted;
}

function wordsOf(key: string): { high: number; low: number } {
  const digest = hash('sha256', key, 'buffer');
  return { high: digest.readUInt32BE(0), low: digest.readUInt32BE(4) };
}
