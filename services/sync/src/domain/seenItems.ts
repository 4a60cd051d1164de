import { createHash } from 'node:crypto';

/**
 * The ids that a full listing of a folder has shown, in 8 bytes each (a folder of a million items: 8 to 16 MB).
 * Two of a million ids share their 64 bits with a chance of 3 in 10^8; then a vanished item is noticed one listing later.
 */
export interface SeenItems {
  readonly size: number;
  add(id: string): void;
  has(id: string): boolean;
}

export function createSeenItems(): SeenItems {
  let digests = new BigUint64Array(1024);
  let size = 0;
  let sorted = true;
  const sort = () => {
    if (!sorted) digests.subarray(0, size).sort();
    sorted = true;
  };
  return {
    get size() {
      return size;
    },
    add(id) {
      if (size === digests.length) {
        const larger = new BigUint64Array(digests.length * 2);
        larger.set(digests);
        digests = larger;
      }
      digests[size++] = digestOf(id);
      sorted = false;
    },
    has(id) {
      sort();
      const wanted = digestOf(id);
      let low = 0;
      let high = size - 1;
      while (low <= high) {
        const middle = (low + high) >>> 1;
        const found = digests[middle] as bigint;
        if (found === wanted) return true;
        if (found < wanted) low = middle + 1;
        else high = middle - 1;
      }
      return false;
    },
  };
}

const digestOf = (id: string): bigint => createHash('sha256').update(id).digest().readBigUInt64LE(0);
