import { createCipheriv, createDecipheriv } from 'node:crypto';
import { type DamageCode, Damaged } from '../errors.ts';
import type { KeyPurpose, MasterKeys } from '../keys/masterKeys.ts';
import type { NonceSource } from '../keys/nonceSource.ts';
import { Codec, compress, decompress } from './compression.ts';

/**
 * The envelope of index segments, restore-point manifests and pack footers:
 *
 *   magic 4 | version u8 | keyGen u8 | codec u8 | reserved u8 | rawLen u32 | bodyLen u32
 *   | salt 16 | nonce 12 | tag 16 | body
 *
 * Associated data: the header before the tag, then the context (the manifest's name, the repository's id):
 * a record put in another's place does not open.
 */
export const RECORD_HEADER_BYTES = 60;
const AAD_BYTES = 44;
const RECORD_VERSION = 1;

export interface RecordKind {
  magic: 'HFIX' | 'HFMF' | 'HFFT';
  purpose: KeyPurpose;
  damage: DamageCode;
  /** Bytes; a reader refuses more before it allocates. */
  largest: number;
}

const MIB = 1024 * 1024;
export const SEGMENT_RECORD: RecordKind = {
  magic: 'HFIX',
  purpose: 'segment',
  damage: 'damaged-segment',
  largest: 256 * MIB,
};
export const MANIFEST_RECORD: RecordKind = {
  magic: 'HFMF',
  purpose: 'manifest',
  damage: 'damaged-manifest',
  largest: 64 * MIB,
};
export const FOOTER_RECORD: RecordKind = {
  magic: 'HFFT',
  purpose: 'footer',
  damage: 'damaged-pack',
  largest: 64 * MIB,
};

export function sealRecord(
  kind: RecordKind,
  nonces: NonceSource,
  plain: Uint8Array,
  context: string,
): Buffer {
  const content = compress(plain, 3);
  const { key, salt, nonce } = nonces.next(content.length);
  const header = Buffer.alloc(RECORD_HEADER_BYTES);
  header.write(kind.magic, 0, 'latin1');
  header[4] = RECORD_VERSION;
  header[5] = nonces.generation;
  header[6] = Codec.zstd;
  header.writeUInt32BE(plain.length, 8);
  header.writeUInt32BE(content.length, 12);
  header.set(salt, 16);
  header.set(nonce, 32);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.concat([header.subarray(0, AAD_BYTES), Buffer.from(context, 'utf8')]));
  const body = cipher.update(content);
  cipher.final();
  cipher.getAuthTag().copy(header, AAD_BYTES);
  return Buffer.concat([header, body]);
}

export function openRecord(kind: RecordKind, keys: MasterKeys, bytes: Uint8Array, context: string): Buffer {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.length < RECORD_HEADER_BYTES) throw damage(kind, 'it is cut off');
  if (view.toString('latin1', 0, 4) !== kind.magic) throw damage(kind, 'its mark is missing');
  if (view[4] !== RECORD_VERSION) throw damage(kind, `version ${view[4]} is unknown`);
  if (view[6] !== Codec.zstd || view[7] !== 0) throw damage(kind, 'its header is not one a writer makes');
  const rawLength = view.readUInt32BE(8);
  if (rawLength > kind.largest) throw damage(kind, `${rawLength} bytes are too many`);
  if (view.readUInt32BE(12) !== view.length - RECORD_HEADER_BYTES) throw damage(kind, 'its length is wrong');
  try {
    const key = keys.derive(kind.purpose, view.readUInt8(5), view.subarray(16, 32));
    const decipher = createDecipheriv('aes-256-gcm', key, view.subarray(32, 44));
    decipher.setAAD(Buffer.concat([view.subarray(0, AAD_BYTES), Buffer.from(context, 'utf8')]));
    decipher.setAuthTag(view.subarray(AAD_BYTES, RECORD_HEADER_BYTES));
    const content = decipher.update(view.subarray(RECORD_HEADER_BYTES));
    decipher.final();
    return decompress(content, rawLength);
  } catch (error) {
    throw damage(kind, 'it does not decrypt or inflate', error);
  }
}

function damage(kind: RecordKind, what: string, cause?: unknown): Damaged {
  const name = { HFIX: 'index segment', HFMF: 'restore-point manifest', HFFT: 'pack footer' }[kind.magic];
  return new Damaged(
    kind.damage,
    `A stored ${name} is damaged: ${what}.`,
    cause === undefined ? {} : { cause },
  );
}
