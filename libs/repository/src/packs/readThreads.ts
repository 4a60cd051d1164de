import { Worker } from 'node:worker_threads';
import type { MasterKeyBytes } from '../keys/masterKeys.ts';
import type { ReadAnswers, ReadCall, ReadQuestion, ReadReply } from './readWorker.ts';

interface Place {
  worker: Worker;
  waiting: number;
}

/** Questions beyond this wait: what is in flight lies in memory twice. */
const MOST_IN_FLIGHT_A_THREAD = 4;

/** Threads that open, rebuild and check what is stored, started when the first is wanted. */
export class ReadThreads {
  /** 0: everything is done in the calling thread. */
  readonly count: number;
  readonly #keys: MasterKeyBytes;
  readonly #codeCacheDir: string;
  readonly #calls = new Map<number, (reply: ReadReply | undefined) => void>();
  readonly #room: (() => void)[] = [];
  #places: Place[] | undefined;
  #next = 0;

  constructor(count: number, keys: MasterKeyBytes, codeCacheDir: string) {
    this.count = count;
    this.#keys = keys;
    this.#codeCacheDir = codeCacheDir;
  }

  /** Waits until few enough questions are in flight. */
  async room(): Promise<void> {
    while (this.#calls.size >= MOST_IN_FLIGHT_A_THREAD * this.count) {
      await new Promise<void>((resolve) => this.#room.push(resolve));
    }
  }

  /**
   * The answer, or undefined when the calling thread must do it itself (and then says what is wrong). Memory that
   * was given along must not be used again then: a thread that died may still write.
   */
  async ask<Q extends ReadQuestion>(
    question: Q,
    handOver: ArrayBuffer[] = [],
  ): Promise<ReadAnswers[Q['verb']] | undefined> {
    if (this.count === 0) return undefined;
    this.#places ??= Array.from({ length: this.count }, () => this.#start());
    const place = this.#places.reduce((least, next) => (next.waiting < least.waiting ? next : least));
    const call = this.#next++;
    place.waiting++;
    // While there is an answer to wait for, the thread keeps the process alive.
    if (place.waiting === 1) place.worker.ref();
    const reply = await new Promise<ReadReply | undefined>((resolve) => {
      this.#calls.set(call, resolve);
      place.worker.postMessage({ ...question, call } satisfies ReadCall, handOver);
    });
    place.waiting--;
    if (place.waiting === 0) place.worker.unref();
    return reply && 'answer' in reply ? (reply.answer as ReadAnswers[Q['verb']]) : undefined;
  }

  async close(): Promise<void> {
    const places = this.#places ?? [];
    this.#places = undefined;
    for (const { worker } of places) await worker.terminate();
    for (const call of [...this.#calls.keys()]) this.#settle(call, undefined);
  }

  #start(): Place {
    const worker = new Worker(new URL('./readWorker.ts', import.meta.url), {
      workerData: this.#keys,
      env: { NODE_COMPILE_CACHE: this.#codeCacheDir },
      resourceLimits: { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 128 },
    });
    worker.unref();
    worker.on('message', (reply: ReadReply) => this.#settle(reply.call, reply));
    // A thread that dies answers nothing more: what it was asked is done in the calling thread.
    worker.on('error', () => void this.close());
    return { worker, waiting: 0 };
  }

  #settle(call: number, reply: ReadReply | undefined): void {
    const settle = this.#calls.get(call);
    this.#calls.delete(call);
    settle?.(reply);
    for (const resume of this.#room.splice(0)) resume();
  }
}
