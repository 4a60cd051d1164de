import type { MailboxBase } from './content.ts';

interface Added {
  readonly n: number;
  readonly receivedAt: number;
}

/** First index of `[0, length)` for which `test` holds (it must stay true from there on), or `length`. */
function firstWhere(length: number, test: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (test(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * The messages of one folder, newest first: the base's run minus what left it, merged with what came. Any rank is
 * found in logarithmic time, so a page costs the same at the start and at the end of a large folder.
 */
export class FolderContents {
  readonly #base: MailboxBase;
  readonly #folder: number;
  /** Base positions that left, rising. */
  #removed: number[] = [];
  /** What came, newest first. */
  #added: Added[] = [];

  constructor(base: MailboxBase, folder: number) {
    this.#base = base;
    this.#folder = folder;
  }

  get count(): number {
    return this.#base.folderCount(this.#folder) - this.#removed.length + this.#added.length;
  }

  /** Number of base positions, those that left included: the range that a delta walk covers. */
  get basePositions(): number {
    return this.#base.folderCount(this.#folder);
  }

  /** The message at a rank, 0 the newest. Throws RangeError outside [0, count). */
  at(rank: number): number {
    if (rank < 0 || rank >= this.count)
      throw new RangeError(`rank ${rank} is outside a folder of ${this.count}`);
    if (this.#added.length === 0) return this.#baseAt(rank);
    const before = firstWhere(this.#added.length, (index) => this.#rankOfAdded(index) >= rank);
    const candidate = this.#added[before];
    if (candidate && this.#rankOfAdded(before) === rank) return candidate.n;
    return this.#baseAt(rank - before);
  }

  /** Messages from a rank on, at most `limit`. */
  *range(from: number, limit: number): Generator<number> {
    const end = Math.min(this.count, from + limit);
    for (let rank = Math.max(0, from); rank < end; rank++) yield this.at(rank);
  }

  /** How many messages are newer than `time` (or as new, if `inclusive`). */
  newerThan(time: number, inclusive: boolean): number {
    const added = firstWhere(this.#added.length, (index) => {
      const at = this.#added[index]?.receivedAt ?? 0;
      return inclusive ? at < time : at <= time;
    });
    return added + this.#liveBaseNewer(time, inclusive);
  }

  /** Whether the base message at `position` is still where it was born. */
  isAtHome(position: number): boolean {
    return this.#removed[this.#removedIndex(position)] !== position;
  }

  add(n: number, receivedAt: number): void {
    this.#added.splice(this.#addedIndex(n, receivedAt), 0, { n, receivedAt });
  }

  /** Takes a message out; `receivedAt` is the one it was added with. */
  remove(n: number, receivedAt: number): void {
    const index = this.#addedIndex(n, receivedAt);
    if (this.#added[index]?.n === n) {
      this.#added.splice(index, 1);
      return;
    }
    const position = this.#base.position(n);
    const at = this.#removedIndex(position);
    if (this.#removed[at] !== position) this.#removed.splice(at, 0, position);
  }

  #addedIndex(n: number, receivedAt: number): number {
    return firstWhere(this.#added.length, (index) => {
      const other = this.#added[index];
      if (!other) return true;
      return other.receivedAt < receivedAt || (other.receivedAt === receivedAt && other.n >= n);
    });
  }

  #removedIndex(position: number): number {
    return firstWhere(this.#removed.length, (index) => (this.#removed[index] ?? 0) >= position);
  }

  #baseAt(liveRank: number): number {
    const skipped = firstWhere(
      this.#removed.length,
      (index) => (this.#removed[index] ?? 0) - index > liveRank,
    );
    return this.#base.at(this.#folder, liveRank + skipped);
  }

  #rankOfAdded(index: number): number {
    return index + this.#liveBaseNewer(this.#added[index]?.receivedAt ?? 0, true);
  }

  #liveBaseNewer(time: number, inclusive: boolean): number {
    const positions = firstWhere(this.basePositions, (position) => {
      const at = this.#base.receivedAt(this.#base.at(this.#folder, position));
      return inclusive ? at < time : at <= time;
    });
    return positions - this.#removedIndex(positions);
  }
}
