import { type Base64Layout, decodeBase64Run, type MimePart } from '@holdfast/mime';
import type { MimeOp, PartFacts } from '../format/itemObject.ts';
import type { ContentSegments } from './contentSegments.ts';
import type { CutSizes } from './prepareItem.ts';
import { decodedOp, partFacts } from './splitMessage.ts';

const LF = 10;
const CR = 13;
/** Text up to this stays inline; a message of 100 MB of text must not become one item object. */
const MOST_INLINE_TEXT = 256 * 1024;
const LONGEST_LINE = 4096;

interface Decoding {
  layout: Base64Layout;
  facts: PartFacts;
  content: ContentSegments;
}

/**
 * Splits a message that comes in pieces. Bytes of a base64 content are decoded as whole lines come in, and
 * each step is encoded again and compared at once; the first line that is not what an encoder makes ends the
 * decoded run, and everything after it is text. So the result is byte-exact whatever comes.
 */
export class StreamSplitter {
  readonly #newContent: () => ContentSegments;
  readonly #inline: Buffer[];
  readonly #sizes: CutSizes;
  readonly #ops: MimeOp[] = [];
  #text: ContentSegments;
  #leaf: MimePart | undefined;
  /** Bytes of the present content that are not yet whole lines. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #decoding: Decoding | undefined;
  /** The present content may still be, or is being, decoded. */
  #mayDecode = false;

  constructor(newContent: () => ContentSegments, inline: Buffer[], sizes: CutSizes) {
    this.#newContent = newContent;
    this.#inline = inline;
    this.#sizes = sizes;
    this.#text = newContent();
  }

  span(bytes: Buffer, leaf: MimePart | undefined): void {
    if (leaf !== this.#leaf) {
      this.#endContent();
      this.#leaf = leaf;
      this.#mayDecode = leaf?.transferEncoding === 'base64';
    }
    if (!this.#mayDecode) {
      this.#text.push(bytes);
      return;
    }
    this.#pending.push(Buffer.from(bytes));
    this.#pendingBytes += bytes.length;
    // In steps, so that the joined pieces are copied once.
    if (this.#pendingBytes >= 256 * 1024) this.#decodeWholeLines();
  }

  end(): MimeOp[] {
    this.#endContent();
    this.#flushText();
    return this.#ops;
  }

  #endContent(): void {
    if (this.#mayDecode) {
      this.#decodeWholeLines();
      this.#decodeLast();
    }
    this.#mayDecode = false;
  }

  #takePending(): Buffer {
    const bytes =
      this.#pending.length === 1 && this.#pending[0] ? this.#pending[0] : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    return bytes;
  }

  #keepPending(bytes: Buffer): void {
    if (bytes.length > 0) this.#pending = [bytes];
    this.#pendingBytes = bytes.length;
  }

  /** Decodes the full lines that are there; keeps what may be the last line. */
  #decodeWholeLines(): void {
    if (this.#pendingBytes === 0) return;
    const bytes = this.#takePending();
    const layout = this.#decoding?.layout ?? layoutOf(bytes);
    if (!layout) {
      this.#giveUp(bytes);
      return;
    }
    const stride = layout.lineLength + layout.breakBytes;
    let end = 0;
    while (end + stride <= bytes.length && isFullLine(bytes, end, layout)) end += stride;
    if (end > 0 && !this.#decode(bytes.subarray(0, end), layout)) {
      this.#giveUp(bytes);
      return;
    }
    const rest = bytes.subarray(end);
    // A full line's worth that was no full line: the run ends in here.
    if (rest.length >= stride) {
      this.#keepPending(rest);
      this.#decodeLast();
    } else this.#keepPending(Buffer.from(rest));
  }

  /** Full lines: decoded, proven, added to the content. False when they are not what an encoder makes. */
  #decode(lines: Buffer, layout: Base64Layout): boolean {
    const count = lines.length / (layout.lineLength + layout.breakBytes);
    const decodedLength = (count * layout.lineLength * 3) / 4;
    const run = { ...layout, finalBreak: true, end: lines.length, decodedLength };
    const plain = Buffer.allocUnsafe(decodedLength + 8);
    if (!decodeBase64Run(lines, 0, run, plain, 0)) return false;
    this.#begin(layout).content.push(plain.subarray(0, decodedLength));
    return true;
  }

  #begin(layout: Base64Layout): Decoding {
    if (this.#decoding) return this.#decoding;
    this.#flushText();
    const facts = this.#leaf ? partFacts(this.#leaf) : { path: '0', type: 'text/plain' };
    this.#decoding = { layout, facts, content: this.#newContent() };
    return this.#decoding;
  }

  /** The shorter last line, if there is one; what remains is text. */
  #decodeLast(): void {
    const bytes = this.#takePending();
    const decoding = this.#decoding;
    if (!decoding) {
      this.#giveUp(bytes);
      return;
    }
    const { layout } = decoding;
    const feed = bytes.indexOf(LF);
    const hasBreak =
      feed >= 0 && feed + 1 >= layout.breakBytes && (layout.breakBytes === 1 || bytes[feed - 1] === CR);
    const length = hasBreak ? feed + 1 - layout.breakBytes : bytes.length;
    const end = hasBreak ? feed + 1 : bytes.length;
    const isLine = length > 0 && length % 4 === 0 && length <= layout.lineLength && (hasBreak || feed < 0);
    const plain = Buffer.allocUnsafe(length + 8);
    const decodedLength = (length * 3) / 4 - paddingOf(bytes, length);
    const run = { ...layout, finalBreak: hasBreak, end, decodedLength };
    if (isLine && decodeBase64Run(bytes, 0, run, plain, 0)) {
      decoding.content.push(plain.subarray(0, decodedLength));
      decoding.layout = { ...layout, finalBreak: hasBreak };
      this.#giveUp(bytes.subarray(end));
    } else this.#giveUp(bytes);
  }

  /** Ends decoding; the bytes and all that follow in this content are text. */
  #giveUp(rest: Buffer): void {
    this.#flushDecoding();
    this.#mayDecode = false;
    this.#text.push(rest);
  }

  #flushDecoding(): void {
    const decoding = this.#decoding;
    this.#decoding = undefined;
    if (!decoding) return;
    const { content, layout, facts } = decoding;
    const { id, inline } = content.end(0);
    if (inline) this.#inline.push(inline);
    this.#ops.push(decodedOp({ bytes: { length: content.size }, layout, facts }, id));
  }

  #flushText(): void {
    const size = this.#text.size;
    if (size === 0) return;
    const { id, inline } = this.#text.end(Math.min(MOST_INLINE_TEXT, this.#sizes.segmentBytes));
    if (inline) this.#inline.push(inline);
    this.#ops.push(id === undefined ? ['t', size] : ['o', id, size]);
    this.#text = this.#newContent();
  }
}

function layoutOf(bytes: Buffer): Base64Layout | undefined {
  const feed = bytes.subarray(0, LONGEST_LINE).indexOf(LF);
  if (feed < 4) return undefined;
  const breakBytes = bytes[feed - 1] === CR ? 2 : 1;
  const lineLength = feed + 1 - breakBytes;
  return lineLength > 0 && lineLength % 4 === 0 ? { lineLength, breakBytes, finalBreak: true } : undefined;
}

function isFullLine(bytes: Buffer, at: number, { lineLength, breakBytes }: Base64Layout): boolean {
  const end = at + lineLength;
  if (bytes[end - 1] === 61) return false;
  return breakBytes === 1
    ? bytes[end] === LF && bytes[end - 1] !== CR
    : bytes[end] === CR && bytes[end + 1] === LF;
}

function paddingOf(bytes: Buffer, length: number): number {
  if (length < 2 || bytes[length - 1] !== 61) return 0;
  return bytes[length - 2] === 61 ? 2 : 1;
}
