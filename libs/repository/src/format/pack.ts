import { Damaged } from '../errors.ts';
import type { MasterKeys } from '../keys/masterKeys.ts';
import type { NonceSource } from '../keys/nonceSource.ts';
import { Codec } from './compression.ts';
import { crc32c } from './crc32c.ts';
import { FRAME_HEADER_BYTES, parseFrameHeader } from './frame.ts';
import { isObjectType, type ObjectType, PackKind } from './objectTypes.ts';
import { FOOTER_RECORD, openRecord, sealRecord } from './sealedRecord.ts';

/**
 * Pack = header 32 | frames | footer | trailer 40.
 *
 * header  = "HFPK" | format u8 | kind u8 | flags u16 | repository id 16 | reserved 8
 * footer  = sealed record of 46-byte entries: id 32 | offset u32 | bodyLen u32 | rawLen u32 | type u8 | codec u8
 * trailer = footerOffset u64 | footerLen u32 | entryCount u32 | crc32c u32 (footer, then the 16 bytes before)
 *           | reserved 12 | "HFPKEND1"
 */
export const PACK_HEADER_BYTES = 32;
export const PACK_TRAILER_BYTES = 40;
const ENTRY_BYTES = 46;
const PACK_FORMAT = 1;

export interface PackEntry {
  /** 32 bytes. */
  id: Uint8Array;
  /** Of the frame's first byte in the pack. */
  offset: number;
  bodyLength: number;
  rawLength: number;
  type: ObjectType;
  codec: Codec;
}

export function packHeader(kind: PackKind, repositoryId: string): Buffer {
  const header = Buffer.alloc(PACK_HEADER_BYTES);
  header.write('HFPK', 0, 'latin1');
  header[4] = PACK_FORMAT;
  header[5] = kind;
  header.write(repositoryId, 8, 16, 'hex');
  return header;
}

export function parsePackHeader(bytes: Uint8Array, repositoryId: string): PackKind {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.length < PACK_HEADER_BYTES || view.toString('latin1', 0, 4) !== 'HFPK')
    throw damage('its mark is missing');
  if (view[4] !== PACK_FORMAT) throw damage(`format ${view[4]} is unknown`);
  if (view.toString('hex', 8, 24) !== repositoryId) throw damage('it belongs to another repository');
  const kind = view[5];
  if (kind !== PackKind.data && kind !== PackKind.metadata) throw damage(`kind ${kind} is unknown`);
  return kind;
}

/** Footer and trailer of a pack whose frames end at `footerOffset`. */
export function packEnd(
  entries: readonly PackEntry[],
  footerOffset: number,
  nonces: NonceSource,
  repositoryId: string,
): Buffer {
  const plain = Buffer.allocUnsafe(entries.length * ENTRY_BYTES);
  entries.forEach((entry, index) => {
    const at = index * ENTRY_BYTES;
    plain.set(entry.id, at);
    plain.writeUInt32BE(entry.offset, at + 32);
    plain.writeUInt32BE(entry.bodyLength, at + 36);
    plain.writeUInt32BE(entry.rawLength, at + 40);
    plain[at + 44] = entry.type;
    plain[at + 45] = entry.codec;
  });
  const footer = sealRecord(FOOTER_RECORD, nonces, plain, repositoryId);
  const trailer = Buffer.alloc(PACK_TRAILER_BYTES);
  trailer.writeBigUInt64BE(BigInt(footerOffset), 0);
  trailer.writeUInt32BE(footer.length, 8);
  trailer.writeUInt32BE(entries.length, 12);
  trailer.writeUInt32BE(crc32c(footer, trailer.subarray(0, 16)), 16);
  trailer.write('HFPKEND1', 32, 'latin1');
  return Buffer.concat([footer, trailer]);
}

/** Where the footer lies, from the last 40 bytes of a pack of `packSize` bytes. */
export function parsePackTrailer(
  trailer: Uint8Array,
  packSize: number,
): { footerOffset: number; footerLength: number; entryCount: number; crc: number } {
  const view = Buffer.from(trailer.buffer, trailer.byteOffset, trailer.length);
  if (view.length !== PACK_TRAILER_BYTES || view.toString('latin1', 32, 40) !== 'HFPKEND1') {
    throw damage('its end mark is missing');
  }
  const footerOffset = Number(view.readBigUInt64BE(0));
  const footerLength = view.readUInt32BE(8);
  if (footerOffset < PACK_HEADER_BYTES || footerOffset + footerLength + PACK_TRAILER_BYTES !== packSize) {
    throw damage('its trailer points outside');
  }
  return { footerOffset, footerLength, entryCount: view.readUInt32BE(12), crc: view.readUInt32BE(16) };
}

/** The entries of a footer, checked against the trailer. */
export function parsePackFooter(
  footer: Uint8Array,
  trailer: Uint8Array,
  packSize: number,
  keys: MasterKeys,
  repositoryId: string,
): PackEntry[] {
  const facts = parsePackTrailer(trailer, packSize);
  if (crc32c(footer, trailer.subarray(0, 16)) !== facts.crc)
    throw damage('the checksum of its footer is wrong');
  const plain = openRecord(FOOTER_RECORD, keys, footer, repositoryId);
  if (plain.length !== facts.entryCount * ENTRY_BYTES) throw damage('its footer has a wrong length');
  const entries: PackEntry[] = [];
  for (let at = 0; at < plain.length; at += ENTRY_BYTES) {
    const entry = parseEntry(plain, at);
    if (entry.offset + FRAME_HEADER_BYTES + entry.bodyLength > facts.footerOffset)
      throw damage('an entry points outside');
    entries.push(entry);
  }
  return entries;
}

function parseEntry(plain: Buffer, at: number): PackEntry {
  const type = plain.readUInt8(at + 44);
  const codec = plain.readUInt8(at + 45);
  if (!isObjectType(type)) throw damage(`object type ${type} is unknown`);
  if (codec !== Codec.none && codec !== Codec.zstd) throw damage(`codec ${codec} is unknown`);
  return {
    id: plain.subarray(at, at + 32),
    offset: plain.readUInt32BE(at + 32),
    bodyLength: plain.readUInt32BE(at + 36),
    rawLength: plain.readUInt32BE(at + 40),
    type,
    codec,
  };
}

/** Lists the frames of a pack's bytes by walking them, without footer and without key; stops at the first break. */
export function scanFrames(pack: Uint8Array): PackEntry[] {
  const entries: PackEntry[] = [];
  let offset = PACK_HEADER_BYTES;
  while (offset + FRAME_HEADER_BYTES <= pack.length) {
    let header: ReturnType<typeof parseFrameHeader>;
    try {
      header = parseFrameHeader(pack.subarray(offset));
    } catch (error) {
      // The footer begins here, or the tail is torn: what came before stands.
      if (error instanceof Damaged) break;
      throw error;
    }
    const end = offset + FRAME_HEADER_BYTES + header.bodyLength;
    if (end > pack.length) break;
    const { id, bodyLength, rawLength, type, codec } = header;
    entries.push({ id, offset, bodyLength, rawLength, type, codec });
    offset = end;
  }
  return entries;
}

function damage(what: string): Damaged {
  return new Damaged('damaged-pack', `A pack is damaged: ${what}.`);
}
