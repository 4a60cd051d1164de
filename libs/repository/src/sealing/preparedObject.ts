import type { ObjectType } from '../format/objectTypes.ts';

/** An object whose id is known and which may have to be sealed. */
export interface PreparedObject {
  id: Buffer;
  type: ObjectType;
  plain: Buffer;
}

/** What the caller of a store learns, besides the ids. */
export interface PreparedItem {
  /** Position of the item's own object (item or references) among the objects of its batch. */
  object: number;
  /** Position of the item's first object; all up to `object` are its own. */
  firstObject: number;
  mimeSize: number;
  mimeSha256: string;
}
