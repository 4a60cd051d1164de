import { copyBytes } from '../format/copyBytes.ts';
import { releaseMemory } from '../format/releaseMemory.ts';
import type { ReadThreads } from './readThreads.ts';
import type { RebuildRequest } from './rebuildMessage.ts';
import type { Slabs } from './slabs.ts';

/** A rebuilt message in memory that is used again after `giveBack`. */
export interface LentMessage {
  bytes: Buffer;
  giveBack: () => void;
}

/** Rebuilds messages that have parts in reading threads. */
export class MessageRebuilder {
  readonly #threads: ReadThreads;
  readonly #slabs: Slabs;

  constructor(threads: ReadThreads, slabs: Slabs) {
    this.#threads = threads;
    this.#slabs = slabs;
  }

  /** The message, or undefined when it must be read in the calling thread (which then says what is wrong). */
  async rebuild(request: RebuildRequest): Promise<LentMessage | undefined> {
    if (this.#threads.count === 0) return undefined;
    await this.#threads.room();
    const { memory, target, ...sent } = this.#shared(request);
    const isDone = await this.#threads.ask({ verb: 'rebuild', request: sent, target });
    return isDone && { bytes: target, giveBack: () => this.#slabs.giveBack(memory) };
  }

  /** Everything, and room for the answer, in one piece of shared memory. The memory of the frames is given back. */
  #shared(request: RebuildRequest): RebuildRequest & { memory: Buffer; target: Buffer } {
    const input = request.frames.reduce((sum, { bytes }) => sum + bytes.length, request.inline.length);
    const total = input + request.size;
    const memory = this.#slabs.take(total);
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
