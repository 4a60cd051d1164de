import { createHash } from 'node:crypto';
import { Damaged, hasCode } from '../errors.ts';
import { INDEX_PREFIX, parseSegmentName, segmentName } from '../format/names.ts';
import { openRecord, SEGMENT_RECORD, sealRecord } from '../format/sealedRecord.ts';
import { parseSegment, type Segment, segmentBytes } from '../format/segment.ts';
import type { MasterKeys } from '../keys/masterKeys.ts';
import { NonceSource } from '../keys/nonceSource.ts';
import type { BlobStore, RandomBytes } from '../ports.ts';
import { BloomFilter } from './bloomFilter.ts';
import { IndexDatabase, type Location } from './indexDatabase.ts';

export interface ObjectIndexDeps {
  store: BlobStore;
  keys: MasterKeys;
  random: RandomBytes;
  repositoryId: string;
  cacheDir: string;
}

/**
 * Which objects are stored, and where. The local view is the union of the listed segments that no other
 * listed segment replaces, without the packs that a collector has condemned.
 */
export class ObjectIndex {
  readonly #store: BlobStore;
  readonly #keys: MasterKeys;
  readonly #nonces: NonceSource;
  readonly #repositoryId: string;
  readonly #database: IndexDatabase;
  readonly #condemned = new Set<string>();
  /** Segments whose ids are in the filter; another process may have applied them to the shared database. */
  readonly #inFilter = new Set<string>();
  #filter: BloomFilter;
  #refreshing: Promise<void> | undefined;

  constructor(deps: ObjectIndexDeps) {
    this.#store = deps.store;
    this.#keys = deps.keys;
    this.#nonces = new NonceSource(deps.keys, 'segment', deps.random);
    this.#repositoryId = deps.repositoryId;
    this.#database = new IndexDatabase(deps.cacheDir, deps.repositoryId);
    this.#filter = BloomFilter.forCapacity(0);
    this.#rebuildFilter();
  }

  /** Brings the local view up to the listed segments. Concurrent calls share one run. */
  async refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  /** Where an object can be read; condemned packs come last, they are readable until they are deleted. */
  locate(id: Uint8Array): Location[] {
    const found = this.#database.find(id);
    if (found.length < 2 || this.#condemned.size === 0) return found;
    return found.sort(
      (a, b) => Number(this.#condemned.has(a.packName)) - Number(this.#condemned.has(b.packName)),
    );
  }

  /** The location that new references may rest on, or undefined when the object must be stored again. */
  usable(id: Uint8Array): Location | undefined {
    if (!this.#filter.mayHave(id)) return undefined;
    return this.#database.find(id).find((location) => !this.#condemned.has(location.packName));
  }

  /** What is not in it is certainly not stored; replaced by a larger one when it is full. */
  get filter(): BloomFilter {
    return this.#filter;
  }

  /** Condemnation is final: nothing new may rest on these packs. Returns those not known before. */
  condemn(packNames: Iterable<string>): string[] {
    const fresh = [...packNames].filter((name) => !this.#condemned.has(name));
    for (const name of fresh) this.#condemned.add(name);
    return fresh;
  }

  isCondemned(packName: string): boolean {
    return this.#condemned.has(packName);
  }

  packNames(): Set<string> {
    return this.#database.packNames();
  }

  get database(): IndexDatabase {
    return this.#database;
  }

  /** Puts a segment and applies it. Putting the same again is harmless. Returns its name. */
  async putSegment(segment: Segment): Promise<string> {
    const bytes = sealRecord(SEGMENT_RECORD, this.#nonces, segmentBytes(segment), this.#repositoryId);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const name = segmentName(segment.level, sha256);
    await this.#store.putIfAbsent(name, bytes, { sha256 });
    this.#apply(name, segment);
    return name;
  }

  /** Reads one segment; throws `Damaged` when its bytes are not those its name promises. */
  async readSegment(name: string): Promise<Segment> {
    const bytes = await this.#store.get(name);
    const parts = parseSegmentName(name);
    if (createHash('sha256').update(bytes).digest('hex') !== parts?.sha256) {
      throw new Damaged('damaged-segment', `The index segment ${name} does not hash to its name.`, {
        details: { name },
      });
    }
    return parseSegment(openRecord(SEGMENT_RECORD, this.#keys, bytes, this.#repositoryId));
  }

  /** Live segments by level, for the merge. */
  liveSegments(): string[] {
    const replaced = this.#database.replacedSegments();
    return [...this.#database.appliedSegments()].filter((name) => !replaced.has(name));
  }

  /** Forgets the local copy and reads all segments again. */
  async rebuildLocal(): Promise<void> {
    this.#database.clear();
    this.#inFilter.clear();
    this.#filter = BloomFilter.forCapacity(0);
    await this.refresh();
  }

  close(): void {
    this.#database.close();
  }

  async #refresh(): Promise<void> {
    const listed: string[] = [];
    for await (const { name } of this.#store.list(INDEX_PREFIX))
      if (parseSegmentName(name)) listed.push(name);
    // High levels first: they say which of the lower ones need not be read.
    listed.sort((a, b) => (parseSegmentName(b)?.level ?? 0) - (parseSegmentName(a)?.level ?? 0));
    const known = new Set(listed);
    const applied = this.#database.appliedSegments();
    this.#database.remove([...applied].filter((name) => !known.has(name)));
    for (const name of listed) {
      const replaced = this.#database.replacedSegments();
      if (replaced.has(name) || (this.#inFilter.has(name) && applied.has(name))) continue;
      try {
        this.#apply(name, await this.readSegment(name));
      } catch (error) {
        // A collector removed it since the listing: a later listing has its replacement.
        if (!hasCode(error, 'blob-not-found')) throw error;
      }
    }
    const replaced = this.#database.replacedSegments();
    this.#database.remove(
      [...this.#database.appliedSegments()].filter((name) => replaced.has(name) && known.has(name)),
    );
    if (this.#filter.isFull) this.#rebuildFilter();
  }

  #apply(name: string, segment: Segment): void {
    this.#database.apply(name, segment);
    if (this.#inFilter.has(name)) return;
    for (const entry of segment.entries) this.#filter.add(entry.id);
    this.#inFilter.add(name);
    if (this.#filter.isFull) this.#rebuildFilter();
  }

  #rebuildFilter(): void {
    const filter = BloomFilter.forCapacity(this.#database.count() * 2);
    for (const id of this.#database.ids()) filter.add(id);
    this.#filter = filter;
    for (const name of this.#database.appliedSegments()) this.#inFilter.add(name);
  }
}
