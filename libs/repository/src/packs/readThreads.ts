import { Worker } from 'node:worker_threads';
import { copyBytes } from '../format/copyBytes.ts';
import { releaseMemory } from '../format/releaseMemory.ts';
import type { MasterKeyBytes } from '../keys/masterKeys.ts';
import { sharedBuffer } from '../sealing/sealThread.ts';
import type { ReadCall } from './readWorker.ts';
import type { RebuildRequest } from './rebuildMessage.ts';

interface Place {
  worker: Worker;
  waiting: number;
}

/** Requests beyond this wait: what is in flight lies in memory twice. */
const MOST_IN_FLIGHT_A_THREAD = 4;

/** Shared memory for a request and its answer: most fit into one such piece. */
const SLAB_BYTES = 2 * 1024 * 1024;
const MOST_SLABS = 12;

/** A rebuilt message in memory that is used again after `giveBack`. */
export interface LentMessage {
  bytes: Buffer;
  giveBack: () => void;
}

/** Threads that rebuild messages with parts, started when the first one is asked for. */
export class ReadThreads {
  readonly #count: number;
  readonly #keys: MasterKeyBytes;
  readonly #codeCacheDir: string;
  readonly #calls = new Map<number, (isDone: boolean) => void>();
  readonly #room: (() => void)[] = [];
  /** Shared memory that no request uses. */
  readonly #slabs: Buffer[] = [];
  #places: Place[] | undefined;
  #next = 0;

  constructor(count: number, keys: MasterKeyBytes, codeCacheDir: string) {
    this.#count = count;
    this.#keys = keys;
    this.#codeCacheDir = codeCacheDir;
  }

  /** The message, or undefined when it must be read in the calling thread (which then says what is wrong). */
  async rebuild(request: RebuildRequest): Promise<LentMessage | undefined> {
    if (this.#count === 0) return undefined;
    this.#places ??= Array.from({ length: this.#count }, () => this.#start());
    while (this.#calls.size >= MOST_IN_FLIGHT_A_THREAD * this.#count) {
      await new Promise<void>((resolve) => this.#room.push(resolve));
    }
    const place = this.#places?.reduce((least, next) => (next.waiting < least.waiting ? next : least));
    if (!place) return undefined;
    const call = this.#next++;
    place.waiting++;
    if (place.waiting === 1) place.worker.ref();
    const { memory, target, ...sent } = this.#shared(request);
    const isDone = await new Promise<boolean>((resolve) => {
      this.#calls.set(call, (done) => {
        place.waiting--;
        if (place.waiting === 0) place.worker.unref();
        resolve(done);
      });
      place.worker.postMessage({ call, request: sent, target } satisfies ReadCall);
    });
    const giveBack = () => {
      if (memory.length === SLAB_BYTES && this.#slabs.length < MOST_SLABS) this.#slabs.push(memory);
    };
    if (isDone) return { bytes: target, giveBack };
    // A thread that died may still write: its memory is not used again.
    return undefined;
  }

  async close(): Promise<void> {
    for (const { worker } of this.#places ?? []) await worker.terminate();
    this.#places = undefined;
    for (const call of [...this.#calls.keys()]) this.#settle(call, false);
  }

  #start(): Place {
    const worker = new Worker(new URL('./readWorker.ts', import.meta.url), {
      workerData: this.#keys,
      env: { NODE_COMPILE_CACHE: this.#codeCacheDir },
      resourceLimits: { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 128 },
    });
    worker.unref();
    worker.on('message', ({ call, isDone }: { call: number; isDone?: true }) =>
      this.#settle(call, isDone === true),
    );
    // A thread that dies answers nothing more: everything is read in the calling thread from then on.
    worker.on('error', () => void this.close());
    return { worker, waiting: 0 };
  }

  #settle(call: number, isDone: boolean): void {
    const settle = this.#calls.get(call);
    this.#calls.delete(call);
    settle?.(isDone);
    for (const resume of this.#room.splice(0)) resume();
  }

  /** Everything, and room for the answer, in one piece of shared memory. The memory of the frames is given back. */
  #shared(request: RebuildRequest): RebuildRequest & { memory: Buffer; target: Buffer } {
    const input = request.frames.reduce((sum, { bytes }) => sum + bytes.length, request.inline.length);
    const total = input + request.size;
    const memory = total > SLAB_BYTES ? sharedBuffer(total) : (this.#slabs.pop() ?? sharedBuffer(SLAB_BYTES));
    copyBytes(request.inline, memory, 0);
    let at = request.inline.length;
    const frames = request.frames.map(({ bytes, id }) => {
      const start = at;
      copyBytes(bytes, memory, start);
      at += bytes.length;
      releaseMemory(bytes);
      return { id, bytes: memory.subarray(start, at) };
    });
    const inline = memory.subarray(0, request.inline.length);
    return { ...request, inline, frames, memory, target: memory.subarray(input, total) };
  }
}
