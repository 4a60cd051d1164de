const KEPT_BYTES = 1024 * 1024;

/** Memory for a moment, used again and again: fresh pages cost more than what is done with them. */
export class Scratch {
  #kept: Buffer | undefined;

  /** Valid until the next call. More than a MiB is not kept. */
  take(size: number): Buffer {
    if (size > KEPT_BYTES) return Buffer.allocUnsafeSlow(size);
    this.#kept ??= Buffer.allocUnsafeSlow(KEPT_BYTES);
    return this.#kept.subarray(0, size);
  }
}
