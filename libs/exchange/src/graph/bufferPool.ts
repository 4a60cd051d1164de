/** Smallest and largest memory that is kept; powers of two in between. */
const smallest = 16 * 1024;
const largest = 4 * 1024 * 1024;

/** Memory for contents that is used again: buffers of mails, left to the collector, cost it most of its work. */
export interface BufferPool {
  /** Memory of that many bytes, with anything in it. */
  take(bytes: number): Uint8Array;
  /** Gives back what `take` gave, when nobody will read it any more. */
  give(memory: Uint8Array): void;
}

/** Keeps up to `mostKept` bytes that nobody uses. */
export function bufferPool(mostKept: number): BufferPool {
  const free = new Map<number, ArrayBuffer[]>();
  let kept = 0;
  return {
    take(bytes) {
      let size = smallest;
      while (size < bytes) size *= 2;
      const found = free.get(size)?.pop();
      if (found !== undefined) kept -= size;
      return new Uint8Array(found ?? new ArrayBuffer(size), 0, bytes);
    },
    give({ buffer }) {
      const size = buffer.byteLength;
      if (!(buffer instanceof ArrayBuffer) || size < smallest || size > largest || kept + size > mostKept)
        return;
      const others = free.get(size);
      if (others === undefined) free.set(size, [buffer]);
      else others.push(buffer);
      kept += size;
    },
  };
}
