import { copyBytes } from '../format/copyBytes.ts';
import { recipeBytes } from '../format/itemObject.ts';
import { ObjectType } from '../format/objectTypes.ts';
import type { CutSizes } from './prepareItem.ts';

/** Takes a finished object and returns its id. */
export type ObjectSink = (type: ObjectType, plain: Buffer) => Buffer;

/**
 * One content in pieces: nothing is given out until a segment is full, and a content that stays below one
 * segment becomes a part like any other, so that it deduplicates with parts of items that were in memory.
 */
export class ContentSegments {
  readonly #sizes: CutSizes;
  readonly #sink: ObjectSink;
  readonly #segments: Buffer[] = [];
  #buffer: Buffer | undefined;
  #filled = 0;
  #size = 0;

  constructor(sizes: CutSizes, sink: ObjectSink) {
    this.#sizes = sizes;
    this.#sink = sink;
  }

  get size(): number {
    return this.#size;
  }

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const buffer = this.#room(chunk.length - at);
      // A full buffer is given out only when more follows: exactly one segment is still a part.
      if (this.#filled === this.#sizes.segmentBytes) {
        this.#giveSegment(buffer);
        continue;
      }
      const piece = chunk.subarray(at, at + buffer.length - this.#filled);
      copyBytes(piece, buffer, this.#filled);
      this.#filled += piece.length;
      this.#size += piece.length;
      at += piece.length;
    }
  }

  /** The content's object, or its bytes when there are fewer than `partBytes` or `inlineBelow`. */
  end(inlineBelow: number): { id?: string; inline?: Buffer } {
    const rest = this.#buffer?.subarray(0, this.#filled) ?? Buffer.alloc(0);
    this.#buffer = undefined;
    if (this.#segments.length === 0) {
      if (rest.length < Math.max(this.#sizes.partBytes, inlineBelow)) return { inline: rest };
      return { id: this.#sink(ObjectType.part, rest).toString('hex') };
    }
    if (rest.length > 0) this.#segments.push(this.#sink(ObjectType.segment, rest));
    const recipe = recipeBytes(this.#size, this.#segments);
    return { id: this.#sink(ObjectType.recipe, recipe).toString('hex') };
  }

  /** Grows in steps up to one segment: most contents are small. */
  #room(wanted: number): Buffer {
    const { segmentBytes } = this.#sizes;
    const size = Math.min(segmentBytes, Math.max(64 * 1024, this.#filled + wanted));
    if (this.#buffer && (this.#buffer.length >= size || this.#buffer.length > this.#filled))
      return this.#buffer;
    const larger = Buffer.allocUnsafeSlow(Math.min(segmentBytes, Math.max(size, 2 * this.#filled)));
    this.#buffer?.copy(larger, 0, 0, this.#filled);
    this.#buffer = larger;
    return larger;
  }

  #giveSegment(buffer: Buffer): void {
    this.#segments.push(this.#sink(ObjectType.segment, buffer.subarray(0, this.#filled)));
    this.#buffer = undefined;
    this.#filled = 0;
  }
}
