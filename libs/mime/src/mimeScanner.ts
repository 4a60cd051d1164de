import { parsePartHeader } from './headerFields.ts';
import {
  DEEPEST_NESTING,
  LONGEST_BOUNDARY_LINE,
  LONGEST_HEADER_BYTES,
  type MimePart,
  MOST_PARTS,
} from './mimePart.ts';

/** Receives every byte of the message once, in order. `leaf` is set for the content of a part without children. */
export type SpanListener = (bytes: Buffer, leaf: MimePart | undefined) => void;

interface OpenPart {
  part: MimePart;
  depth: number;
  /** `--` and the boundary, of a multipart. */
  boundary: Buffer | undefined;
  /** Type of children that do not say theirs. */
  childType: string;
  partsBelow: number;
}

const NOTHING: Buffer = Buffer.alloc(0);
const PLAIN_ENCODINGS = new Set(['7bit', '8bit', 'binary']);
const LF = 10;
const CR = 13;
const DASH = 45;
const LINE_WITH_DASHES = Buffer.from('\n--', 'latin1');
const TWO_DASHES = Buffer.from('--', 'latin1');

/**
 * Finds the parts of a message whose bytes are pushed in pieces of any size; nothing but headers and the
 * current line start is kept. Never throws on any bytes. Line breaks are LF or CRLF.
 */
export class MimeScanner {
  readonly root: MimePart;
  readonly #onSpan: SpanListener | undefined;
  readonly #open: OpenPart[] = [];
  #inHeader = true;
  /** Of the current header, as latin1. */
  #headerText = '';
  #headerKept = 0;
  #current: MimePart;
  /** The part whose content the present bytes are, or undefined between parts. */
  #leaf: MimePart | undefined;
  /** An unfinished line that may become a header line or a boundary. */
  #carry = NOTHING;
  #atLineStart = true;
  /** Offset of the first byte not yet accounted for. */
  #offset = 0;
  #count = 1;
  /** How many bytes the last line break had, when the bytes before the current line end with one. */
  #lastBreak = 0;
  #lastByte: number | undefined;
  /** In the bytes at hand: where the header ends and where the next line with dashes is, once looked for. */
  #headerEnd: number | undefined;
  #dashes: number | undefined;

  constructor(onSpan?: SpanListener) {
    this.#onSpan = onSpan;
    this.root = emptyPart('0', 0);
    this.#current = this.root;
  }

  push(chunk: Uint8Array): void {
    const view = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    const bytes = this.#carry.length > 0 ? Buffer.concat([this.#carry, view]) : view;
    this.#carry = NOTHING;
    const rest = this.#consume(bytes, false);
    // Copied: the caller may reuse its chunk.
    if (rest < bytes.length) this.#carry = Buffer.from(bytes.subarray(rest));
  }

  /** Call once after the last piece. Returns the root of the tree. */
  end(): MimePart {
    const carried = this.#carry;
    this.#carry = NOTHING;
    this.#consume(carried, true);
    if (this.#inHeader) {
      this.#current.header.end = this.#offset;
      this.#finishHeader(this.#offset, true);
    }
    this.#closeParts(0, this.#offset);
    return this.root;
  }

  /** Returns how far the bytes were accounted for; the rest must be given again with more behind it. */
  #consume(bytes: Buffer, last: boolean): number {
    let at = 0;
    this.#headerEnd = undefined;
    this.#dashes = undefined;
    while (at < bytes.length) {
      const next = this.#inHeader ? this.#headerLine(bytes, at, last) : this.#content(bytes, at, last);
      if (next === at) break;
      at = next;
    }
    return at;
  }

  #headerLine(bytes: Buffer, at: number, last: boolean): number {
    const block = this.#atLineStart ? this.#headerBlock(bytes, at) : at;
    if (block > at) return block;
    const feed = bytes.indexOf(LF, at);
    const unfinished = feed < 0;
    // A header line without end is taken in pieces, so that what is carried stays small.
    if (unfinished && !last && bytes.length - at < LONGEST_BOUNDARY_LINE) return at;
    const end = unfinished ? bytes.length : feed + 1;
    const short = end - at <= LONGEST_BOUNDARY_LINE && (!unfinished || last);
    if (short && this.#atLineStart && this.#boundaryLine(bytes, at, end)) return end;
    if (this.#atLineStart && !unfinished && (feed === at || (feed === at + 1 && bytes[at] === CR))) {
      this.#current.header.end = this.#offset;
      this.#account(bytes, at, end, undefined);
      this.#finishHeader(this.#offset, false);
      return end;
    }
    if (this.#headerKept < LONGEST_HEADER_BYTES) {
      this.#headerText += bytes.toString('latin1', at, end);
      this.#headerKept += end - at;
    }
    this.#account(bytes, at, end, undefined);
    this.#atLineStart = !unfinished;
    return end;
  }

  /** All lines of the header at once, when its end is in sight and no boundary can be in it; else `at`. */
  #headerBlock(bytes: Buffer, at: number): number {
    if (bytes[at] === LF || bytes[at] === CR) return at;
    // Looked for once in these bytes: a header of many lines would be searched to its end for each of them.
    if (this.#headerEnd === undefined || this.#headerEnd <= at) this.#headerEnd = endOfHeader(bytes, at);
    const end = this.#headerEnd;
    if (end === NOWHERE) return at;
    if (this.#boundaries()) {
      if (bytes[at] === DASH) return at;
      if (this.#nextDashes(bytes, at) < end) return at;
    }
    if (this.#headerKept < LONGEST_HEADER_BYTES) {
      this.#headerText += bytes.toString('latin1', at, Math.min(end, at + LONGEST_HEADER_BYTES));
      this.#headerKept += end - at;
    }
    this.#account(bytes, at, end, undefined);
    return end;
  }

  /** Looked for once: a header asks for the line that ends the content behind it. */
  #nextDashes(bytes: Buffer, at: number): number {
    if (this.#dashes === undefined || this.#dashes < at) this.#dashes = lineWithDashes(bytes, at);
    return this.#dashes;
  }

  #content(bytes: Buffer, at: number, last: boolean): number {
    if (this.#atLineStart && this.#boundaries()) {
      const next = this.#tryBoundary(bytes, at, last);
      if (next !== undefined) return next;
    }
    if (!this.#boundaries()) {
      this.#account(bytes, at, bytes.length, this.#leaf);
      return bytes.length;
    }
    const dashes = this.#nextDashes(bytes, at);
    if (dashes !== NOWHERE) {
      this.#account(bytes, at, dashes + 1, this.#leaf);
      this.#atLineStart = true;
      return dashes + 1;
    }
    // No boundary begins in what is here, except perhaps in the last two bytes.
    const tail = bytes.lastIndexOf(LF);
    const end = tail >= at && tail >= bytes.length - 2 ? tail + 1 : bytes.length;
    this.#account(bytes, at, end, this.#leaf);
    this.#atLineStart = end === tail + 1;
    return end;
  }

  /** At a line start: undefined when the line is content, else how far was consumed (`at` to wait for more). */
  #tryBoundary(bytes: Buffer, at: number, last: boolean): number | undefined {
    const length = bytes.length - at;
    const dashed = (length < 1 || bytes[at] === DASH) && (length < 2 || bytes[at + 1] === DASH);
    if (!dashed) {
      this.#atLineStart = false;
      return undefined;
    }
    const feed = bytes.indexOf(LF, at);
    if (feed < 0 && !last && length < LONGEST_BOUNDARY_LINE) return at;
    const end = feed < 0 ? bytes.length : feed + 1;
    if (end - at <= LONGEST_BOUNDARY_LINE && this.#boundaryLine(bytes, at, end)) return end;
    this.#atLineStart = false;
    return undefined;
  }

  #boundaries(): boolean {
    for (const entry of this.#open) if (entry.boundary) return true;
    return false;
  }

  /** Takes the line if it is a boundary of an open multipart, the innermost first. */
  #boundaryLine(bytes: Buffer, at: number, end: number): boolean {
    if (end - at < 3 || bytes[at] !== DASH || bytes[at + 1] !== DASH) return false;
    for (let level = this.#open.length - 1; level >= 0; level--) {
      const entry = this.#open[level];
      const kind = entry?.boundary && matchBoundary(bytes, at, end, entry.boundary);
      if (!entry || !kind) continue;
      const before = this.#offset - this.#lastBreak;
      if (this.#inHeader) {
        // A header that a boundary cuts off has no content.
        this.#current.header.end = Math.max(this.#current.header.start, before);
        this.#finishHeader(this.#offset, true);
      }
      this.#closeParts(level + 1, before);
      this.#account(bytes, at, end, undefined);
      this.#afterBoundary(entry, kind);
      return true;
    }
    return false;
  }

  #afterBoundary(entry: OpenPart, kind: 'next' | 'last'): void {
    this.#leaf = undefined;
    this.#atLineStart = true;
    if (kind === 'last' || this.#count >= MOST_PARTS) {
      this.#inHeader = false;
      if (kind === 'last') entry.boundary = undefined;
      return;
    }
    this.#beginPart(entry, entry.childType);
  }

  #beginPart(parent: OpenPart, defaultType: string): void {
    parent.partsBelow++;
    this.#count++;
    const path =
      parent.part.path === '0' ? `${parent.partsBelow}` : `${parent.part.path}.${parent.partsBelow}`;
    const part = emptyPart(path, this.#offset);
    part.contentType = defaultType;
    parent.part.children.push(part);
    this.#current = part;
    this.#inHeader = true;
    this.#headerText = '';
    this.#headerKept = 0;
    this.#lastBreak = 0;
  }

  /** The current part's header is complete: decide what its content is. */
  #finishHeader(bodyStart: number, nothingFollows: boolean): void {
    const part = this.#current;
    const facts = parsePartHeader(this.#headerText, part.contentType);
    this.#headerText = '';
    part.contentType = facts.contentType;
    part.parameters = facts.parameters;
    part.transferEncoding = facts.transferEncoding;
    part.disposition = facts.disposition;
    part.fileName = facts.fileName;
    part.contentId = facts.contentId;
    part.body = { start: bodyStart, end: bodyStart };
    this.#inHeader = false;
    this.#atLineStart = true;
    this.#lastBreak = 0;
    const depth = this.#open.length;
    const plain = PLAIN_ENCODINGS.has(part.transferEncoding);
    const boundary =
      plain && part.contentType.startsWith('multipart/') ? part.parameters.boundary : undefined;
    const room = depth < DEEPEST_NESTING && this.#count < MOST_PARTS && !nothingFollows;
    const usable =
      room && boundary !== undefined && boundary.length > 0 && boundary.length < LONGEST_BOUNDARY_LINE - 8;
    const entry: OpenPart = {
      part,
      depth,
      boundary: usable ? Buffer.from(`--${boundary.trimEnd()}`, 'latin1') : undefined,
      childType: part.contentType === 'multipart/digest' ? 'message/rfc822' : 'text/plain',
      partsBelow: 0,
    };
    this.#open.push(entry);
    if (usable) this.#leaf = undefined;
    else if (room && plain && part.contentType === 'message/rfc822') this.#beginPart(entry, 'text/plain');
    else this.#leaf = part;
  }

  /** Ends all open parts from `level` on. */
  #closeParts(level: number, end: number): void {
    for (const entry of this.#open.splice(level)) {
      entry.part.body.end = Math.max(entry.part.body.start, end);
    }
  }

  #account(bytes: Buffer, at: number, end: number, leaf: MimePart | undefined): void {
    if (end === at) return;
    this.#offset += end - at;
    const before = end - at > 1 ? bytes[end - 2] : this.#lastByte;
    this.#lastByte = bytes[end - 1];
    if (this.#lastByte !== LF) this.#lastBreak = 0;
    else this.#lastBreak = before === CR ? 2 : 1;
    this.#onSpan?.(bytes.subarray(at, end), leaf);
  }
}

/** The structure of a message that is in memory. Never throws. */
export function scanMime(bytes: Uint8Array): MimePart {
  const scanner = new MimeScanner();
  scanner.push(bytes);
  return scanner.end();
}

function matchBoundary(
  bytes: Buffer,
  start: number,
  end: number,
  boundary: Buffer,
): 'next' | 'last' | undefined {
  let at = start + boundary.length;
  if (at > end || bytes.compare(boundary, 0, boundary.length, start, at) !== 0) return undefined;
  const last = at + 1 < end && bytes[at] === DASH && bytes[at + 1] === DASH;
  if (last) at += 2;
  for (; at < end; at++) {
    const byte = bytes[at];
    if (byte !== 32 && byte !== 9 && byte !== CR && byte !== LF) return undefined;
  }
  return last ? 'last' : 'next';
}

/** Behind all bytes: what is not among them. */
const NOWHERE = Number.POSITIVE_INFINITY;

/** The line break before the next line that begins with two dashes. */
function lineWithDashes(bytes: Buffer, at: number): number {
  // Base64 has a line break every 76 letters and no dashes at all: the dashes are what is quickly looked for.
  const dashes = bytes.indexOf(TWO_DASHES, at + 1);
  if (dashes < 0) return NOWHERE;
  if (bytes[dashes - 1] === LF) return dashes - 1;
  const found = bytes.indexOf(LINE_WITH_DASHES, dashes);
  return found < 0 ? NOWHERE : found;
}

/** Where the empty line begins that ends a header; the line at `at` is not empty. */
function endOfHeader(bytes: Buffer, at: number): number {
  for (let feed = bytes.indexOf(LF, at); feed >= 0; feed = bytes.indexOf(LF, feed + 1)) {
    const next = bytes[feed + 1];
    if (next === LF || (next === CR && bytes[feed + 2] === LF)) return feed + 1;
  }
  return NOWHERE;
}

function emptyPart(path: string, start: number): MimePart {
  return {
    path,
    header: { start, end: start },
    body: { start, end: start },
    contentType: 'text/plain',
    parameters: {},
    transferEncoding: '7bit',
    disposition: undefined,
    fileName: undefined,
    contentId: undefined,
    children: [],
  };
}
