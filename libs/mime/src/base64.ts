/** How base64 text is laid out in lines. */
export interface Base64Layout {
  /** Characters a line without its break, a multiple of 4; 0 when all is one line. */
  lineLength: number;
  /** Bytes of a line break: 0 when there is none at all, 1 for LF, 2 for CRLF. */
  breakBytes: 0 | 1 | 2;
  /** The last line has a break, too. */
  finalBreak: boolean;
}

export interface Base64Run extends Base64Layout {
  /** One past the last encoded byte of the run, breaks included. */
  end: number;
  /** How many bytes it decodes to, if every character is of the alphabet. */
  decodedLength: number;
}

const LF = 10;
const CR = 13;
const PAD = 61;
/** Lines a step: about 48 KB of text, which stays in the processor's cache. */
const STEP_CHARACTERS = 48 * 1024;
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
  if (run.end - start !== encodedLength(run.decodedLength, run)) return false;
  const stride = run.lineLength + run.breakBytes;
  const step =
    run.lineLength === 0 ? STEP_CHARACTERS : Math.max(1, Math.floor(STEP_CHARACTERS / stride)) * stride;
  let decoded = at;
  for (let from = start; from < run.end; from += step) {
    const to = Math.min(from + step, run.end);
    const written = target.write(bytes.toString('latin1', from, to), decoded, 'base64');
    const layout = { ...run, finalBreak: to === run.end ? run.finalBreak : true };
    if (encodedLength(written, layout) !== to - from) return false;
    const proof = scratchFor(to - from);
    encodeBase64Lines(target, decoded, decoded + written, layout, proof, 0);
    if (proof.compare(bytes, from, to, 0, to - from) !== 0) return false;
    decoded += written;
  }
  return decoded - at === run.decodedLength;
}

let scratch = Buffer.alloc(0);

function scratchFor(size: number): Buffer {
  if (scratch.length < size) scratch = Buffer.allocUnsafeSlow(size);
  return scratch;
}

/** How many bytes `size` bytes become in this layout. */
export function encodedLength(size: number, layout: Base64Layout): number {
  const characters = Math.ceil(size / 3) * 4;
  if (layout.lineLength === 0 || characters === 0) return characters;
  const breaks = Math.ceil(characters / layout.lineLength) - (layout.finalBreak ? 0 : 1);
  return characters + breaks * layout.breakBytes;
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
  const { lineLength } = layout;
  // In steps, so that the text in between is short and stays in the processor's cache.
  const line = (lineLength * 3) / 4;
  const step = line === 0 ? STEP_BYTES : Math.max(1, Math.floor(STEP_BYTES / line)) * line;
  const whole = { ...layout, finalBreak: true };
  const view = new DataView(target.buffer, target.byteOffset, target.length);
  let to = at;
  let from = start;
  for (; end - from > step; from += step)
    to += encodeStep(source, from, from + step, whole, target, view, to);
  return to + encodeStep(source, from, end, layout, target, view, to) - at;
}

/** A multiple of 3, so that groups of letters are whole. */
const STEP_BYTES = 36 * 1024;

function encodeStep(
  source: Buffer,
  start: number,
  end: number,
  layout: Base64Layout,
  target: Buffer,
  view: DataView,
  at: number,
): number {
  const total = encodedLength(end - start, layout);
  const characters = Math.ceil((end - start) / 3) * 4;
  // The letters go to the end of their place and are spread forwards line by line: no second buffer.
  const from = at + total - characters;
  target.write(source.toString('base64', start, end), from, characters, 'latin1');
  if (layout.lineLength > 0) spreadLines(view, from, characters, layout, at);
  return total;
}

/**
 * Moves letters forwards to `at`, with a break after each line. Eight letters go as one double, which keeps
 * their bytes because no letters are a NaN; a step never reaches letters that are still to be read, because
 * `at` lies before `start`.
 */
function spreadLines(
  view: DataView,
  start: number,
  count: number,
  { breakBytes, finalBreak, lineLength }: Base64Layout,
  at: number,
): void {
  const last = start + count;
  let from = start;
  let to = at;
  while (from < last) {
    const length = Math.min(last - from, lineLength);
    let done = 0;
    for (; done + 8 <= length; done += 8) {
      view.setFloat64(to + done, view.getFloat64(from + done, true), true);
    }
    if (done < length) view.setUint32(to + done, view.getUint32(from + done, true), true);
    from += length;
    to += length;
    if (from === last && !finalBreak) return;
    if (breakBytes === 2) view.setUint8(to++, CR);
    if (breakBytes > 0) view.setUint8(to++, LF);
  }
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
