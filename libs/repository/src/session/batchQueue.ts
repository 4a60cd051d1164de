import { copyBytes } from '../format/copyBytes.ts';
import type { ObjectType } from '../format/objectTypes.ts';
import type { BatchEntry } from '../sealing/sealCore.ts';
import { type SealThread, sharedBuffer } from '../sealing/sealThread.ts';
import type { StoredFacts } from './storedFacts.ts';

/** One object, or one item whose contents are in memory. */
export type BatchInput =
  | { kind: 'object'; type: ObjectType; bytes: Uint8Array }
  | {
      kind: 'item';
      properties: Uint8Array;
      mime: Uint8Array | undefined;
      extraParts: readonly { name: string; data: Uint8Array }[];
    };

interface Waiter {
  resolve: (facts: StoredFacts) => void;
  reject: (error: unknown) => void;
}

/** Inputs that go to a thread together: one message each way for many small items. */
export interface Batch {
  /** Shared memory; the thread's while it works. */
  bytes: Buffer;
  used: number;
  entries: BatchEntry[];
  waiters: Waiter[];
}

/** Room for what fills a batch and one larger item. */
const SLAB_BYTES = 1024 * 1024;
/** Two threads with three batches each, one being filled, some to spare. */
const MOST_SLABS = 10;
/**
 * A batch is sent when it holds this much, or earlier when a thread has nothing to do. Large enough that messages
 * between threads cost little, small enough that the few items in hand of some mailboxes keep all threads busy.
 */
const FULL_BYTES = 256 * 1024;
const FULL_ENTRIES = 256;
/** A thread prepares the next batches while the answer for one is on its way: one that falls asleep is dear to wake. */
const BATCHES_A_THREAD = 3;
/** Bytes given and not yet sealed, beyond which callers wait. */
const MOST_WAITING_BYTES = 12 * 1024 * 1024;

type RunBatch = (thread: SealThread, batch: Batch) => Promise<StoredFacts[]>;

/** Gathers inputs into batches, keeps the threads busy and makes callers wait when they are faster. */
export class BatchQueue {
  readonly #run: RunBatch;
  readonly #threads: { thread: SealThread; batches: number }[];
  readonly #ready: Batch[] = [];
  readonly #slabs: Buffer[] = [];
  readonly #room: (() => void)[] = [];
  readonly #working = new Set<Promise<void>>();
  #open: Batch | undefined;
  #waitingBytes = 0;
  #scheduled = false;

  constructor(threads: readonly SealThread[], run: RunBatch) {
    this.#run = run;
    this.#threads = threads.map((thread) => ({ thread, batches: 0 }));
  }

  async add(input: BatchInput): Promise<StoredFacts> {
    const size = sizeOf(input);
    while (this.#waitingBytes > MOST_WAITING_BYTES) {
      await new Promise<void>((resolve) => this.#room.push(resolve));
    }
    this.#waitingBytes += size;
    return new Promise((resolve, reject) => {
      const batch = this.#batchFor(size);
      copyInto(batch, input);
      batch.waiters.push({ resolve, reject });
      if (batch.used >= FULL_BYTES || batch.entries.length >= FULL_ENTRIES) this.#close();
      else this.#scheduleDispatch();
    });
  }

  async idle(): Promise<void> {
    while (this.#open || this.#ready.length > 0 || this.#working.size > 0) {
      this.#close();
      await Promise.race(this.#working);
    }
  }

  #batchFor(size: number): Batch {
    if (this.#open && this.#open.used + size > this.#open.bytes.length) this.#close();
    this.#open ??= { bytes: this.#slab(size), used: 0, entries: [], waiters: [] };
    return this.#open;
  }

  #slab(size: number): Buffer {
    if (size > SLAB_BYTES) return sharedBuffer(size);
    return this.#slabs.pop() ?? sharedBuffer(SLAB_BYTES);
  }

  #close(): void {
    const batch = this.#open;
    this.#open = undefined;
    if (batch) this.#ready.push(batch);
    this.#dispatch();
  }

  /** After the present turn of the event loop, so that inputs given together travel together. */
  #scheduleDispatch(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#open && this.#threads.some(({ batches }) => batches === 0)) this.#close();
    });
  }

  #dispatch(): void {
    while (this.#ready.length > 0) {
      const place = this.#threads.reduce((least, next) => (next.batches < least.batches ? next : least));
      if (place.batches >= BATCHES_A_THREAD) return;
      const batch = this.#ready.shift();
      if (batch) this.#start(place, batch);
    }
  }

  #start(place: { thread: SealThread; batches: number }, batch: Batch): void {
    place.batches++;
    const size = batch.used;
    const work = this.#run(place.thread, batch)
      .then(
        (facts) => {
          batch.waiters.forEach(({ resolve, reject }, at) => {
            const answer = facts[at];
            if (answer) resolve(answer);
            else reject(new RangeError('a batch without an answer for each entry'));
          });
        },
        (error: unknown) => {
          for (const { reject } of batch.waiters) reject(error);
        },
      )
      .finally(() => {
        if (batch.bytes.length === SLAB_BYTES && this.#slabs.length < MOST_SLABS)
          this.#slabs.push(batch.bytes);
        place.batches--;
        this.#working.delete(work);
        this.#waitingBytes -= size;
        for (const resume of this.#room.splice(0)) resume();
        this.#dispatch();
        if (this.#open) this.#scheduleDispatch();
      });
    this.#working.add(work);
  }
}

function sizeOf(input: BatchInput): number {
  if (input.kind === 'object') return input.bytes.length;
  const parts = input.extraParts.reduce((sum, part) => sum + part.data.length, 0);
  return input.properties.length + (input.mime?.length ?? 0) + parts;
}

function copyInto(batch: Batch, input: BatchInput): void {
  const put = (bytes: Uint8Array): [number, number] => {
    const start = batch.used;
    copyBytes(bytes, batch.bytes, start);
    batch.used += bytes.length;
    return [start, batch.used];
  };
  if (input.kind === 'object') {
    const [start, end] = put(input.bytes);
    batch.entries.push({ kind: 'object', type: input.type, start, end });
    return;
  }
  batch.entries.push({
    kind: 'item',
    properties: put(input.properties),
    mime: input.mime && put(input.mime),
    extraParts: input.extraParts.map(({ name, data }) => ({ name, span: put(data) })),
  });
}
