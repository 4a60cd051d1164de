import { createHash } from 'node:crypto';

/**
 * Texts that are only asked for, in 8 bytes each: a million take 8 to 16 MB. Two of a million share their 64 bits with
 * a chance of 3 in 10^8.
 */
export interface DigestList {
  readonly size: number;
  add(text: string): void;
  /** Position of the first equal text in the sorted list, or -1. Equal texts stand side by side. */
  firstOf(text: string): number;
  /** Is the text at this position the one? */
  isAt(position: number, text: string): boolean;
}

export function createDigestList(): DigestList {
  let digests = new BigUint64Array(1024);
  let size = 0;
  let sorted = true;

  function sort(): void {
    if (!sorted) digests.subarray(0, size).sort();
    sorted = true;
  }

  return {
    get size() {
      return size;
    },
    add(text) {
      if (size === digests.length) {
        const larger = new BigUint64Array(size * 2);
        larger.set(digests);
        digests = larger;
      }
      digests[size++] = digestOf(text);
      sorted = false;
    },
    firstOf(text) {
      sort();
      const wanted = digestOf(text);
      let low = 0;
      let high = size;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((digests[middle] as bigint) < wanted) low = middle + 1;
        else high = middle;
      }
      return low < size && digests[low] === wanted ? low : -1;
    },
    isAt: (position, text) => position < size && digests[position] === digestOf(text),
  };
}

const digestOf = (text: string): bigint => createHash('sha256').update(text).digest().readBigUInt64LE(0);
