const PROBES = 7;
/** 10 bits a key at 7 probes: 0.8 % of strangers pass. */
const BITS_A_KEY = 10;

/**
 * Answers "certainly new" without a look at the disk. Ids are uniformly distributed already, so their own
 * bytes serve as hashes (two 32-bit words, combined for each probe). It lies in shared memory: all threads
 * may ask and add.
 */
export class BloomFilter {
  readonly memory: SharedArrayBuffer;
  readonly #words: Uint32Array;
  readonly #bits: number;
  #count = 0;

  static forCapacity(capacity: number): BloomFilter {
    const words = Math.ceil((Math.max(65_536, capacity) * BITS_A_KEY) / 32);
    return new BloomFilter(new SharedArrayBuffer(words * Uint32Array.BYTES_PER_ELEMENT));
  }

  /** A filter that another thread made. */
  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#words = new Uint32Array(memory);
    this.#bits = this.#words.length * 32;
  }

  /** True when more keys were added in this thread than the filter was made for: make a larger one. */
  get isFull(): boolean {
    return this.#count * BITS_A_KEY > this.#bits;
  }

  get count(): number {
    return this.#count;
  }

  add(id: Uint8Array): void {
    const [first, second] = wordsOf(id);
    for (let probe = 0; probe < PROBES; probe++) {
      const bit = (first + probe * second) % this.#bits;
      Atomics.or(this.#words, Math.floor(bit / 32), 1 << (bit & 31));
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
