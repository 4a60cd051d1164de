import { Damaged } from '../errors.ts';
import { Codec } from './compression.ts';
import { packName, parsePackName, parseSegmentName, segmentName } from './names.ts';
import { isObjectType, type ObjectType, PackKind } from './objectTypes.ts';

/**
 * Plaintext of an index segment:
 *
 *   version u8 | level u8 | reserved u16 | packCount u32 | entryCount u32 | replacesCount u32
 *   | packs of 49 bytes: sha256 32 | session8 4 | kind u8 | size u32 | createdAt u32 (s) | reserved 4
 *   | entries of 49 bytes, ascending by id then pack: id 32 | pack u32 | offset u32 | bodyLen u32 | rawLen u32 | flags u8
 *   | replaces of 33 bytes: level u8 | sha256 32
 *
 * flags = type | codec << 4. A segment lists whole packs only.
 */
const HEAD_BYTES = 16;
const PACK_BYTES = 49;
const ENTRY_BYTES = 49;
const REPLACES_BYTES = 33;
const SEGMENT_VERSION = 1;

export interface SegmentPack {
  name: string;
  size: number;
  /** Seconds since 1970. */
  createdAt: number;
}

export interface SegmentEntry {
  id: Uint8Array;
  /** Position in `packs`. */
  pack: number;
  offset: number;
  bodyLength: number;
  rawLength: number;
  type: ObjectType;
  codec: Codec;
}

export interface Segment {
  level: number;
  packs: SegmentPack[];
  entries: SegmentEntry[];
  /** Names of segments that this one makes void. */
  replaces: string[];
}

export function segmentBytes(segment: Segment): Buffer {
  const { level, packs, replaces } = segment;
  const entries = [...segment.entries].sort((a, b) => Buffer.compare(a.id, b.id) || a.pack - b.pack);
  const size = packs.length * PACK_BYTES + entries.length * ENTRY_BYTES + replaces.length * REPLACES_BYTES;
  const bytes = Buffer.alloc(HEAD_BYTES + size);
  bytes[0] = SEGMENT_VERSION;
  bytes[1] = level;
  bytes.writeUInt32BE(packs.length, 4);
  bytes.writeUInt32BE(entries.length, 8);
  bytes.writeUInt32BE(replaces.length, 12);
  let at = HEAD_BYTES;
  for (const pack of packs) at = writePack(bytes, at, pack);
  for (const entry of entries) {
    bytes.set(entry.id, at);
    bytes.writeUInt32BE(entry.pack, at + 32);
    bytes.writeUInt32BE(entry.offset, at + 36);
    bytes.writeUInt32BE(entry.bodyLength, at + 40);
    bytes.writeUInt32BE(entry.rawLength, at + 44);
    bytes[at + 48] = entry.type | (entry.codec << 4);
    at += ENTRY_BYTES;
  }
  for (const name of replaces) {
    const parts = parseSegmentName(name);
    if (!parts) throw new TypeError(`${name} is not the name of a segment`);
    bytes[at] = parts.level;
    bytes.write(parts.sha256, at + 1, 32, 'hex');
    at += REPLACES_BYTES;
  }
  return bytes;
}

function writePack(bytes: Buffer, at: number, pack: SegmentPack): number {
  const parts = parsePackName(pack.name);
  if (!parts) throw new TypeError(`${pack.name} is not the name of a pack`);
  bytes.write(parts.sha256, at, 32, 'hex');
  bytes.write(parts.session8, at + 32, 4, 'hex');
  bytes[at + 36] = parts.kind;
  bytes.writeUInt32BE(pack.size, at + 37);
  bytes.writeUInt32BE(pack.createdAt, at + 41);
  return at + PACK_BYTES;
}

/** Throws `Damaged` (`damaged-segment`) for what no writer makes. */
export function parseSegment(bytes: Buffer): Segment {
  if (bytes.length < HEAD_BYTES || bytes[0] !== SEGMENT_VERSION) throw damage('its version is unknown');
  const packCount = bytes.readUInt32BE(4);
  const entryCount = bytes.readUInt32BE(8);
  const replacesCount = bytes.readUInt32BE(12);
  const size = packCount * PACK_BYTES + entryCount * ENTRY_BYTES + replacesCount * REPLACES_BYTES;
  if (bytes.length !== HEAD_BYTES + size) throw damage('its lengths contradict each other');
  let at = HEAD_BYTES;
  const packs: SegmentPack[] = [];
  for (let n = 0; n < packCount; n++, at += PACK_BYTES) packs.push(readPack(bytes, at));
  const entries: SegmentEntry[] = [];
  for (let n = 0; n < entryCount; n++, at += ENTRY_BYTES) entries.push(readEntry(bytes, at, packCount));
  const replaces: string[] = [];
  for (let n = 0; n < replacesCount; n++, at += REPLACES_BYTES) {
    replaces.push(segmentName(bytes.readUInt8(at), bytes.toString('hex', at + 1, at + 33)));
  }
  return { level: bytes.readUInt8(1), packs, entries, replaces };
}

function readPack(bytes: Buffer, at: number): SegmentPack {
  const kind = bytes.readUInt8(at + 36);
  if (kind !== PackKind.data && kind !== PackKind.metadata) throw damage(`kind of pack ${kind} is unknown`);
  const sha256 = bytes.toString('hex', at, at + 32);
  const session8 = bytes.toString('hex', at + 32, at + 36);
  return {
    name: packName({ sha256, session8, kind }),
    size: bytes.readUInt32BE(at + 37),
    createdAt: bytes.readUInt32BE(at + 41),
  };
}

function readEntry(bytes: Buffer, at: number, packCount: number): SegmentEntry {
  const pack = bytes.readUInt32BE(at + 32);
  if (pack >= packCount) throw damage('an entry names a pack that is not listed');
  const flags = bytes.readUInt8(at + 48);
  const type = flags & 15;
  const codec = flags >> 4;
  if (!isObjectType(type)) throw damage(`object type ${type} is unknown`);
  if (codec !== Codec.none && codec !== Codec.zstd) throw damage(`codec ${codec} is unknown`);
  return {
    id: bytes.subarray(at, at + 32),
    pack,
    offset: bytes.readUInt32BE(at + 36),
    bodyLength: bytes.readUInt32BE(at + 40),
    rawLength: bytes.readUInt32BE(at + 44),
    type,
    codec,
  };
}

function damage(what: string): Damaged {
  return new Damaged('damaged-segment', `An index segment is damaged: ${what}.`);
}
