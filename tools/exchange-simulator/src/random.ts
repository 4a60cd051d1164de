/**
 * Deterministic pseudo-randomness: everything generated is a pure function of a seed, so that a mailbox
 * needs no memory and two processes generate the same bytes.
 */

// Bound once: in a test's own context every look-up of a global is slow, and these are called millions of times.
const { imul, floor } = Math;

/** Mixes two 32-bit numbers into one, evenly spread (murmur3's finalizer). */
export function mix(a: number, b: number): number {
  let hash = imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ imul(b + 0x7f4a7c15, 0xc2b2ae35);
  hash ^= hash >>> 16;
  hash = imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Hash of a text to 32 bits (FNV-1a, then mixed). */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return mix(hash >>> 0, text.length);
}

/** A small generator (mulberry32): good enough for test data, one multiplication or two a number. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** The next unsigned 32-bit number. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let value = imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    value = (value + imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return (value ^ (value >>> 14)) >>> 0;
  }

  /** The next number in [0, 1). */
  unit(): number {
    return this.next() / 4294967296;
  }

  /** The next integer in [0, bound). */
  below(bound: number): number {
    return floor((this.next() / 4294967296) * bound);
  }

  /** One element of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    const picked = list[this.below(list.length)];
    if (picked === undefined) throw new RangeError('cannot pick from an empty list');
    return picked;
  }
}

/** A number as a GUID, the same for the same numbers. */
export function guidOf(a: number, b: number): string {
  const hex = (value: number) => value.toString(16).padStart(8, '0');
  const one = hex(mix(a, b));
  const two = hex(mix(mix(a, b), 1));
  const three = hex(mix(mix(a, b), 2));
  const four = hex(mix(mix(a, b), 3));
  return `${one}-${two.slice(0, 4)}-4${two.slice(5)}-a${three.slice(1, 4)}-${three.slice(4)}${four}`;
}
