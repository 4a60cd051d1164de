import { parseSegmentName } from '../format/names.ts';
import type { Segment, SegmentEntry } from '../format/segment.ts';
import type { ObjectIndex } from './objectIndex.ts';

/** More segments than this at one level are merged into one of the next. */
const MOST_SEGMENTS_A_LEVEL = 16;
/** Levels 0 to 9: 16 segments ten times over is more than can ever be. */
const HIGHEST_LEVEL = 9;
/** A merged segment of this many entries is about 15 MB. */
const MOST_ENTRIES = 400_000;

/** Which segments to merge now, or none. No clock decides: a level that overflows is merged at once. */
export function planMerge(live: readonly string[]): { level: number; names: string[] } | undefined {
  for (let level = 0; level < HIGHEST_LEVEL; level++) {
    const names = live.filter((name) => parseSegmentName(name)?.level === level).sort();
    if (names.length > MOST_SEGMENTS_A_LEVEL) return { level, names };
  }
  return undefined;
}

/**
 * Merges levels that overflow. Only a live session does this, between its acknowledgements, and it leaves out
 * condemned packs: a merged segment can never bring back what a collector takes out.
 */
export async function mergeSegments(index: ObjectIndex, assertAlive: () => void): Promise<number> {
  let merges = 0;
  for (let plan = planMerge(index.liveSegments()); plan; plan = planMerge(index.liveSegments())) {
    const merged = await readMerged(index, plan.names);
    assertAlive();
    await index.putSegment({ ...merged, level: plan.level + 1 });
    await index.refresh();
    merges++;
  }
  return merges;
}

async function readMerged(index: ObjectIndex, names: readonly string[]): Promise<Segment> {
  const packs = new Map<string, { ordinal: number; size: number; createdAt: number }>();
  const entries: SegmentEntry[] = [];
  const replaces = new Set<string>();
  for (const name of names) {
    if (entries.length > MOST_ENTRIES) break;
    const segment = await index.readSegment(name);
    replaces.add(name);
    // What this one had replaced stays void even if both are listed.
    for (const older of segment.replaces) replaces.add(older);
    const ordinals = segment.packs.map((pack) => {
      if (index.isCondemned(pack.name)) return undefined;
      const known = packs.get(pack.name);
      if (known) return undefined;
      packs.set(pack.name, { ordinal: packs.size, size: pack.size, createdAt: pack.createdAt });
      return packs.size - 1;
    });
    for (const entry of segment.entries) {
      const pack = ordinals[entry.pack];
      if (pack !== undefined) entries.push({ ...entry, pack });
    }
  }
  const list = [...packs].map(([name, { size, createdAt }]) => ({ name, size, createdAt }));
  return { level: 0, packs: list, entries, replaces: [...replaces].sort() };
}
