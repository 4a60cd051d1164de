import { Damaged } from '../errors.ts';
import { PACKS_PREFIX, parsePackName } from '../format/names.ts';
import { PACK_TRAILER_BYTES, type PackEntry, parsePackFooter, parsePackTrailer } from '../format/pack.ts';
import type { Segment } from '../format/segment.ts';
import type { MasterKeys } from '../keys/masterKeys.ts';
import type { BlobStore, EngineClock } from '../ports.ts';
import { readCondemned } from '../session/liveRecords.ts';
import type { ObjectIndex } from './objectIndex.ts';

export interface AdoptDeps {
  store: BlobStore;
  keys: MasterKeys;
  index: ObjectIndex;
  repositoryId: string;
  clock: EngineClock;
}

/** One tail read covers the footer of about a thousand objects. */
const TAIL_BYTES = 64 * 1024;
const MOST_PACKS_A_SEGMENT = 64;

/**
 * Lists packs that were stored but not listed (a process died between the two) into the index, from their
 * footers. Condemned packs never return. A pack whose footer is damaged is left to `verify`.
 */
export async function adoptUnindexedPacks(deps: AdoptDeps): Promise<{ packs: number; objects: number }> {
  const { clock, index, store } = deps;
  const condemned = new Set((await readCondemned(store, -1)).flatMap((list) => list.packs));
  const listed = index.packNames();
  const found: { name: string; size: number }[] = [];
  for await (const pack of store.list(PACKS_PREFIX)) {
    if (parsePackName(pack.name) && !listed.has(pack.name) && !condemned.has(pack.name)) found.push(pack);
  }
  const createdAt = Math.floor(clock.now() / 1000);
  const adopted = { packs: 0, objects: 0 };
  for (let at = 0; at < found.length; at += MOST_PACKS_A_SEGMENT) {
    const segment: Segment = { level: 0, packs: [], entries: [], replaces: [] };
    for (const { name, size } of found.slice(at, at + MOST_PACKS_A_SEGMENT)) {
      const entries = await readableFooter(deps, name, size);
      if (!entries) continue;
      const pack = segment.packs.length;
      segment.packs.push({ name, size, createdAt });
      for (const entry of entries) segment.entries.push({ ...entry, pack });
    }
    if (segment.packs.length === 0) continue;
    await index.putSegment(segment);
    adopted.packs += segment.packs.length;
    adopted.objects += segment.entries.length;
  }
  return adopted;
}

async function readableFooter(deps: AdoptDeps, name: string, size: number): Promise<PackEntry[] | undefined> {
  try {
    return await readFooter(deps, name, size);
  } catch (error) {
    if (error instanceof Damaged) return undefined;
    throw error;
  }
}

/** The entries of a stored pack, from its end. Throws `Damaged` (`damaged-pack`). */
export async function readFooter(
  { keys, repositoryId, store }: Pick<AdoptDeps, 'keys' | 'repositoryId' | 'store'>,
  name: string,
  size: number,
): Promise<PackEntry[]> {
  const tailBytes = Math.min(size, TAIL_BYTES);
  const tail = await store.get(name, { offset: size - tailBytes, length: tailBytes });
  const trailer = tail.subarray(Math.max(0, tail.length - PACK_TRAILER_BYTES));
  const { footerLength, footerOffset } = parsePackTrailer(trailer, size);
  const inTail = footerLength + PACK_TRAILER_BYTES <= tail.length;
  const footer = inTail
    ? tail.subarray(tail.length - PACK_TRAILER_BYTES - footerLength, tail.length - PACK_TRAILER_BYTES)
    : await store.get(name, { offset: footerOffset, length: footerLength });
  return parsePackFooter(footer, trailer, size, keys, repositoryId);
}
