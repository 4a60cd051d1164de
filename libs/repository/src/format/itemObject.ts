import { Damaged } from '../errors.ts';
import type { JsonObject } from './canonicalJson.ts';

/**
 * Plaintext of an `item` object: headLen u32 | head (canonical JSON) | inline bytes.
 *
 * `head.mime.ops` rebuilds the message from left to right. Inline bytes are consumed in order, first by the
 * ops, then by the extra parts that have no object of their own.
 */
export type MimeOp =
  /** The next `n` inline bytes as they are. */
  | ['t', number]
  /** The next `n` inline bytes in base64: line length, bytes of a break, final break (0 or 1). */
  | ['b', number, number, number, number]
  /** The bytes of an object (`part` or `recipe`) of the given size as they are. */
  | ['o', string, number]
  /** The bytes of an object in base64, with what the part said of itself. */
  | ['e', string, number, number, number, number, PartFacts?];

/** What a part that lies in an object of its own said of itself; for lists, never needed to rebuild. */
export interface PartFacts {
  path: string;
  type: string;
  name?: string;
}

/** name, size, hex SHA-256, object id or null when the bytes are inline. */
export type ExtraPart = [string, number, string, string | null];

export interface ItemHead {
  v: 1;
  properties?: JsonObject;
  /** Properties too large for the head: object id and size of their JSON. */
  propertiesIn?: [string, number];
  mime?: { size: number; sha256: string; ops: MimeOp[] };
  parts?: ExtraPart[];
}

export const ITEM_HEAD_LENGTH_BYTES = 4;

/** Splits an item's plaintext; throws `Damaged` (`damaged-item`) for what no writer makes. */
export function parseItem(plain: Buffer): { head: ItemHead; inline: Buffer } {
  const headLength = plain.length >= ITEM_HEAD_LENGTH_BYTES ? plain.readUInt32BE(0) : -1;
  const end = ITEM_HEAD_LENGTH_BYTES + headLength;
  if (headLength < 0 || end > plain.length) throw itemDamage('its head is cut off');
  try {
    const head = checkHead(JSON.parse(plain.toString('utf8', ITEM_HEAD_LENGTH_BYTES, end)));
    return { head, inline: plain.subarray(end) };
  } catch (cause) {
    throw itemDamage('its head is not one', cause);
  }
}

/**
 * Properties are not walked: they are any JSON object, and they are most of the head. Checked by hand, because
 * a schema took longer than opening the item, and longer to load than a sealing thread's other code.
 */
function checkHead(value: unknown): ItemHead {
  if (!isRecord(value) || value.v !== 1) throw new TypeError('not a head of version 1');
  const { mime, parts, properties, propertiesIn } = value;
  if (properties !== undefined && !isRecord(properties)) throw new TypeError('properties are not an object');
  const isHead =
    (propertiesIn === undefined || isTuple(propertiesIn, [isId, isSize])) &&
    (mime === undefined || isMime(mime)) &&
    (parts === undefined || isListOf(parts, isExtraPart));
  if (!isHead) throw new TypeError('a field of the head is not what it must be');
  return value as unknown as ItemHead;
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isId: Check = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
const isSize: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isLineLength: Check = (value) => isSize(value) && (value as number) % 4 === 0;
const isBreak: Check = (value) => value === 0 || value === 1 || value === 2;
const isBit: Check = (value) => value === 0 || value === 1;

const isFacts: Check = (value) =>
  isRecord(value) &&
  isText(value.path) &&
  isText(value.type) &&
  (value.name === undefined || isText(value.name));

/** What follows the kind of an op. */
const opFields: Record<MimeOp[0], readonly Check[]> = {
  t: [isSize],
  b: [isSize, isLineLength, isBreak, isBit],
  o: [isId, isSize],
  e: [isId, isSize, isLineLength, isBreak, isBit, isFacts],
};

const isOp: Check = (value) => {
  if (!Array.isArray(value) || !Object.hasOwn(opFields, value[0])) return false;
  const [kind, ...fields] = value as [MimeOp[0], ...unknown[]];
  const checks = opFields[kind];
  // The facts of a part are only for lists: they may be missing.
  return isTuple(fields, kind === 'e' && fields.length === 5 ? checks.slice(0, 5) : checks);
};

const isMime: Check = (value) =>
  isRecord(value) && isSize(value.size) && isId(value.sha256) && isListOf(value.ops, isOp);

const isExtraPart: Check = (value) =>
  isTuple(value, [isText, isSize, isId, (object) => object === null || isId(object)]);

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isListOf(value: unknown, check: Check): boolean {
  return Array.isArray(value) && value.every((element) => check(element));
}

function isTuple(value: unknown, checks: readonly Check[]): boolean {
  return (
    Array.isArray(value) &&
    value.length === checks.length &&
    checks.every((check, position) => check(value[position]))
  );
}

const REFERENCES_VERSION = 1;

/** Plaintext of a `references` object: version u8 | item id 32 | ids of the objects that the item needs, 32 each. */
export function referencesBytes(item: Uint8Array, objects: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Uint8Array.of(REFERENCES_VERSION), item, ...objects]);
}

export function parseReferences(plain: Buffer): { item: Buffer; objects: Buffer[] } {
  if (plain[0] !== REFERENCES_VERSION || plain.length < 33 || (plain.length - 1) % 32 !== 0) {
    throw itemDamage('its list of objects is not one');
  }
  const ids: Buffer[] = [];
  for (let at = 1; at < plain.length; at += 32) ids.push(plain.subarray(at, at + 32));
  const [item, ...objects] = ids;
  if (!item) throw itemDamage('its list of objects is empty');
  return { item, objects };
}

const RECIPE_VERSION = 1;

/** Plaintext of a `recipe` object: version u8 | size u64 | ids of the segments, 32 each. */
export function recipeBytes(totalSize: number, segments: readonly Uint8Array[]): Buffer {
  const head = Buffer.alloc(9);
  head[0] = RECIPE_VERSION;
  head.writeBigUInt64BE(BigInt(totalSize), 1);
  return Buffer.concat([head, ...segments]);
}

export function parseRecipe(plain: Buffer): { size: number; segments: Buffer[] } {
  if (plain[0] !== RECIPE_VERSION || plain.length < 9 || (plain.length - 9) % 32 !== 0) {
    throw itemDamage('its list of segments is not one');
  }
  const segments: Buffer[] = [];
  for (let at = 9; at < plain.length; at += 32) segments.push(plain.subarray(at, at + 32));
  return { size: Number(plain.readBigUInt64BE(1)), segments };
}

function itemDamage(what: string, cause?: unknown): Damaged {
  return new Damaged(
    'damaged-item',
    `A stored item is damaged: ${what}.`,
    cause === undefined ? {} : { cause },
  );
}
