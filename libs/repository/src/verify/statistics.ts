import { nameOfType } from '../format/objectTypes.ts';
import type { ObjectIndex } from '../index/objectIndex.ts';

export interface RepositoryStatistics {
  /** Distinct objects. */
  objects: number;
  packs: number;
  segments: number;
  /** Bytes of all packs. */
  packBytes: number;
  /** Bytes of the objects before compression. */
  rawBytes: number;
  byType: Record<string, { objects: number; rawBytes: number; storedBytes: number }>;
}

/** Sums over the local index; run `refresh` before to count what others have stored. */
export function collectStatistics(index: ObjectIndex): RepositoryStatistics {
  const packs = index.database.packs();
  const byType: RepositoryStatistics['byType'] = {};
  let objects = 0;
  let rawBytes = 0;
  for (const total of index.database.totals()) {
    byType[nameOfType(total.type)] = {
      objects: total.objects,
      rawBytes: total.rawBytes,
      storedBytes: total.bodyBytes,
    };
    objects += total.objects;
    rawBytes += total.rawBytes;
  }
  const packBytes = packs.reduce((sum, pack) => sum + pack.size, 0);
  return { objects, packs: packs.length, segments: index.liveSegments().length, packBytes, rawBytes, byType };
}
