import type { Dispatcher } from 'undici';
import type { HttpAnswer, HttpBody } from './httpAnswer.ts';
import { releaseSpent } from './spentMemory.ts';

/** Bytes that wait for their reader; beyond, the connection is not read from. */
const mostWaiting = 256 * 1024;
/** Memory is not taken in advance for more than this, whatever an answer announces. */
const mostAnnounced = 64 * 1024 * 1024;

/** The length that an answer says its body has; undefined when it says none. */
const lengthOf = (headers: HttpAnswer['headers']): number | undefined => {
  const text = headers['content-length'];
  return typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
};

/**
 * One answer of undici, taken from its parser without a stream in between: what a reader copies out of a piece of the
 * connection's memory goes back at once, where a stream would leave it all to the collector.
 */
export class ReceivedAnswer implements Dispatcher.DispatchHandler, HttpBody {
  /** Resolves when the head is there. */
  readonly head: Promise<HttpAnswer>;
  readonly #onHead: PromiseWithResolvers<HttpAnswer>;
  readonly #onDone: () => void;
  #controller: Dispatcher.DispatchController | undefined;
  #length: number | undefined;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** The parser keeps a part of a piece that it was stopped in. */
  #wasPaused = false;
  #state: 'open' | 'ended' | { failed: unknown } = 'open';
  #copy: ((piece: Buffer) => void) | undefined;
  #wake: (() => void) | undefined;

  /** `onDone` is told once, when nothing more will come. */
  constructor(onDone: () => void) {
    this.#onHead = Promise.withResolvers<HttpAnswer>();
    this.head = this.#onHead.promise;
    this.#onDone = onDone;
  }

  /** Ends the request, whatever it is waiting for. */
  abort(reason: unknown): void {
    if (this.#state !== 'open') return;
    const error = reason instanceof Error ? reason : new Error('the request was stopped', { cause: reason });
    this.#finish({ failed: reason });
    this.#controller?.abort(error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (typeof this.#state === 'object') controller.abort(new Error('the request was stopped'));
  }

  onResponseStart(
    _: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    // Interim answers say nothing that anybody here waits for.
    if (status < 200) return;
    this.#length = lengthOf(headers);
    this.#onHead.resolve({ status, headers, body: this });
  }

  onResponseData(controller: Dispatcher.DispatchController, piece: Buffer): void {
    if (this.#copy !== undefined) {
      this.#copy(piece);
      if (!this.#wasPaused) releaseSpent(piece);
      return;
    }
    this.#waiting.push(piece);
    this.#waitingBytes += piece.byteLength;
    if (this.#waitingBytes > mostWaiting) {
      this.#wasPaused = true;
      controller.pause();
    }
    this.#wake?.();
  }

  onResponseEnd(): void {
    this.#finish('ended');
  }

  onResponseError(_: Dispatcher.DispatchController | null, error: Error): void {
    this.#finish({ failed: error });
  }

  async bytes(): Promise<Uint8Array> {
    if (this.#length !== undefined && this.#length <= mostAnnounced) {
      const memory = new Uint8Array(this.#length);
      return memory.subarray(0, await this.into(memory));
    }
    const pieces: Buffer[] = [];
    await this.#each((piece) => pieces.push(Buffer.from(piece)));
    return Buffer.concat(pieces);
  }

  async into(memory: Uint8Array): Promise<number> {
    let size = 0;
    await this.#each((piece) => {
      if (size + piece.byteLength <= memory.byteLength) memory.set(piece, size);
      size += piece.byteLength;
    });
    return size;
  }

  async dump(): Promise<void> {
    await this.#each(() => undefined);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        for (let piece = this.#taken(); piece !== undefined; piece = this.#taken()) yield piece;
        if (!(await this.#more())) return;
      }
    } finally {
      // A connection whose answer was not read to its end serves nobody.
      this.abort(new Error('the rest of the body was not wanted'));
    }
  }

  /** Gives every piece to `copy`, which must not keep it; resolves at the end of the body. */
  async #each(copy: (piece: Buffer) => void): Promise<void> {
    this.#copy = copy;
    for (let piece = this.#taken(); piece !== undefined; piece = this.#taken()) {
      copy(piece);
      if (!this.#wasPaused) releaseSpent(piece);
    }
    while (await this.#more());
  }

  #taken(): Buffer | undefined {
    const piece = this.#waiting.shift();
    if (piece !== undefined) this.#waitingBytes -= piece.byteLength;
    return piece;
  }

  /** Waits for a piece or the end; false at the end. @throws what ended the body before its time */
  async #more(): Promise<boolean> {
    if (this.#waiting.length > 0) return true;
    if (this.#state === 'open') {
      if (this.#controller?.paused === true) this.#controller.resume();
      await new Promise<void>((resolve) => {
        if (this.#waiting.length > 0 || this.#state !== 'open') resolve();
        else this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    if (this.#waiting.length > 0) return true;
    if (typeof this.#state === 'object') throw this.#state.failed;
    return this.#state === 'open';
  }

  #finish(state: 'ended' | { failed: unknown }): void {
    if (this.#state !== 'open') return;
    this.#state = state;
    this.#onDone();
    // Nothing after the head is an answer was given already.
    if (typeof state === 'object') this.#onHead.reject(state.failed);
    this.#wake?.();
  }
}
