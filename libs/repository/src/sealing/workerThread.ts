import { Worker } from 'node:worker_threads';
import { EngineRefusal } from '../errors.ts';
import { copyBytes } from '../format/copyBytes.ts';
import type { PreparedBatch, SealedBatch, StoredBatch } from './sealCore.ts';
import { type SealSettings, type SealThread, sharedBuffer } from './sealThread.ts';
import type { WorkerCall, WorkerReply } from './workerMessages.ts';

type Value = Extract<WorkerReply, { value: unknown }>['value'];
type Verb<T> = T extends WorkerCall ? Omit<T, 'call' | 'job' | 'forget'> : never;

/** Sealing in a thread of its own. A thread that dies fails all its calls; its session ends with it. */
export function workerThread(settings: SealSettings): SealThread {
  return new WorkerSealThread(settings);
}

class WorkerSealThread implements SealThread {
  readonly #worker: Worker;
  readonly #calls = new Map<number, { resolve: (value: Value) => void; reject: (error: unknown) => void }>();
  /** Told with the next call. */
  #forget: number[] = [];
  #next = 0;
  #dead: Error | undefined;

  constructor(settings: SealSettings) {
    // A small young generation: what a batch leaves behind dies young, and buffers lie outside the heap.
    this.#worker = new Worker(new URL('./sealWorker.ts', import.meta.url), {
      workerData: settings,
      env: settings.codeCacheDir === undefined ? {} : { NODE_COMPILE_CACHE: settings.codeCacheDir },
      resourceLimits: { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 128 },
    });
    this.#worker.unref();
    this.#worker.on('message', (reply: WorkerReply) => this.#settle(reply));
    this.#worker.on('error', (error) => this.#die(error));
    this.#worker.on('exit', () => this.#die(new Error('the sealing thread ended')));
  }

  useFilter(filter: SharedArrayBuffer): void {
    if (!this.#dead) this.#worker.postMessage({ filter });
  }

  async store(
    job: number,
    bytes: Buffer,
    entries: Parameters<SealThread['store']>[2],
    target: Buffer,
  ): Promise<StoredBatch> {
    const value = await this.#call(job, { verb: 'store', bytes, entries, target });
    if (!value || !('stored' in value)) throw threadError(new Error('an answer of the wrong kind'));
    return value.stored;
  }

  forget(job: number): void {
    this.#forget.push(job);
  }

  async seal(job: number, needed: Uint8Array, target: Buffer): Promise<SealedBatch> {
    return sealed(await this.#call(job, { verb: 'seal', needed, target }));
  }

  async pushStream(
    job: number,
    target: Parameters<SealThread['pushStream']>[1],
    chunk: Uint8Array,
  ): Promise<PreparedBatch> {
    return prepared(await this.#call(job, { verb: 'pushStream', target, chunk: shared(chunk) }));
  }

  async endStream(job: number, target: Parameters<SealThread['endStream']>[1]): Promise<PreparedBatch> {
    return prepared(await this.#call(job, { verb: 'endStream', target }));
  }

  async finishStream(job: number, properties: Uint8Array): Promise<PreparedBatch> {
    return prepared(await this.#call(job, { verb: 'finishStream', properties: shared(properties) }));
  }

  async sealStream(job: number, needed: Uint8Array): Promise<SealedBatch> {
    return sealed(await this.#call(job, { verb: 'sealStream', needed }));
  }

  async dropStream(job: number): Promise<void> {
    await this.#call(job, { verb: 'dropStream' });
  }

  async close(): Promise<void> {
    this.#dead ??= new Error('the sealing thread was closed');
    await this.#worker.terminate();
  }

  #call(job: number, call: Verb<WorkerCall>): Promise<Value> {
    if (this.#dead) return Promise.reject(threadError(this.#dead));
    const number = this.#next++;
    return new Promise((resolve, reject) => {
      // While there is an answer to wait for, the thread keeps the process alive.
      if (this.#calls.size === 0) this.#worker.ref();
      this.#calls.set(number, { resolve, reject });
      this.#worker.postMessage({ ...call, call: number, job, forget: this.#forget });
      this.#forget = [];
    });
  }

  #settle(reply: WorkerReply): void {
    const waiting = this.#calls.get(reply.call);
    this.#calls.delete(reply.call);
    if (this.#calls.size === 0) this.#worker.unref();
    if ('error' in reply) waiting?.reject(threadError(new Error(reply.error)));
    else waiting?.resolve(reply.value);
  }

  #die(error: Error): void {
    this.#dead ??= error;
    for (const { reject } of this.#calls.values()) reject(threadError(error));
    this.#calls.clear();
  }
}

/** A view of memory that is not shared would be sent with everything behind it: copy the piece. */
function shared(bytes: Uint8Array): Uint8Array {
  const copy = sharedBuffer(bytes.length);
  copyBytes(bytes, copy, 0);
  return copy;
}

function prepared(value: Value): PreparedBatch {
  if (!value || !('prepared' in value)) throw threadError(new Error('an answer of the wrong kind'));
  return value.prepared;
}

function sealed(value: Value): SealedBatch {
  if (!value || !('sealed' in value)) throw threadError(new Error('an answer of the wrong kind'));
  return value.sealed;
}

function threadError(cause: Error): EngineRefusal {
  return new EngineRefusal(
    'sealing-failed',
    `Sealing objects failed: ${cause.message.split('\n')[0]}.`,
    'The run is tried again; if it fails again, please report it with the log lines around it.',
    { errorClass: 'ours', cause },
  );
}
