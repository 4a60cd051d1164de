import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where a run of bytes lies in the spool. */
export interface SpoolRange {
  readonly offset: number;
  readonly length: number;
}

/** An append-only temporary file for what clients write, so that restored mail costs disk and not memory. */
export class Spool {
  #folder: string | undefined;
  #file: number | undefined;
  #end = 0;

  append(bytes: Buffer): SpoolRange {
    const file = this.#open();
    const offset = this.#end;
    let written = 0;
    while (written < bytes.length) {
      written += writeSync(file, bytes, written, bytes.length - written, offset + written);
    }
    this.#end += bytes.length;
    return { offset, length: bytes.length };
  }

  /** Reads a range whole. Throws RangeError when the range was never written. */
  read(range: SpoolRange): Buffer {
    if (range.offset + range.length > this.#end) throw new RangeError('range is outside the spool');
    const out = Buffer.allocUnsafe(range.length);
    if (range.length === 0) return out;
    const file = this.#open();
    let got = 0;
    while (got < range.length) {
      const count = readSync(file, out, got, range.length - got, range.offset + got);
      if (count === 0) throw new RangeError('the spool file is shorter than its ranges');
      got += count;
    }
    return out;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
    this.#file = undefined;
    this.#folder = undefined;
  }

  #open(): number {
    if (this.#file === undefined) {
      this.#folder = mkdtempSync(join(tmpdir(), 'exchange-simulator-'));
      this.#file = openSync(join(this.#folder, 'spool'), 'w+', 0o600);
    }
    return this.#file;
  }
}
