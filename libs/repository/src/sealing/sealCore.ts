import type { Codec } from '../format/compression.ts';
import { FRAME_HEADER_BYTES, mostFrameBytes, sealFrame } from '../format/frame.ts';
import type { ObjectType } from '../format/objectTypes.ts';
import { BloomFilter } from '../index/bloomFilter.ts';
import { type MasterKeyBytes, MasterKeys } from '../keys/masterKeys.ts';
import { NonceSource } from '../keys/nonceSource.ts';
import type { RandomBytes } from '../ports.ts';
import { Arena } from './arena.ts';
import type { PreparedItem, PreparedObject } from './preparedObject.ts';
import { type CutSizes, prepareItem } from './prepareItem.ts';

/** Where one input lies in the bytes of its batch. */
export type BatchEntry =
  | { kind: 'object'; type: ObjectType; start: number; end: number }
  | {
      kind: 'item';
      properties: [start: number, end: number];
      mime: [start: number, end: number] | undefined;
      extraParts: { name: string; span: [start: number, end: number] }[];
    };

/** Everything that the owner of the index must know to say what is new. */
export interface PreparedBatch {
  /** 32 bytes each. */
  ids: Uint8Array;
  types: Uint8Array;
  /** One for each entry, in order. */
  items: PreparedItem[];
}

/** A sealed object's place in `SealedBatch.bytes`. */
export interface SealedFrame {
  /** Position among the ids of the batch. */
  object: number;
  start: number;
  bodyLength: number;
  rawLength: number;
  type: ObjectType;
  codec: Codec;
}

export interface SealedBatch {
  /** The frames, when they are not in the target that was given. */
  bytes: Uint8Array | undefined;
  frames: SealedFrame[];
}

/** A batch of which everything that is certainly new is sealed. */
export interface StoredBatch extends PreparedBatch {
  sealed: SealedBatch;
  /** Nothing is left of which only the owner of the index can say whether it is new. */
  isWhole: boolean;
}

interface Waiting {
  objects: PreparedObject[];
  arena: Arena;
}

/**
 * The work of a sealing thread: split, hash, compress, encrypt, check. What is stored already is neither
 * compressed nor encrypted: `store` leaves out what the filter may know, `seal` is told which of that is new.
 */
export class SealCore {
  readonly #keys: MasterKeys;
  readonly #nonces: NonceSource;
  readonly #sizes: CutSizes;
  readonly #zstdLevel: number;
  readonly #waiting = new Map<number, Waiting>();
  readonly #arenas: Arena[] = [];
  #filter: BloomFilter | undefined;

  constructor(keys: MasterKeyBytes, sizes: CutSizes, zstdLevel: number, random: RandomBytes) {
    this.#keys = new MasterKeys(keys);
    this.#nonces = new NonceSource(this.#keys, 'frame', random);
    this.#sizes = sizes;
    this.#zstdLevel = zstdLevel;
  }

  useFilter(memory: SharedArrayBuffer): void {
    this.#filter = new BloomFilter(memory);
  }

  /** Unless the answer is whole, the bytes must stay as they are until `seal` or `forget` of the same job. */
  store(job: number, bytes: Buffer, entries: readonly BatchEntry[], target: Buffer): StoredBatch {
    const arena = this.#arenas.pop() ?? new Arena();
    const objects: PreparedObject[] = [];
    this.#waiting.set(job, { objects, arena });
    const items = entries.map((entry) => this.#prepareEntry(entry, bytes, arena, objects));
    const needed = this.#certainlyNew(objects);
    const sealed = this.sealObjects(objects, needed, target);
    const isWhole = sealed.frames.length === objects.length;
    if (isWhole) this.forget(job);
    return { ...describe(objects, items), sealed, isWhole };
  }

  /** Seals the objects whose byte in `needed` is 1. */
  seal(job: number, needed: Uint8Array, target: Buffer): SealedBatch {
    const waiting = this.#waiting.get(job);
    if (!waiting) throw new RangeError(`sealing job ${job} was never prepared`);
    const sealed = this.sealObjects(waiting.objects, needed, target);
    this.forget(job);
    return sealed;
  }

  forget(job: number): void {
    const waiting = this.#waiting.get(job);
    this.#waiting.delete(job);
    if (!waiting) return;
    waiting.arena.reset();
    this.#arenas.push(waiting.arena);
  }

  /** Seals into `target`, or into a buffer of its own when that is too small. */
  sealObjects(objects: readonly PreparedObject[], needed: Uint8Array, target: Buffer): SealedBatch {
    let most = 0;
    objects.forEach(({ plain }, object) => {
      if (needed[object] === 1) most += mostFrameBytes(plain);
    });
    const own = target.length >= most ? undefined : Buffer.allocUnsafeSlow(most);
    const bytes = own ?? target;
    const frames: SealedFrame[] = [];
    let at = 0;
    objects.forEach((input, object) => {
      if (needed[object] !== 1) return;
      const { bodyLength, codec } = sealFrame(this.#keys, this.#nonces, input, this.#zstdLevel, bytes, at);
      frames.push({ object, start: at, bodyLength, rawLength: input.plain.length, type: input.type, codec });
      at += FRAME_HEADER_BYTES + bodyLength;
    });
    return { bytes: own, frames };
  }

  get keys(): MasterKeys {
    return this.#keys;
  }

  get sizes(): CutSizes {
    return this.#sizes;
  }

  /** Added to the filter, so that no other thread seals the same. */
  #certainlyNew(objects: readonly PreparedObject[]): Uint8Array {
    const needed = new Uint8Array(objects.length);
    objects.forEach(({ id }, object) => {
      if (!this.#filter || this.#filter.mayHave(id)) return;
      this.#filter.add(id);
      needed[object] = 1;
    });
    return needed;
  }

  #prepareEntry(entry: BatchEntry, bytes: Buffer, arena: Arena, objects: PreparedObject[]): PreparedItem {
    if (entry.kind === 'object') {
      const plain = bytes.subarray(entry.start, entry.end);
      objects.push({ id: this.#keys.objectId(entry.type, plain), type: entry.type, plain });
      const object = objects.length - 1;
      return { firstObject: object, object, mimeSize: 0, mimeSha256: '' };
    }
    const input = {
      properties: bytes.subarray(...entry.properties),
      mime: entry.mime && bytes.subarray(...entry.mime),
      extraParts: entry.extraParts.map(({ name, span }) => ({ name, data: bytes.subarray(...span) })),
    };
    return prepareItem(input, this.#keys, this.#sizes, arena, objects);
  }
}

export function describe(objects: readonly PreparedObject[], items: PreparedItem[]): PreparedBatch {
  const ids = new Uint8Array(objects.length * 32);
  const types = new Uint8Array(objects.length);
  objects.forEach(({ id, type }, index) => {
    ids.set(id, index * 32);
    types[index] = type;
  });
  return { ids, types, items };
}
