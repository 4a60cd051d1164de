const PROBES = 7;
/** 10 bits a key at 7 probes: 0.8 % of strangers pass. */
const BITS_A_KEY = 10;

/**
 * Answers "certainly new" without a look at the disk. Ids are uniformly distributed already, so their own
 * bytes serve as hashes (two 32-bit words, combined for each probe).
 */
export class BloomFilter {
  #words: Uint32Array;
  #bits: number;
  #capacity: number;
  #count = 0;

  constructor(capacity: number) {
    this.#capacity = Math.max(65_536, capacity);
    this.#bits = this.#capacity * BITS_A_KEY;
    this.#words = new Uint32Array(Math.ceil(this.#bits / 32));
  }

  /** True when more keys were added than the filter was made for: make a larger one. */
  get isFull(): boolean {
    return this.#count > this.#capacity;
  }

  get count(): number {
    return this.#count;
  }

  add(id: Uint8Array): void {
    const [first, second] = wordsOf(id);
    for (let probe = 0; probe < PROBES; probe++) {
      const bit = (first + probe * second) % this.#bits;
      const word = Math.floor(bit / 32);
      this.#words[word] = (this.#words[word] ?? 0) | (1 << (bit & 31));
    }
    this.#count++;
  }

  mayHave(id: Uint8Array): boolean {
    const [first, second] = wordsOf(id);
    for (let probe = 0; probe < PROBES; probe++) {
      const bit = (first + probe * second) % this.#bits;
      if (((this.#words[Math.floor(bit / 32)] ?? 0) & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }
}

function wordsOf(id: Uint8Array): [number, number] {
  const view = new DataView(id.buffer, id.byteOffset, id.length);
  // Odd and large, so that the probes spread over the whole filter.
  return [
    view.getUint32(0) * 1024 + (view.getUint32(8) >>> 22),
    ((view.getUint32(4) | 1) >>> 0) * 256 + (id[12] ?? 0),
  ];
}
