/** Smallest and largest memory that is kept; powers of two in between, and from the step on multiples of it. */
const smallest = 16 * 1024;
const largest = 4 * 1024 * 1024;
const step = 512 * 1024;

function sizeFor(bytes: number): number {
  if (bytes > step) return Math.ceil(bytes / step) * step;
  let size = smallest;
  while (size < bytes) size *= 2;
  return size;
}

/** Memory for contents that is used again: buffers of mails, left to the collector, cost it most of its work. */
export interface BufferPool {
  /** Memory of that many bytes, with anything in it. */
  take(bytes: number): Uint8Array;
  /** Gives back what `take` gave, when nobody will read it any more; other memory is left to its owner. */
  give(memory: Uint8Array): void;
}

/** Memory that is not used again: for what is small or rare. */
export const noPool: BufferPool = { take: (bytes) => new Uint8Array(bytes), give: () => undefined };

/** Keeps up to `mostKept` bytes that nobody uses. */
export function bufferPool(mostKept: number): BufferPool {
  const free = new Map<number, ArrayBuffer[]>();
  const taken = new WeakSet<ArrayBuffer>();
  let kept = 0;
  return {
    take(bytes) {
      const size = sizeFor(bytes);
      const found = free.get(size)?.pop();
      if (found !== undefined) kept -= size;
      const buffer = found ?? new ArrayBuffer(size);
      taken.add(buffer);
      return new Uint8Array(buffer, 0, bytes);
    },
    give({ buffer }) {
      const size = buffer.byteLength;
      if (!(buffer instanceof ArrayBuffer) || !taken.delete(buffer)) return;
      if (size > largest || kept + size > mostKept) return;
      const others = free.get(size);
      if (others === undefined) free.set(size, [buffer]);
      else others.push(buffer);
      kept += size;
    },
  };
}
