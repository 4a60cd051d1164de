/** Giving back costs a microsecond: less than a small buffer costs the collector. */
const least = 2 * 1024;

let spent: ArrayBuffer[] = [];

/**
 * Gives back the memory behind a piece that came from a connection, when the code that handed it over is done with it.
 * Memory outside of the heap counts as growth of the heap, so that leaving megabytes a second to the collector makes
 * it mark the whole heap several times a second. Nobody may read the piece, or another piece of the same memory, after
 * the present turn of the event loop's stack.
 */
export function releaseSpent({ buffer }: Buffer): void {
  // Node cuts small buffers out of a pool of this size: others have their place in it.
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength === Buffer.poolSize || buffer.byteLength < least)
    return;
  if (spent.length === 0) queueMicrotask(releaseAll);
  spent.push(buffer);
}

function releaseAll(): void {
  const all = spent;
  spent = [];
  for (const buffer of all) if (!buffer.detached) buffer.transfer(0);
}
