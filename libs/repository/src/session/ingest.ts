import { FRAME_HEADER_BYTES } from '../format/frame.ts';
import { releaseMemory } from '../format/releaseMemory.ts';
import type { BloomFilter } from '../index/bloomFilter.ts';
import type { ObjectIndex } from '../index/objectIndex.ts';
import type { PackWriter } from '../packs/packWriter.ts';
import type { PreparedBatch, SealedBatch, SealedFrame } from '../sealing/sealCore.ts';
import { type SealThread, type StreamTarget, sharedBuffer } from '../sealing/sealThread.ts';
import { type Batch, type BatchInput, BatchQueue } from './batchQueue.ts';
import type { Claims, SealingWork } from './claims.ts';
import type { ReferenceSet } from './referenceSet.ts';
import type { StoredFacts } from './storedFacts.ts';

export interface IngestDeps {
  threads: readonly SealThread[];
  index: ObjectIndex;
  packs: PackWriter;
  claims: Claims;
  references: ReferenceSet;
  /** Packs of this session: no collector touches them while it lives. */
  ownPacks: ReadonlySet<string>;
}

/** Room for what a usual batch becomes when nothing shrinks. */
const TARGET_BYTES = 1.0625 * 1024 * 1024;
const MOST_TARGETS = 10;
const NO_TARGET = new Uint8Array();
/** Of a large item: its objects are decided about as they come. */
const NOTHING_SEALED: SealedBatch = { bytes: undefined, frames: [] };

interface Decision {
  needed: Uint8Array;
  anyNeeded: boolean;
  /** Bytes of each object's frame that is stored already. */
  known: number[];
  /** Bytes of each object's frame that was placed now. */
  fresh: number[];
  waitFor: Set<SealingWork>;
  /** Settled when what is still needed is in packs. */
  work: PromiseWithResolvers<void>;
}

/**
 * From inputs to frames in packs. Threads do the work and seal at once what is certainly new; this side decides
 * about the rest, and has the last word: against the index, and against what the session itself has under way.
 */
export class Ingest {
  readonly #deps: IngestDeps;
  readonly #queue: BatchQueue;
  /** Shared memory for sealed frames that is not in use. */
  readonly #targets: Buffer[] = [];
  /** The filter that the threads have. */
  #filter: BloomFilter | undefined;
  #nextJob = 0;
  #nextThread = 0;

  constructor(deps: IngestDeps) {
    this.#deps = deps;
    this.#queue = new BatchQueue(deps.threads, (thread, batch) => this.#run(thread, batch));
  }

  /** Resolves when the object is in a pack; it is durable after the next flush. */
  store(input: BatchInput): Promise<StoredFacts> {
    return this.#queue.add(input);
  }

  /** An item too large for memory. Contents are given one after the other, the message first. */
  async storeStreams(
    contents: readonly { target: StreamTarget; chunks: AsyncIterable<Uint8Array> }[],
    properties: Uint8Array,
  ): Promise<StoredFacts> {
    const thread = this.#deps.threads[this.#nextThread++ % this.#deps.threads.length];
    if (!thread) throw new RangeError('a session without threads');
    const job = this.#nextJob++;
    const total = { storedBytes: 0, newBytes: 0 };
    const settle = async (prepared: PreparedBatch) => {
      const decision = this.#decide(prepared, NOTHING_SEALED, NO_TARGET);
      // The thread lets go of what it prepared when it is asked to seal it, be it nothing of it.
      if (!decision.anyNeeded) await thread.sealStream(job, decision.needed);
      const facts = await this.#settle(prepared, decision, NO_TARGET, (needed) =>
        thread.sealStream(job, needed),
      );
      for (const bytes of facts.stored) total.storedBytes += bytes;
      for (const bytes of facts.fresh) total.newBytes += bytes ?? 0;
    };
    try {
      for (const { target, chunks } of contents) {
        for await (const chunk of chunks) {
          await this.#deps.packs.room();
          const prepared = await thread.pushStream(job, target, chunk);
          if (prepared.types.length > 0) await settle(prepared);
        }
        await settle(await thread.endStream(job, target));
      }
      const prepared = await thread.finishStream(job, properties);
      await settle(prepared);
      const item = prepared.items[0];
      const id = item && prepared.ids.subarray(item.object * 32, item.object * 32 + 32);
      return {
        objectId: Buffer.from(id ?? []).toString('hex'),
        ...total,
        mimeSize: item?.mimeSize ?? 0,
        mimeSha256: item?.mimeSha256 ?? '',
      };
    } finally {
      // Forgetting is a courtesy: when the thread is dead, the error that says so is on its way already.
      await thread.dropStream(job).catch(() => undefined);
    }
  }

  /** Waits until every input that was given has its answer. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }

  async #run(thread: SealThread, batch: Batch): Promise<StoredFacts[]> {
    const job = this.#nextJob++;
    await this.#deps.packs.room();
    this.#tellFilter();
    const target = this.#targets.pop() ?? sharedBuffer(TARGET_BYTES);
    const prepared = await thread.store(job, batch.bytes, batch.entries, target);
    const decision = this.#decide(prepared, prepared.sealed, target);
    if (!prepared.isWhole && !decision.anyNeeded) thread.forget(job);
    const { stored, fresh } = await this.#settle(prepared, decision, target, (needed) =>
      thread.seal(job, needed, target),
    );
    if (this.#targets.length < MOST_TARGETS) this.#targets.push(target);
    const ids = Buffer.from(prepared.ids.buffer, prepared.ids.byteOffset, prepared.ids.length);
    return prepared.items.map((item) => {
      let storedBytes = 0;
      let newBytes = 0;
      for (let at = item.firstObject; at <= item.object; at++) {
        storedBytes += stored[at] ?? 0;
        newBytes += fresh[at] ?? 0;
      }
      return {
        objectId: ids.toString('hex', item.object * 32, item.object * 32 + 32),
        storedBytes,
        newBytes,
        mimeSize: item.mimeSize,
        mimeSha256: item.mimeSha256,
      };
    });
  }

  #tellFilter(): void {
    const { index, threads } = this.#deps;
    if (this.#filter === index.filter) return;
    this.#filter = index.filter;
    for (const thread of threads) thread.useFilter(this.#filter.memory);
  }

  /** Lets seal what is still needed, places it, and waits for others' work on shared objects. */
  async #settle(
    prepared: PreparedBatch,
    { anyNeeded, fresh, known, needed, waitFor, work }: Decision,
    target: Uint8Array,
    seal: (needed: Uint8Array) => Promise<SealedBatch>,
  ): Promise<{ stored: number[]; fresh: number[] }> {
    if (anyNeeded) {
      try {
        const sealed = await seal(needed);
        for (const frame of sealed.frames)
          fresh[frame.object] = this.#place(prepared, frame, sealed.bytes ?? target);
        if (sealed.bytes) releaseMemory(sealed.bytes);
        work.resolve();
      } catch (error) {
        this.#deps.claims.release(claimedIds(prepared, needed));
        work.reject(error);
        throw error;
      }
    }
    for (const other of waitFor) await other.sealed;
    const stored = known.map((bytes, at) => fresh[at] ?? (bytes || this.#claimedBytes(idAt(prepared, at))));
    return { stored, fresh };
  }

  /** Places what is sealed and new, and claims what is new and still to be sealed. */
  #decide(prepared: PreparedBatch, sealed: SealedBatch, target: Uint8Array): Decision {
    const { claims, index, ownPacks, references } = this.#deps;
    const decision: Decision = {
      needed: new Uint8Array(prepared.types.length),
      anyNeeded: false,
      known: [],
      fresh: [],
      waitFor: new Set(),
      work: Promise.withResolvers(),
    };
    // Those who wait handle the failure; without any it must not count as unhandled.
    decision.work.promise.catch(() => undefined);
    const work: SealingWork = { sealed: decision.work.promise };
    const frames = new Map(sealed.frames.map((frame) => [frame.object, frame]));
    for (let at = 0; at < prepared.types.length; at++) {
      const id = idAt(prepared, at);
      decision.known[at] = 0;
      const claim = claims.find(id);
      if (claim) {
        if (claim.work && claim.work !== work) decision.waitFor.add(claim.work);
        continue;
      }
      // Sealed means that the filter did not know it: the index need not be asked.
      const frame = frames.get(at);
      if (frame) {
        decision.fresh[at] = this.#place(prepared, frame, sealed.bytes ?? target);
        continue;
      }
      const location = index.usable(id);
      if (location) {
        decision.known[at] = FRAME_HEADER_BYTES + location.bodyLength;
        if (!ownPacks.has(location.packName)) references.add(id);
      } else {
        claims.claim(id, work);
        decision.needed[at] = 1;
        decision.anyNeeded = true;
      }
    }
    if (sealed.bytes) releaseMemory(sealed.bytes);
    return decision;
  }

  /** Copies a frame into a pack, for its memory serves the next batch; how long it is. */
  #place(prepared: PreparedBatch, frame: SealedFrame, from: Uint8Array): number {
    const id = idAt(prepared, frame.object);
    const length = FRAME_HEADER_BYTES + frame.bodyLength;
    const bytes = from.subarray(frame.start, frame.start + length);
    const { bodyLength, codec, rawLength, type } = frame;
    const placed = this.#deps.packs.add(bytes, { id, bodyLength, rawLength, codec, type });
    this.#deps.claims.place(id, placed.pack, placed.entry);
    return length;
  }

  #claimedBytes(id: Uint8Array): number {
    const entry = this.#deps.claims.find(id)?.placed?.entry;
    const bodyLength = entry?.bodyLength ?? this.#deps.index.usable(id)?.bodyLength;
    return bodyLength === undefined ? 0 : FRAME_HEADER_BYTES + bodyLength;
  }
}

function idAt(prepared: PreparedBatch, at: number): Uint8Array {
  return prepared.ids.subarray(at * 32, at * 32 + 32);
}

function* claimedIds(prepared: PreparedBatch, needed: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < needed.length; at++) if (needed[at]) yield idAt(prepared, at);
}
