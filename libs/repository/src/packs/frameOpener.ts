import { copyBytes, ownCopy } from '../format/copyBytes.ts';
import type { ReadThreads } from './readThreads.ts';
import type { Slabs } from './slabs.ts';

interface Group {
  memory: Buffer;
  used: number;
  places: number[];
  waiting: ((plain: Buffer | undefined) => void)[];
}

/** Opening less takes no longer than telling a thread to. */
const LEAST_PLAIN_BYTES = 4 * 1024;
/** Larger ones are few, and would fill the memory of a group by themselves. */
const MOST_BYTES = 512 * 1024;

/**
 * Opens sealed objects in reading threads. What is asked for while all threads are busy travels together: a message
 * to a thread that sleeps costs as much as opening an object.
 */
export class FrameOpener {
  readonly #threads: ReadThreads;
  readonly #slabs: Slabs;
  #open: Group | undefined;
  #scheduled = false;
  #sent = 0;

  constructor(threads: ReadThreads, slabs: Slabs) {
    this.#threads = threads;
    this.#slabs = slabs;
  }

  isWorth(frameLength: number, rawLength: number): boolean {
    return this.#threads.count > 0 && rawLength >= LEAST_PLAIN_BYTES && frameLength + rawLength <= MOST_BYTES;
  }

  /**
   * The plaintext in memory of its own, or undefined when the calling thread must open the frame. The bytes of the
   * frame are free when this returns its promise.
   */
  open(frame: Uint8Array, rawLength: number): Promise<Buffer | undefined> {
    const size = frame.length + rawLength;
    if (this.#open && this.#open.used + size > this.#open.memory.length) this.#send();
    this.#open ??= { memory: this.#slabs.take(size), used: 0, places: [], waiting: [] };
    const group = this.#open;
    const start = group.used;
    copyBytes(frame, group.memory, start);
    group.used += size;
    group.places.push(start, frame.length, start + frame.length);
    return new Promise((resolve) => {
      group.waiting.push((plain) => resolve(plain));
      this.#schedule();
    });
  }

  /** After the present turn of the event loop, so that what was asked for together travels together. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#sent < this.#threads.count) this.#send();
    });
  }

  #send(): void {
    const group = this.#open;
    this.#open = undefined;
    if (group) void this.#run(group);
  }

  async #run({ memory, places, used, waiting }: Group): Promise<void> {
    this.#sent++;
    const opened = await this.#threads.ask({ verb: 'open', memory, places });
    this.#sent--;
    waiting.forEach((settle, at) => {
      const [, , plainAt = 0, end = used] = places.slice(at * 3, at * 3 + 4);
      settle(opened?.[at] ? ownCopy(memory.subarray(plainAt, end)) : undefined);
    });
    if (opened) this.#slabs.giveBack(memory);
    if (this.#open) this.#schedule();
  }
}
