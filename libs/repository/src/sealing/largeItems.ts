import { createHash, type Hash } from 'node:crypto';
import { MimeScanner } from '@holdfast/mime';
import type { ExtraPart, MimeOp } from '../format/itemObject.ts';
import { Arena } from './arena.ts';
import { ContentSegments } from './contentSegments.ts';
import type { PreparedObject } from './preparedObject.ts';
import { ItemBuilder, itemHead, itemPlain, LARGEST_INLINE_PROPERTIES } from './prepareItem.ts';
import { describe, type PreparedBatch, type SealCore, type SealedBatch } from './sealCore.ts';
import type { StreamTarget } from './sealThread.ts';
import { StreamSplitter } from './streamSplitter.ts';

const NO_TARGET = Buffer.alloc(0);

interface LargeItem {
  hash: Hash;
  size: number;
  mime: { splitter: StreamSplitter; scanner: MimeScanner } | undefined;
  ops: MimeOp[];
  inline: Buffer[];
  parts: ExtraPart[];
  /** The extra part that is being given. */
  part: { segments: ContentSegments; hash: Hash; size: number } | undefined;
  /** Objects of contents that are done, which the item will need. */
  needed: Buffer[];
  waiting: PreparedObject[];
}

/**
 * Items too large for memory, built from pieces: contents are cut, hashed and given out as objects as soon
 * as a segment is full, so that no more than one segment of a content is held.
 */
export class LargeItems {
  readonly #core: SealCore;
  readonly #items = new Map<number, LargeItem>();

  constructor(core: SealCore) {
    this.#core = core;
  }

  push(job: number, target: StreamTarget, chunk: Buffer): PreparedBatch {
    const item = this.#item(job);
    if (target.kind === 'mime') {
      item.hash.update(chunk);
      item.size += chunk.length;
      this.#mime(item).scanner.push(chunk);
    } else {
      const part = this.#part(item);
      part.hash.update(chunk);
      part.size += chunk.length;
      part.segments.push(chunk);
    }
    return describe(item.waiting, []);
  }

  end(job: number, target: StreamTarget): PreparedBatch {
    const item = this.#item(job);
    if (target.kind === 'mime') {
      const { scanner, splitter } = this.#mime(item);
      scanner.end();
      item.ops = splitter.end();
    } else {
      const { segments, hash, size } = this.#part(item);
      const { id, inline } = segments.end(0);
      if (inline) item.inline.push(inline);
      item.parts.push([target.name, size, hash.digest('hex'), id ?? null]);
      item.part = undefined;
    }
    return describe(item.waiting, []);
  }

  finish(job: number, properties: Buffer): PreparedBatch {
    const item = this.#item(job);
    const builder = new ItemBuilder(this.#core.keys, this.#core.sizes, item.waiting);
    for (const id of item.needed) builder.needs(id);
    const isLarge = properties.length > LARGEST_INLINE_PROPERTIES;
    const sha256 = item.mime ? item.hash.digest('hex') : '';
    const head = itemHead({
      mime: item.mime ? { size: item.size, sha256, ops: item.ops } : undefined,
      parts: item.parts,
      properties: isLarge ? undefined : properties,
      propertiesIn: isLarge ? [builder.content(properties), properties.length] : undefined,
    });
    const prepared = builder.finish(itemPlain(head, item.inline, new Arena()), { size: item.size, sha256 });
    return describe(item.waiting, [prepared]);
  }

  seal(job: number, needed: Uint8Array): SealedBatch {
    const item = this.#item(job);
    const objects = item.waiting.splice(0);
    return this.#core.sealObjects(objects, needed, NO_TARGET);
  }

  drop(job: number): void {
    this.#items.delete(job);
  }

  #item(job: number): LargeItem {
    const known = this.#items.get(job);
    if (known) return known;
    const item: LargeItem = {
      hash: createHash('sha256'),
      size: 0,
      mime: undefined,
      ops: [],
      inline: [],
      parts: [],
      part: undefined,
      needed: [],
      waiting: [],
    };
    this.#items.set(job, item);
    return item;
  }

  #mime(item: LargeItem): NonNullable<LargeItem['mime']> {
    if (item.mime) return item.mime;
    const splitter = new StreamSplitter(() => this.#segments(item), item.inline, this.#core.sizes);
    item.mime = { splitter, scanner: new MimeScanner((bytes, leaf) => splitter.span(bytes, leaf)) };
    return item.mime;
  }

  #part(item: LargeItem): NonNullable<LargeItem['part']> {
    item.part ??= { segments: this.#segments(item), hash: createHash('sha256'), size: 0 };
    return item.part;
  }

  #segments(item: LargeItem): ContentSegments {
    const { keys, sizes } = this.#core;
    return new ContentSegments(sizes, (type, plain) => {
      const id = keys.objectId(type, plain);
      item.waiting.push({ id, type, plain });
      item.needed.push(id);
      return id;
    });
  }
}
