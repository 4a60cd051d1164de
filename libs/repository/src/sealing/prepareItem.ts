import { hash } from 'node:crypto';
import { copyBytes } from '../format/copyBytes.ts';
import {
  type ExtraPart,
  ITEM_HEAD_LENGTH_BYTES,
  type MimeOp,
  recipeBytes,
  referencesBytes,
} from '../format/itemObject.ts';
import { ObjectType } from '../format/objectTypes.ts';
import type { MasterKeys } from '../keys/masterKeys.ts';
import type { Arena } from './arena.ts';
import type { PreparedItem, PreparedObject } from './preparedObject.ts';
import { decodedOp, splitMessage } from './splitMessage.ts';

/** Properties beyond this lie in an object of their own, so that the head stays small to parse. */
export const LARGEST_INLINE_PROPERTIES = 4 * 1024 * 1024;

export interface CutSizes {
  partBytes: number;
  segmentBytes: number;
}

/** Collects the objects of one item: contents first, the item after them, its references last. */
export class ItemBuilder {
  readonly #keys: MasterKeys;
  readonly #sizes: CutSizes;
  readonly #objects: PreparedObject[];
  readonly #first: number;
  /** Objects other than the item that the item needs. */
  readonly #needed: Buffer[] = [];

  constructor(keys: MasterKeys, sizes: CutSizes, objects: PreparedObject[]) {
    this.#keys = keys;
    this.#sizes = sizes;
    this.#objects = objects;
    this.#first = objects.length;
  }

  /** An object of its own for these bytes, cut into segments when they are long. Returns its id. */
  content(plain: Buffer): string {
    const { segmentBytes } = this.#sizes;
    if (plain.length <= segmentBytes) return this.#need(ObjectType.part, plain).toString('hex');
    const segments: Buffer[] = [];
    for (let at = 0; at < plain.length; at += segmentBytes) {
      segments.push(this.#need(ObjectType.segment, plain.subarray(at, at + segmentBytes)));
    }
    return this.recipe(plain.length, segments).toString('hex');
  }

  /** A content whose segments are sealed already. */
  recipe(size: number, segments: readonly Buffer[]): Buffer {
    return this.#need(ObjectType.recipe, recipeBytes(size, segments));
  }

  /** Notes an object that was sealed elsewhere. */
  needs(id: Buffer): void {
    this.#needed.push(id);
  }

  /** The item object, and the list of what it needs when that is anything. */
  finish(plain: Buffer, mime: { size: number; sha256: string }): PreparedItem {
    const item = this.#add(ObjectType.item, plain);
    if (this.#needed.length > 0) this.#add(ObjectType.references, referencesBytes(item, this.#needed));
    return {
      firstObject: this.#first,
      object: this.#objects.length - 1,
      mimeSize: mime.size,
      mimeSha256: mime.sha256,
    };
  }

  #need(type: ObjectType, plain: Buffer): Buffer {
    const id = this.#add(type, plain);
    this.#needed.push(id);
    return id;
  }

  #add(type: ObjectType, plain: Buffer): Buffer {
    const id = this.#keys.objectId(type, plain);
    this.#objects.push({ id, type, plain });
    return id;
  }
}

export interface ItemInput {
  /** Canonical JSON of the properties. */
  properties: Buffer;
  mime: Buffer | undefined;
  extraParts: readonly { name: string; data: Buffer }[];
}

/** Splits, hashes and lays out one item that is in memory. */
export function prepareItem(
  input: ItemInput,
  keys: MasterKeys,
  sizes: CutSizes,
  arena: Arena,
  objects: PreparedObject[],
): PreparedItem {
  const builder = new ItemBuilder(keys, sizes, objects);
  const inline: Buffer[] = [];
  const sha256 = input.mime ? hash('sha256', input.mime, 'hex') : '';
  const ops = input.mime ? mimeOps(input.mime, builder, sizes, arena, inline) : undefined;
  const parts = input.extraParts.map(({ name, data }): ExtraPart => {
    const isObject = data.length >= sizes.partBytes;
    if (!isObject) inline.push(data);
    return [name, data.length, hash('sha256', data, 'hex'), isObject ? builder.content(data) : null];
  });
  const isLarge = input.properties.length > LARGEST_INLINE_PROPERTIES;
  const head = itemHead({
    mime: input.mime && ops ? { size: input.mime.length, sha256, ops } : undefined,
    parts,
    properties: isLarge ? undefined : input.properties,
    propertiesIn: isLarge ? [builder.content(input.properties), input.properties.length] : undefined,
  });
  return builder.finish(itemPlain(head, inline, arena), { size: input.mime?.length ?? 0, sha256 });
}

function mimeOps(
  mime: Buffer,
  builder: ItemBuilder,
  sizes: CutSizes,
  arena: Arena,
  inline: Buffer[],
): MimeOp[] {
  const ops: MimeOp[] = [];
  for (const piece of splitMessage(mime, arena).pieces) {
    const isObject =
      piece.kind === 'decoded'
        ? piece.bytes.length >= sizes.partBytes
        : piece.bytes.length > sizes.segmentBytes;
    if (!isObject) inline.push(piece.bytes);
    if (piece.kind === 'decoded')
      ops.push(decodedOp(piece, isObject ? builder.content(piece.bytes) : undefined));
    else if (isObject) ops.push(['o', builder.content(piece.bytes), piece.bytes.length]);
    else ops.push(['t', piece.bytes.length]);
  }
  return ops;
}

interface HeadPieces {
  mime: { size: number; sha256: string; ops: MimeOp[] } | undefined;
  parts: readonly ExtraPart[];
  properties: Buffer | undefined;
  propertiesIn: [string, number] | undefined;
}

/** Canonical JSON of the head, in the order of its keys; the properties are canonical already. */
export function itemHead({ mime, parts, properties, propertiesIn }: HeadPieces): Buffer[] {
  let before = '{';
  if (mime)
    before += `"mime":{"ops":${JSON.stringify(mime.ops)},"sha256":"${mime.sha256}","size":${mime.size}},`;
  if (parts.length > 0) before += `"parts":${JSON.stringify(parts)},`;
  if (propertiesIn)
    return [Buffer.from(`${before}"propertiesIn":${JSON.stringify(propertiesIn)},"v":1}`, 'utf8')];
  return [
    Buffer.from(`${before}"properties":`, 'utf8'),
    properties ?? Buffer.from('{}'),
    Buffer.from(',"v":1}'),
  ];
}

/** headLen | head | inline, in one buffer. */
export function itemPlain(head: readonly Buffer[], inline: readonly Buffer[], arena: Arena): Buffer {
  const headLength = head.reduce((sum, piece) => sum + piece.length, 0);
  const total = inline.reduce((sum, piece) => sum + piece.length, ITEM_HEAD_LENGTH_BYTES + headLength);
  const plain = arena.take(total);
  plain.writeUInt32BE(headLength, 0);
  let at = ITEM_HEAD_LENGTH_BYTES;
  for (const piece of [...head, ...inline]) {
    copyBytes(piece, plain, at);
    at += piece.length;
  }
  return plain;
}
