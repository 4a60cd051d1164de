import { createHash } from 'node:crypto';

/**
 * Texts that are only asked for, in 8 bytes each: a million take 8 to 16 MB. Two of a million share their 64 bits with
 * a chance of 3 in 10^8.
 */
export interface DigestList {
  readonly size: number;
  add(text: string): void;
  /** Adds the digest of a text. */
  addDigest(digest: bigint): void;
  /** Position of the first equal text in the sorted list, or -1. Equal texts stand side by side. */
  firstOf(text: string): number;
  firstOfDigest(digest: bigint): number;
  /** Is the text of this digest at this position? */
  isAt(position: number, digest: bigint): boolean;
  digests(): Iterable<bigint>;
}

export function createDigestList(): DigestList {
  let digests = new BigUint64Array(64);
  let size = 0;
  let sorted = true;

  function sort(): void {
    if (!sorted) digests.subarray(0, size).sort();
    sorted = true;
  }

  function addDigest(digest: bigint): void {
    if (size === digests.length) {
      const larger = new BigUint64Array(size * 2);
      larger.set(digests);
      digests = larger;
    }
    digests[size++] = digest;
    sorted = false;
  }

  function firstOfDigest(wanted: bigint): number {
    sort();
    let low = 0;
    let high = size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((digests[middle] as bigint) < wanted) low = middle + 1;
      else high = middle;
    }
    return low < size && digests[low] === wanted ? low : -1;
  }

  return {
    get size() {
      return size;
    },
    addDigest,
    firstOfDigest,
    add: (text) => addDigest(digestOf(text)),
    firstOf: (text) => firstOfDigest(digestOf(text)),
    isAt: (position, digest) => position < size && digests[position] === digest,
    digests: () => digests.subarray(0, size),
  };
}

export const digestOf = (text: string): bigint =>
  createHash('sha256').update(text).digest().readBigUInt64LE(0);

/** Digests of which each can be taken once. */
export interface TakeList {
  /** True when one that nobody took was there; it is taken by this call. */
  take(digest: bigint): boolean;
  /** How many there are, taken or not. */
  count(digest: bigint): number;
}

/** Of a list that does not grow any more. */
export function createTakeList(list: DigestList): TakeList {
  const taken = new Uint8Array(list.size);
  return {
    count(digest) {
      const first = list.firstOfDigest(digest);
      if (first < 0) return 0;
      let end = first;
      while (list.isAt(end, digest)) end++;
      return end - first;
    },
    take(digest) {
      const first = list.firstOfDigest(digest);
      if (first < 0) return false;
      for (let at = first; list.isAt(at, digest); at++) {
        if (taken[at] === 1) continue;
        taken[at] = 1;
        return true;
      }
      return false;
    },
  };
}
