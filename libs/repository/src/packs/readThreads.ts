import { Worker } from 'node:worker_threads';
import type { MasterKeyBytes } from '../keys/masterKeys.ts';
import { sharedBuffer } from '../sealing/sealThread.ts';
import type { RebuildRequest } from './rebuildMessage.ts';

interface Place {
  worker: Worker;
  waiting: number;
}

/** Requests beyond this wait: what is in flight lies in memory twice. */
const MOST_IN_FLIGHT_A_THREAD = 4;

/** Threads that rebuild messages with parts, started when the first one is asked for. */
export class ReadThreads {
  readonly #count: number;
  readonly #keys: MasterKeyBytes;
  readonly #codeCacheDir: string;
  readonly #calls = new Map<number, (message: Buffer | undefined) => void>();
  readonly #room: (() => void)[] = [];
  #places: Place[] | undefined;
  #next = 0;

  constructor(count: number, keys: MasterKeyBytes, codeCacheDir: string) {
    this.#count = count;
    this.#keys = keys;
    this.#codeCacheDir = codeCacheDir;
  }

  /** The message, or undefined when it must be read in the calling thread (which then says what is wrong). */
  async rebuild(request: RebuildRequest): Promise<Buffer | undefined> {
    if (this.#count === 0) return undefined;
    this.#places ??= Array.from({ length: this.#count }, () => this.#start());
    while (this.#calls.size >= MOST_IN_FLIGHT_A_THREAD * this.#count) {
      await new Promise<void>((resolve) => this.#room.push(resolve));
    }
    const place = this.#places.reduce((least, next) => (next.waiting < least.waiting ? next : least));
    const call = this.#next++;
    place.waiting++;
    if (place.waiting === 1) place.worker.ref();
    return new Promise((resolve) => {
      this.#calls.set(call, (message) => {
        place.waiting--;
        if (place.waiting === 0) place.worker.unref();
        resolve(message);
      });
      place.worker.postMessage({ call, request: shared(request) });
    });
  }

  async close(): Promise<void> {
    for (const { worker } of this.#places ?? []) await worker.terminate();
    this.#places = undefined;
    for (const call of [...this.#calls.keys()]) this.#settle(call, undefined);
  }

  #start(): Place {
    const worker = new Worker(new URL('./readWorker.ts', import.meta.url), {
      workerData: this.#keys,
      env: { NODE_COMPILE_CACHE: this.#codeCacheDir },
      resourceLimits: { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 128 },
    });
    worker.unref();
    worker.on('message', ({ call, message }: { call: number; message?: Uint8Array }) =>
      this.#settle(call, message && Buffer.from(message.buffer, message.byteOffset, message.length)),
    );
    // A thread that dies answers nothing more: everything is read in the calling thread from then on.
    worker.on('error', () => void this.close());
    return { worker, waiting: 0 };
  }

  #settle(call: number, message: Buffer | undefined): void {
    const settle = this.#calls.get(call);
    this.#calls.delete(call);
    settle?.(message);
    for (const resume of this.#room.splice(0)) resume();
  }
}

/** Everything in one piece of shared memory: a view would be sent with all that lies behind it. */
function shared(request: RebuildRequest): RebuildRequest {
  const total = request.frames.reduce((sum, { bytes }) => sum + bytes.length, request.inline.length);
  const memory = sharedBuffer(total);
  memory.set(request.inline, 0);
  let at = request.inline.length;
  const frames = request.frames.map(({ bytes, id }) => {
    memory.set(bytes, at);
    at += bytes.length;
    return { id, bytes: memory.subarray(at - bytes.length, at) };
  });
  return { ...request, inline: memory.subarray(0, request.inline.length), frames };
}
