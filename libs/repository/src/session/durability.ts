import { FRAME_HEADER_BYTES } from '../format/frame.ts';
import type { SegmentEntry, SegmentPack } from '../format/segment.ts';
import { mergeSegments } from '../index/mergeSegments.ts';
import type { ObjectIndex } from '../index/objectIndex.ts';
import type { ObjectReader } from '../packs/objectReader.ts';
import type { OpenPack } from '../packs/openPack.ts';
import type { PackWriter } from '../packs/packWriter.ts';
import type { EngineClock } from '../ports.ts';
import { reachableObjects } from '../tree/reachable.ts';
import type { Claims } from './claims.ts';
import type { ReferenceSet } from './referenceSet.ts';

export interface DurabilityDeps {
  packs: PackWriter;
  index: ObjectIndex;
  reader: ObjectReader;
  claims: Claims;
  ownPacks: Set<string>;
  clock: EngineClock;
  assertAlive: () => void;
}

/** Steps 3 and 4 of the write order: packs, then the index segment that lists them. */
export class Durability {
  readonly #deps: DurabilityDeps;

  constructor(deps: DurabilityDeps) {
    this.#deps = deps;
  }

  /** All frames in packs are durable and listed when this returns. */
  async flush(): Promise<void> {
    const { assertAlive, index, packs } = this.#deps;
    await packs.flush();
    const stored = packs.stored();
    if (stored.length > 0) {
      assertAlive();
      await index.putSegment({ level: 0, ...this.#listing(stored), replaces: [] });
      // Not before: what could not be listed is listed by the next flush.
      packs.listed(stored);
      for (const pack of stored) this.#listed(pack);
    }
    assertAlive();
    await mergeSegments(index, assertAlive);
  }

  /** The frame of an object that is not listed yet, from memory or from its durable pack. */
  async frame(id: Uint8Array): Promise<Uint8Array | undefined> {
    const claim = this.#deps.claims.find(id);
    await claim?.work?.sealed;
    const placed = this.#deps.claims.find(id)?.placed;
    if (!placed) return undefined;
    const { pack, entry } = placed;
    const frame = pack.storedAs === undefined ? pack.frame(entry) : undefined;
    return (
      frame ??
      this.#deps.reader.readPlaced(pack.storedAs, entry.offset, FRAME_HEADER_BYTES + entry.bodyLength)
    );
  }

  /**
   * Rule W3: what uncommitted work needs of condemned packs is copied into a pack of our own, frame by frame,
   * before the generation is acknowledged.
   */
  async repair(
    condemned: ReadonlySet<string>,
    references: ReferenceSet,
    bases: ReadonlySet<string>,
  ): Promise<number> {
    const { index, reader } = this.#deps;
    let copied = 0;
    const keep = async (id: Uint8Array) => {
      if (index.usable(id) || this.#deps.claims.find(id)) return;
      const resting = index.locate(id).some((location) => condemned.has(location.packName));
      if (!resting) return;
      await this.#copyForward(id);
      copied++;
    };
    for (const id of references) await keep(id);
    for (const base of bases) {
      for await (const id of reachableObjects(reader, Buffer.from(base, 'hex'))) await keep(id);
    }
    if (copied > 0) await this.flush();
    return copied;
  }

  async #copyForward(id: Uint8Array): Promise<void> {
    const { frame, header } = await this.#deps.reader.readWithFrame(id);
    const { bodyLength, rawLength, type, codec } = header;
    const copy = Uint8Array.from(id);
    const placed = this.#deps.packs.add(Uint8Array.from(frame), {
      id: copy,
      bodyLength,
      rawLength,
      type,
      codec,
    });
    this.#deps.claims.place(copy, placed.pack, placed.entry);
  }

  #listing(stored: readonly OpenPack[]): { packs: SegmentPack[]; entries: SegmentEntry[] } {
    const createdAt = Math.floor(this.#deps.clock.now() / 1000);
    const packs = stored.map((pack) => ({ name: pack.storedAs ?? '', size: pack.size, createdAt }));
    const entries = stored.flatMap((pack, ordinal) =>
      pack.entries.map(({ id, offset, bodyLength, rawLength, type, codec }) => ({
        id,
        pack: ordinal,
        offset,
        bodyLength,
        rawLength,
        type,
        codec,
      })),
    );
    return { packs, entries };
  }

  #listed(pack: OpenPack): void {
    if (pack.storedAs !== undefined) this.#deps.ownPacks.add(pack.storedAs);
    this.#deps.claims.release(pack.entries.map((entry) => entry.id));
  }
}
