import { FRAME_HEADER_BYTES } from '../format/frame.ts';
import { isObjectType, type ObjectType } from '../format/objectTypes.ts';
import { releaseMemory } from '../format/releaseMemory.ts';
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

interface Decision {
  needed: Uint8Array;
  /** Bytes of each object's frame that is stored already. */
  known: number[];
  waitFor: Set<SealingWork>;
}

/**
 * From inputs to frames in packs. Threads do the work; this side decides what is new: against the index, and
 * against what the session itself has under way.
 */
export class Ingest {
  readonly #deps: IngestDeps;
  readonly #queue: BatchQueue;
  /** Shared memory for sealed frames that is not in use. */
  readonly #targets: Buffer[] = [];
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
      const facts = await this.#seal(prepared, NO_TARGET, (needed) => thread.sealStream(job, needed));
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
    const prepared = await thread.prepare(job, batch.bytes, batch.entries);
    const target = this.#targets.pop() ?? sharedBuffer(TARGET_BYTES);
    const { stored, fresh } = await this.#seal(prepared, target, (needed) =>
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

  /** Decides, lets seal, places the frames, and waits for others' work on shared objects. */
  async #seal(
    prepared: PreparedBatch,
    target: Uint8Array,
    seal: (needed: Uint8Array) => Promise<SealedBatch>,
  ): Promise<{ stored: number[]; fresh: number[] }> {
    const settled = Promise.withResolvers<void>();
    // Those who wait handle the failure; without any it must not count as unhandled.
    settled.promise.catch(() => undefined);
    const work: SealingWork = { sealed: settled.promise };
    const { needed, known, waitFor } = this.#decide(prepared, work);
    const fresh: number[] = [];
    try {
      const sealed = await seal(needed);
      this.#place(prepared, sealed.frames, sealed.bytes ?? target, fresh);
      if (sealed.bytes) releaseMemory(sealed.bytes);
      settled.resolve();
    } catch (error) {
      this.#deps.claims.release(claimedIds(prepared, needed));
      settled.reject(error);
      throw error;
    }
    for (const other of waitFor) await other.sealed;
    const stored = known.map((bytes, at) => fresh[at] ?? (bytes || this.#claimedBytes(idAt(prepared, at))));
    return { stored, fresh };
  }

  #decide(prepared: PreparedBatch, work: SealingWork): Decision {
    const { claims, index, ownPacks, references } = this.#deps;
    const needed = new Uint8Array(prepared.types.length);
    const known: number[] = [];
    const waitFor = new Set<SealingWork>();
    for (let at = 0; at < prepared.types.length; at++) {
      const id = idAt(prepared, at);
      known[at] = 0;
      const claim = claims.find(id);
      if (claim) {
        if (claim.work && claim.work !== work) waitFor.add(claim.work);
        continue;
      }
      const location = index.usable(id);
      if (location) {
        known[at] = FRAME_HEADER_BYTES + location.bodyLength;
        if (!ownPacks.has(location.packName)) references.add(id);
        continue;
      }
      claims.claim(id, work);
      needed[at] = 1;
    }
    return { needed, known, waitFor };
  }

  /** Copies the frames into packs: the memory serves the next batch. */
  #place(prepared: PreparedBatch, frames: readonly SealedFrame[], from: Uint8Array, fresh: number[]): void {
    for (const frame of frames) {
      const id = idAt(prepared, frame.object);
      const type = prepared.types[frame.object] ?? 0;
      const length = FRAME_HEADER_BYTES + frame.bodyLength;
      const bytes = from.subarray(frame.start, frame.start + length);
      const { bodyLength, rawLength, codec } = frame;
      const placed = this.#deps.packs.add(bytes, { id, bodyLength, rawLength, codec, type: asType(type) });
      this.#deps.claims.place(id, placed.pack, placed.entry);
      fresh[frame.object] = length;
    }
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

function asType(value: number): ObjectType {
  if (!isObjectType(value)) throw new RangeError(`object type ${value}`);
  return value;
}
