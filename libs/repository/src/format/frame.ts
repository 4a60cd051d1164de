import { createCipheriv, createDecipheriv, timingSafeEqual } from 'node:crypto';
import { Damaged } from '../errors.ts';
import type { MasterKeys } from '../keys/masterKeys.ts';
import type { NonceSource } from '../keys/nonceSource.ts';
import { Codec, compressIfWorth, decompress, decompressLent, inflatesTo } from './compression.ts';
import { cryptInto } from './crypt.ts';
import { isObjectType, largestPlaintext, nameOfType, type ObjectType } from './objectTypes.ts';
import { Scratch } from './scratch.ts';

/**
 * A frame is one sealed object:
 *
 *   "HFFR" | version u8 | type u8 | keyGen u8 | codec u8 | id 32 | rawLen u32 | bodyLen u32
 *   | salt 16 | nonce 12 | tag 16 | body
 *
 * The associated data is every header byte before the tag. Neither pack nor offset is in it, so frames move
 * between packs without the key.
 */
export const FRAME_HEADER_BYTES = 92;
const AAD_BYTES = 76;
export const FRAME_MAGIC = Buffer.from('HFFR', 'latin1');
export const FRAME_VERSION = 1;
/** zstd may grow what it cannot shrink, but then the codec is `none`: a body is never longer than its plaintext. */

export interface FrameHeader {
  type: ObjectType;
  keyGeneration: number;
  codec: Codec;
  id: Buffer;
  rawLength: number;
  bodyLength: number;
  salt: Buffer;
  nonce: Buffer;
  tag: Buffer;
}

/** Reads and checks a header. Throws `Damaged` for anything that no writer can have written. */
export function parseFrameHeader(bytes: Uint8Array): FrameHeader {
  if (bytes.length < FRAME_HEADER_BYTES) throw frameDamage('it is shorter than a frame header');
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.compare(FRAME_MAGIC, 0, 4, 0, 4) !== 0) throw frameDamage('the frame mark is missing');
  if (view[4] !== FRAME_VERSION) throw frameDamage(`version ${view[4]} is unknown`);
  const type = view.readUInt8(5);
  const codec = view.readUInt8(7);
  if (!isObjectType(type)) throw frameDamage(`object type ${type} is unknown`);
  if (codec !== Codec.none && codec !== Codec.zstd) throw frameDamage(`codec ${codec} is unknown`);
  const rawLength = view.readUInt32BE(40);
  const bodyLength = view.readUInt32BE(44);
  if (rawLength > largestPlaintext(type))
    throw frameDamage(`${rawLength} bytes are too many for a ${nameOfType(type)}`);
  if (codec === Codec.none ? bodyLength !== rawLength : bodyLength >= rawLength) {
    throw frameDamage('its lengths contradict each other');
  }
  return {
    type,
    codec,
    rawLength,
    bodyLength,
    keyGeneration: view.readUInt8(6),
    id: view.subarray(8, 40),
    salt: view.subarray(48, 64),
    nonce: view.subarray(64, 76),
    tag: view.subarray(76, 92),
  };
}

/** An object to seal. */
export interface SealInput {
  type: ObjectType;
  id: Uint8Array;
  plain: Buffer;
}

/** The most bytes that the frame of `plain` can have. */
export function mostFrameBytes(plain: Uint8Array): number {
  return FRAME_HEADER_BYTES + plain.length;
}

/**
 * Seals one object into `target` at `start`, then opens what lies there and compares it with the plaintext:
 * what reaches the storage has been proven readable. `target` has room for `mostFrameBytes`.
 */
export function sealFrame(
  keys: MasterKeys,
  nonces: NonceSource,
  { id, plain, type }: SealInput,
  zstdLevel: number,
  target: Buffer,
  start: number,
): { bodyLength: number; codec: Codec } {
  const packed = compressIfWorth(plain, zstdLevel);
  const codec = packed ? Codec.zstd : Codec.none;
  const content = packed ?? plain;
  const bodyLength = content.length;
  const { key, salt, nonce } = nonces.next(bodyLength);
  const header = target.subarray(start, start + FRAME_HEADER_BYTES);
  FRAME_MAGIC.copy(header, 0);
  header[4] = FRAME_VERSION;
  header[5] = type;
  header[6] = nonces.generation;
  header[7] = codec;
  header.set(id, 8);
  header.writeUInt32BE(plain.length, 40);
  header.writeUInt32BE(bodyLength, 44);
  header.set(salt, 48);
  header.set(nonce, 64);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(header.subarray(0, AAD_BYTES));
  cryptInto(cipher, content, target, start + FRAME_HEADER_BYTES);
  cipher.final();
  cipher.getAuthTag().copy(header, AAD_BYTES);
  proveFrame(keys, target.subarray(start, start + FRAME_HEADER_BYTES + bodyLength), id, plain);
  return { bodyLength, codec };
}

const opened = new Scratch();

/** The self-check: decrypt, inflate, compare every byte. Throws `Damaged`. */
function proveFrame(keys: MasterKeys, frame: Buffer, id: Uint8Array, plain: Buffer): void {
  const body = frame.subarray(FRAME_HEADER_BYTES);
  const header = checkedHeader(frame, body, id);
  const content = opened.take(body.length);
  decryptInto(keys, header, frame, body, content);
  const isSame =
    header.codec === Codec.none ? plain.equals(content) : inflating(() => inflatesTo(content, plain));
  if (!isSame || header.rawLength !== plain.length)
    throw frameDamage('what was sealed does not open to what it was');
}

/**
 * Decrypts, inflates and re-hashes. Throws `Damaged` whatever is wrong; never returns bytes that do not hash
 * to the id in the header, or to `expectedId` when given. What is `lent` is valid until the next frame is opened.
 */
export function openFrame(
  keys: MasterKeys,
  headerBytes: Uint8Array,
  body: Uint8Array,
  expectedId?: Uint8Array,
  memory: 'own' | 'lent' = 'own',
): { header: FrameHeader; plain: Buffer } {
  const header = checkedHeader(headerBytes, body, expectedId);
  const isPacked = header.codec === Codec.zstd;
  const isLent = isPacked || memory === 'lent';
  const content = isLent ? opened.take(body.length) : Buffer.allocUnsafeSlow(body.length);
  decryptInto(keys, header, headerBytes, body, content);
  const inflate = memory === 'lent' ? decompressLent : decompress;
  const plain = isPacked ? inflating(() => inflate(content, header.rawLength)) : content;
  if (!keys.objectId(header.type, plain).equals(header.id))
    throw frameDamage('its bytes do not hash to its id');
  return { header, plain };
}

function checkedHeader(
  headerBytes: Uint8Array,
  body: Uint8Array,
  expectedId: Uint8Array | undefined,
): FrameHeader {
  const header = parseFrameHeader(headerBytes);
  if (body.length !== header.bodyLength) throw frameDamage('its body is cut off');
  if (expectedId && !timingSafeEqual(header.id, expectedId))
    throw frameDamage('another object lies in its place');
  return header;
}

/** The content is that of the header, but may still be compressed; nothing of it counts when this throws. */
function decryptInto(
  keys: MasterKeys,
  header: FrameHeader,
  headerBytes: Uint8Array,
  body: Uint8Array,
  target: Buffer,
): void {
  try {
    const key = keys.derive('frame', header.keyGeneration, header.salt);
    const decipher = createDecipheriv('aes-256-gcm', key, header.nonce);
    decipher.setAAD(headerBytes.subarray(0, AAD_BYTES));
    decipher.setAuthTag(header.tag);
    cryptInto(decipher, body, target, 0);
    decipher.final();
  } catch (error) {
    throw frameDamage('it does not decrypt', error);
  }
}

function inflating<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw frameDamage('it does not inflate', error);
  }
}

function frameDamage(what: string, cause?: unknown): Damaged {
  return new Damaged(
    'damaged-frame',
    `A stored object is damaged: ${what}.`,
    cause === undefined ? {} : { cause },
  );
}
