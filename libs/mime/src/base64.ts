import { type Base64Codec, decodeSteps, encodeSteps } from './base64Codec.ts';
import { type Base64Layout, encodedLength } from './base64Layout.ts';
import { scriptCodec } from './base64Script.ts';
import { createSimdCodec, fitsSimd } from './base64Simd.ts';

export interface Base64Run extends Base64Layout {
  /** One past the last encoded byte of the run, breaks included. */
  end: number;
  /** How many bytes it decodes to, if every character is of the alphabet. */
  decodedLength: number;
}

const LF = 10;
const CR = 13;
const PAD = 61;
const LONGEST_LINE = 64 * 1024 * 1024;

/**
 * The longest beginning of `bytes[start, end)` that is laid out as an encoder does: lines of equal length and
 * equal breaks, the last one perhaps shorter. Looks at line breaks alone; `decodeBase64Run` proves the rest.
 */
export function findBase64Run(bytes: Buffer, start: number, end: number): Base64Run | undefined {
  const feed = bytes.subarray(start, end).indexOf(LF);
  if (feed < 0) return singleLine(bytes, start, end);
  const breakBytes = feed > 0 && bytes[start + feed - 1] === CR ? 2 : 1;
  const lineLength = feed + 1 - breakBytes;
  if (lineLength === 0 || lineLength % 4 !== 0) return undefined;
  const stride = lineLength + breakBytes;
  let at = start;
  while (
    at + stride <= end &&
    endsLine(bytes, at + lineLength, breakBytes) &&
    bytes[at + lineLength - 1] !== PAD
  ) {
    at += stride;
  }
  return lastLine(bytes, { start, at, end, lineLength, breakBytes });
}

/** What follows the full lines: a shorter or padded line with or without break, or nothing. */
function lastLine(
  bytes: Buffer,
  run: { start: number; at: number; end: number; lineLength: number; breakBytes: 1 | 2 },
): Base64Run | undefined {
  const { start, at, end, lineLength, breakBytes } = run;
  const fullLines = (at - start) / (lineLength + breakBytes);
  const whole = (fullLines * lineLength * 3) / 4;
  const limit = Math.min(end, at + lineLength + breakBytes);
  let feed = bytes.subarray(at, limit).indexOf(LF);
  feed = feed < 0 ? -1 : at + feed;
  const hasBreak =
    feed >= 0 && feed + 1 - breakBytes >= at && endsLine(bytes, feed + 1 - breakBytes, breakBytes);
  const lineEnd = hasBreak ? feed + 1 - breakBytes : limit;
  const length = lineEnd - at;
  const usable = length > 0 && length % 4 === 0 && length <= lineLength && (hasBreak || limit === end);
  if (usable) {
    const padding = bytes[lineEnd - 1] === PAD ? (bytes[lineEnd - 2] === PAD ? 2 : 1) : 0;
    return {
      lineLength,
      breakBytes,
      finalBreak: hasBreak,
      end: hasBreak ? feed + 1 : lineEnd,
      decodedLength: whole + (length * 3) / 4 - padding,
    };
  }
  return fullLines > 0
    ? { lineLength, breakBytes, finalBreak: true, end: at, decodedLength: whole }
    : undefined;
}

function singleLine(bytes: Buffer, start: number, end: number): Base64Run | undefined {
  const length = end - start;
  if (length === 0 || length % 4 !== 0 || length > LONGEST_LINE) return undefined;
  const padding = bytes[end - 1] === PAD ? (bytes[end - 2] === PAD ? 2 : 1) : 0;
  return { lineLength: 0, breakBytes: 0, finalBreak: false, end, decodedLength: (length * 3) / 4 - padding };
}

function endsLine(bytes: Buffer, at: number, breakBytes: 1 | 2): boolean {
  return breakBytes === 1
    ? bytes[at] === LF && bytes[at - 1] !== CR
    : bytes[at] === CR && bytes[at + 1] === LF;
}

/**
 * Decodes the run that begins at `start` into `target` at `at` and proves it: what was decoded is encoded
 * again in the same layout and compared. False when it is not byte for byte the same.
 */
export function decodeBase64Run(
  bytes: Buffer,
  start: number,
  run: Base64Run,
  target: Buffer,
  at: number,
): boolean {
  return decodeSteps(codecFor(run), bytes, start, run.end, run, target, at, run.decodedLength);
}

/**
 * Encodes `source[start, end)` into `target` at `at` and returns the number of bytes written. To encode in
 * steps, give multiples of `lineLength * 3 / 4` bytes with `finalBreak` set and the true one at the end.
 */
export function encodeBase64Lines(
  source: Buffer,
  start: number,
  end: number,
  layout: Base64Layout,
  target: Buffer,
  at: number,
): number {
  return encodeSteps(codecFor(layout), source, start, end, layout, target, at);
}

let fastest: Base64Codec | undefined;

function codecFor(layout: Base64Layout): Base64Codec {
  // One for each thread, when it is first needed.
  fastest ??= createSimdCodec() ?? scriptCodec;
  return fitsSimd(layout) ? fastest : scriptCodec;
}

/** The bytes of base64 text in the given layout, in pieces, for contents that come in pieces of any size. */
export class Base64LineEncoder {
  readonly #layout: Base64Layout;
  readonly #group: number;
  #carry: Buffer = Buffer.alloc(0);

  constructor(layout: Base64Layout) {
    this.#layout = layout;
    this.#group = layout.lineLength === 0 ? 3 : (layout.lineLength * 3) / 4;
  }

  /** Encodes as many whole lines as there are. */
  push(chunk: Uint8Array): Buffer {
    const view = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    const bytes = this.#carry.length > 0 ? Buffer.concat([this.#carry, view]) : view;
    // The last line is kept back even when it is whole: it may be the one without break.
    const usable = Math.max(0, Math.ceil(bytes.length / this.#group) - 1) * this.#group;
    this.#carry = Buffer.from(bytes.subarray(usable));
    return this.#encode(bytes, usable, true);
  }

  end(): Buffer {
    return this.#encode(this.#carry, this.#carry.length, this.#layout.finalBreak);
  }

  #encode(bytes: Buffer, length: number, finalBreak: boolean): Buffer {
    const layout = { ...this.#layout, finalBreak };
    const target = Buffer.allocUnsafeSlow(encodedLength(length, layout));
    encodeBase64Lines(bytes, 0, length, layout, target, 0);
    return target;
  }
}
