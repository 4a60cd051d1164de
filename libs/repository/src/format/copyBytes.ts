/** Shorter copies cost less than the call of the native one. */
const LEAST_NATIVE_BYTES = 64;

/**
 * Copies all of `source` into `target` at `at`; throws `RangeError` when there is no room. `TypedArray.set`,
 * which `Buffer.copy` uses for whole sources, goes byte by byte as soon as one side is shared memory and takes
 * fourteen times as long; ranges are copied natively, so the last byte goes by itself.
 */
export function copyBytes(source: Uint8Array, target: Uint8Array, at: number): void {
  const last = source.length - 1;
  if (at + last >= target.length) throw new RangeError('no room for the bytes to copy');
  if (source.length < LEAST_NATIVE_BYTES) {
    target.set(source, at);
    return;
  }
  Buffer.prototype.copy.call(source, target, at, 0, last);
  target[at + last] = source[last] ?? 0;
}

/** The same bytes in memory of their own. */
export function ownCopy(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copyBytes(bytes, copy, 0);
  return copy;
}
