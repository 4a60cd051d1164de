import { hash } from 'node:crypto';
import { encodeBase64Lines, encodedLength } from '@holdfast/mime';
import { Damaged } from '../errors.ts';
import { copyBytes } from '../format/copyBytes.ts';
import { FRAME_HEADER_BYTES, openFrame } from '../format/frame.ts';
import type { MimeOp } from '../format/itemObject.ts';
import { ObjectType } from '../format/objectTypes.ts';
import type { MasterKeys } from '../keys/masterKeys.ts';

/** A message of moderate size with everything that it is rebuilt from. */
export interface RebuildRequest {
  ops: readonly MimeOp[];
  inline: Uint8Array;
  /** Sealed frames of the parts, by hex id, each in memory of its own. */
  frames: readonly { id: string; bytes: Uint8Array }[];
  size: number;
  sha256: string;
}

/**
 * The whole message into `target`: parts opened and proven, base64 laid out, SHA-256 compared. What a reading
 * thread does. Throws `Damaged`; then nothing in `target` counts.
 */
export function rebuildMessage(keys: MasterKeys, request: RebuildRequest, target: Uint8Array): void {
  const { frames, inline, ops, sha256, size } = request;
  const inlineBytes = Buffer.from(inline.buffer, inline.byteOffset, inline.length);
  const message = Buffer.from(target.buffer, target.byteOffset, size);
  let from = 0;
  let to = 0;
  for (const op of ops) {
    if (op[0] === 't') {
      to = put(inlineBytes.subarray(from, from + op[1]), message, to);
      from += op[1];
    } else if (op[0] === 'b') {
      const [, length, lineLength, breakBytes, last] = op;
      to = encode(inlineBytes.subarray(from, from + length), lineLength, breakBytes, last, message, to);
      from += length;
    } else {
      const plain = openPart(keys, frames, op[1]);
      if (op[0] === 'o') to = put(plain, message, to);
      else to = encode(plain, op[3], op[4], op[5], message, to);
    }
  }
  if (to !== size || hash('sha256', message, 'hex') !== sha256) {
    throw new Damaged('damaged-item', 'A stored message does not hash to what was stored.');
  }
}

function put(bytes: Uint8Array, target: Buffer, at: number): number {
  if (at + bytes.length > target.length) throw tooLong();
  copyBytes(bytes, target, at);
  return at + bytes.length;
}

function tooLong(): Damaged {
  return new Damaged('damaged-item', 'A stored message is longer than it says.');
}

function openPart(keys: MasterKeys, frames: RebuildRequest['frames'], id: string): Buffer {
  const frame = frames.find((candidate) => candidate.id === id)?.bytes;
  if (!frame) throw new Damaged('object-missing', `Object ${id.slice(0, 16)}… was not given.`);
  const { header, plain } = openFrame(
    keys,
    frame,
    frame.subarray(FRAME_HEADER_BYTES),
    Buffer.from(id, 'hex'),
    'lent',
  );
  if (header.type !== ObjectType.part) throw new Damaged('damaged-item', 'A content is not a part.');
  return plain;
}

function encode(
  plain: Buffer,
  lineLength: number,
  breakBytes: number,
  last: number,
  target: Buffer,
  at: number,
): number {
  const layout = {
    lineLength,
    breakBytes: breakBytes === 2 ? (2 as const) : breakBytes === 1 ? (1 as const) : (0 as const),
    finalBreak: last === 1,
  };
  const length = encodedLength(plain.length, layout);
  if (at + length > target.length) throw tooLong();
  return at + encodeBase64Lines(plain, 0, plain.length, layout, target, at);
}
