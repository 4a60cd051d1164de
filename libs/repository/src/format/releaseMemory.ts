/** Giving back costs a microsecond: less than a small buffer costs the garbage collector. */
const LEAST_BYTES = 2 * 1024;

/**
 * Gives a buffer's memory back at once instead of at the next garbage collection, which buffers outside the
 * heap would otherwise force several times a second. Nobody may hold a view of it any more. A buffer that is a
 * part of something larger (Node's pool) stays.
 */
export function releaseMemory(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (bytes.length < LEAST_BYTES || bytes.length !== buffer.byteLength) return;
  if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
}
