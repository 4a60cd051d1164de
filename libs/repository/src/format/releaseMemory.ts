/** Smaller buffers may lie in Node's shared pool, and cost little. */
const LEAST_BYTES = 64 * 1024;

/**
 * Gives a buffer's memory back at once instead of at the next garbage collection, which buffers outside the
 * heap would otherwise force several times a second. Nobody may hold a view of it any more.
 */
export function releaseMemory(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength > LEAST_BYTES && !buffer.detached)
    buffer.transfer(0);
}
