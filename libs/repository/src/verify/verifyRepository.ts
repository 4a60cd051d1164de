import { createHash } from 'node:crypto';
import { HoldfastError } from '@holdfast/contracts/errors';
import type { RepositoryConfig } from '../config.ts';
import { Damaged } from '../errors.ts';
import { FRAME_HEADER_BYTES, openFrame } from '../format/frame.ts';
import { PACKS_PREFIX, parsePackName } from '../format/names.ts';
import { parsePackHeader } from '../format/pack.ts';
import { readFooter } from '../index/adoptPacks.ts';
import type { ObjectIndex } from '../index/objectIndex.ts';
import type { MasterKeys } from '../keys/masterKeys.ts';
import type { ObjectReader } from '../packs/objectReader.ts';
import { parseManifest } from '../points/manifest.ts';
import { listPoints, type PointRef } from '../points/pointList.ts';
import type { BlobStore } from '../ports.ts';
import { IdSet, reachableObjects } from '../tree/reachable.ts';

/** A fault: where, and what an operator should know. */
export interface Finding {
  kind:
    | 'pack-missing'
    | 'pack-damaged'
    | 'pack-unindexed'
    | 'object-missing'
    | 'object-damaged'
    | 'point-damaged'
    | 'index-damaged';
  /** Name of the pack, point or object. */
  subject: string;
  message: string;
  /** The point in whose tree it was found. */
  point?: string;
}

export interface VerifyOptions {
  /** `structure`: everything named exists and metadata reads; `contents`: every byte decrypts and hashes. */
  level: 'structure' | 'contents';
  /** Only these points; all when undefined. */
  points?: readonly PointRef[];
}

export interface VerifyDeps {
  store: BlobStore;
  config: RepositoryConfig;
  keys: MasterKeys;
  index: ObjectIndex;
  reader: ObjectReader;
}

/** Yields faults as they are found; damage never stops the check, storage errors do. */
export async function* verifyRepository(deps: VerifyDeps, options: VerifyOptions): AsyncIterable<Finding> {
  await deps.index.refresh();
  yield* checkPresence(deps);
  yield* checkPoints(deps, options.points);
  if (options.level === 'contents') {
    for (const { name, size } of deps.index.database.packs()) yield* checkPack(deps, name, size);
  }
}

/** Index against listing: each listed pack has an entry, each entry's pack is there in its full size. */
async function* checkPresence({ index, store }: VerifyDeps): AsyncIterable<Finding> {
  const expected = new Map(index.database.packs().map(({ name, size }) => [name, size]));
  for await (const { name, size } of store.list(PACKS_PREFIX)) {
    if (!parsePackName(name)) continue;
    const indexed = expected.get(name);
    expected.delete(name);
    if (indexed === undefined) {
      if (!index.isCondemned(name))
        yield { kind: 'pack-unindexed', subject: name, message: 'No index segment lists it.' };
    } else if (indexed !== size) {
      yield { kind: 'pack-damaged', subject: name, message: `It has ${size} bytes, not ${indexed}.` };
    }
  }
  for (const name of expected.keys()) {
    yield { kind: 'pack-missing', subject: name, message: 'The index lists it, the storage has it not.' };
  }
}

/** Everything that each point needs is listed; pages and lists are read and hashed on the way. */
async function* checkPoints(deps: VerifyDeps, only: readonly PointRef[] | undefined): AsyncIterable<Finding> {
  const visited = new IdSet();
  for await (const { name } of only ?? listPoints(deps.store)) {
    try {
      const { root } = parseManifest(await deps.store.get(name), name, deps.keys);
      for await (const id of reachableObjects(deps.reader, Buffer.from(root, 'hex'), visited)) {
        if (deps.index.locate(id).length > 0) continue;
        const subject = Buffer.from(id).toString('hex');
        yield { kind: 'object-missing', subject, message: 'No pack holds it.', point: name };
      }
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.errorClass === 'transient') throw error;
      const kind = error.code === 'damaged-manifest' ? 'point-damaged' : 'object-damaged';
      yield { kind, subject: String(error.details.objectId ?? name), message: error.message, point: name };
    }
  }
}

/** The whole pack: its name, its frames, and that its footer and the index say the same. */
async function* checkPack(deps: VerifyDeps, name: string, size: number): AsyncIterable<Finding> {
  const { config, index, keys, store } = deps;
  try {
    const pack = await store.get(name);
    const kind = parsePackHeader(pack, config.repositoryId);
    if (createHash('sha256').update(pack).digest('hex') !== parsePackName(name)?.sha256) {
      yield { kind: 'pack-damaged', subject: name, message: 'Its bytes do not hash to its name.' };
    }
    if (kind !== parsePackName(name)?.kind)
      yield { kind: 'pack-damaged', subject: name, message: "Its kind is not its name's." };
    const footer = await readFooter({ store, keys, repositoryId: config.repositoryId }, name, size);
    const indexed = [...index.database.objectsInPack(name)];
    if (footer.length !== indexed.length) {
      yield {
        kind: 'index-damaged',
        subject: name,
        message: `${indexed.length} of ${footer.length} objects are listed.`,
      };
    }
    for (const entry of footer) {
      const frame = pack.subarray(entry.offset, entry.offset + FRAME_HEADER_BYTES + entry.bodyLength);
      const problem = frameProblem(keys, frame, entry.id);
      const subject = Buffer.from(entry.id).toString('hex');
      if (problem)
        yield { kind: 'object-damaged', subject, message: `${problem} (${name} at ${entry.offset})` };
    }
  } catch (error) {
    if (!(error instanceof Damaged)) throw error;
    yield { kind: 'pack-damaged', subject: name, message: error.message };
  }
}

function frameProblem(keys: MasterKeys, frame: Uint8Array, id: Uint8Array): string | undefined {
  try {
    openFrame(keys, frame, frame.subarray(FRAME_HEADER_BYTES), id, 'lent');
    return undefined;
  } catch (error) {
    if (error instanceof Damaged) return error.message;
    throw error;
  }
}
