import { FRAME_HEADER_BYTES } from '../format/frame.ts';
import { parsePointName } from '../format/names.ts';
import type { ObjectIndex } from '../index/objectIndex.ts';
import type { MasterKeys } from '../keys/masterKeys.ts';
import type { ObjectReader } from '../packs/objectReader.ts';
import { parseManifest } from '../points/manifest.ts';
import { listPoints, type PointRef } from '../points/pointList.ts';
import type { BlobStore } from '../ports.ts';
import { IdSet, reachableObjects } from '../tree/reachable.ts';

export interface MeasureDeps {
  store: BlobStore;
  keys: MasterKeys;
  index: ObjectIndex;
  reader: ObjectReader;
}

/** What removing restore points would free. */
export interface FreedSpace {
  objects: number;
  /** Stored bytes, compressed and sealed, of all copies. */
  bytes: number;
  /**
   * `exact`; `at-most` when not all other mailboxes were looked at, which may need some of it; `not-measured` when the
   * mailboxes of the points alone were too much to look at, and nothing is counted.
   */
  bound: 'exact' | 'at-most' | 'not-measured';
}

// Some 40 µs each and 100 bytes of memory: half a minute and 100 MB at most.
const mostObjects = 1_000_000;

/**
 * Counts the objects that no restore point but the named ones needs. Walks metadata alone: first the mailboxes of the
 * named points, then all others, because contents are shared between mailboxes.
 */
export async function measureFreed(
  deps: MeasureDeps,
  names: readonly string[],
  limit: number = mostObjects,
): Promise<FreedSpace> {
  const dropped = new Set(names);
  const touched = new Set(names.map((name) => parsePointName(name)?.mailboxKey));
  const [mine, others]: [PointRef[], PointRef[]] = [[], []];
  for await (const ref of listPoints(deps.store)) (touched.has(ref.mailboxKey) ? mine : others).push(ref);
  const walk = createWalk(deps, limit);
  const needed = new IdSet();
  for (const { name } of mine) if (!dropped.has(name)) await walk(name, needed, () => undefined);
  const freed = new Map<string, number>();
  const unneeded = { has: (id: Uint8Array) => needed.has(id) || freed.has(hex(id)), add: () => undefined };
  let isComplete = true;
  for (const { name } of mine) {
    if (dropped.has(name)) {
      isComplete = await walk(name, unneeded, (id) => freed.set(hex(id), storedBytes(deps.index, id)));
    }
  }
  if (!isComplete) return { objects: 0, bytes: 0, bound: 'not-measured' };
  for (const ofMailbox of Map.groupBy(others, ({ mailboxKey }) => mailboxKey).values()) {
    // Mailboxes share contents and hardly any pages: what one has visited is of no use to the next.
    const visited = new IdSet();
    for (const { name } of ofMailbox) {
      isComplete = await walk(name, visited, (id) => freed.delete(hex(id)));
    }
    if (!isComplete) break;
  }
  let bytes = 0;
  for (const ofObject of freed.values()) bytes += ofObject;
  return { objects: freed.size, bytes, bound: isComplete ? 'exact' : 'at-most' };
}

type Visited = { has(id: Uint8Array): boolean; add(id: Uint8Array): void };

/** Walks what a point needs; false from the moment on at which the limit over all walks is reached. */
function createWalk({ store, keys, reader }: MeasureDeps, limit: number) {
  let walked = 0;
  return async (name: string, visited: Visited, each: (id: Uint8Array) => void): Promise<boolean> => {
    if (walked >= limit) return false;
    const { root } = parseManifest(await store.get(name), name, keys);
    for await (const id of reachableObjects(reader, Buffer.from(root, 'hex'), visited)) {
      each(id);
      walked += 1;
      if (walked >= limit) return false;
    }
    return true;
  };
}

const hex = (id: Uint8Array): string => Buffer.from(id.buffer, id.byteOffset, id.length).toString('hex');

function storedBytes(index: ObjectIndex, id: Uint8Array): number {
  return index.locate(id).reduce((sum, { bodyLength }) => sum + FRAME_HEADER_BYTES + bodyLength, 0);
}
