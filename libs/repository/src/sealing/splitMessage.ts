import {
  decodeBase64Run,
  encodedLength,
  findBase64Run,
  type MimePart,
  scanMime,
  walkParts,
} from '@holdfast/mime';
import type { MimeOp, PartFacts } from '../format/itemObject.ts';
import type { Arena } from './arena.ts';

/** A message cut into what is stored inline and what becomes objects of its own. */
export interface SplitMessage {
  /** Ops whose object ids are still positions in `contents`. */
  pieces: SplitPiece[];
}

export type SplitPiece =
  | { kind: 'text'; bytes: Buffer }
  | { kind: 'decoded'; bytes: Buffer; layout: Layout; facts: PartFacts };

interface Layout {
  lineLength: number;
  breakBytes: 0 | 1 | 2;
  finalBreak: boolean;
}

/** Text shorter than this is not worth an op of its own. */
const LEAST_DECODED_BYTES = 128;

/**
 * Decodes each base64 content that an encoder can have made; everything else stays text. Each decoded piece
 * has been encoded again and compared, and at last the whole message is rebuilt and compared, so the result
 * is byte-exact or it is the message as one text.
 */
export function splitMessage(mime: Buffer, arena: Arena): SplitMessage {
  const pieces: SplitPiece[] = [];
  let textStart = 0;
  for (const part of walkParts(scanMime(mime))) {
    if (part.children.length > 0 || part.transferEncoding !== 'base64') continue;
    if (part.body.start < textStart) continue;
    const run = findBase64Run(mime, part.body.start, part.body.end);
    if (!run || run.decodedLength < LEAST_DECODED_BYTES) continue;
    // Room for the characters a lenient decoder may write beyond the proven length.
    const target = arena.take(run.decodedLength + 8);
    if (!decodeBase64Run(mime, part.body.start, run, target, 0)) continue;
    if (part.body.start > textStart)
      pieces.push({ kind: 'text', bytes: mime.subarray(textStart, part.body.start) });
    const { lineLength, breakBytes, finalBreak } = run;
    pieces.push({
      kind: 'decoded',
      bytes: target.subarray(0, run.decodedLength),
      layout: { lineLength, breakBytes, finalBreak },
      facts: partFacts(part),
    });
    textStart = run.end;
  }
  if (textStart < mime.length) pieces.push({ kind: 'text', bytes: mime.subarray(textStart) });
  return { pieces: rebuildsTo(mime, pieces) ? pieces : [{ kind: 'text', bytes: mime }] };
}

export function partFacts(part: MimePart): PartFacts {
  const name = part.fileName?.slice(0, 255);
  const type = part.contentType.slice(0, 127);
  // Keys in canonical order: the head of the item is written as these lie here.
  return name ? { name, path: part.path, type } : { path: part.path, type };
}

/** The op of a decoded piece: inline when `object` is undefined. */
export function decodedOp(
  piece: { bytes: { length: number }; layout: Layout; facts: PartFacts },
  object: string | undefined,
): MimeOp {
  const { lineLength, breakBytes, finalBreak } = piece.layout;
  const last = finalBreak ? 1 : 0;
  return object === undefined
    ? ['b', piece.bytes.length, lineLength, breakBytes, last]
    : ['e', object, piece.bytes.length, lineLength, breakBytes, last, piece.facts];
}

/** Decoded pieces were compared when they were decoded; here the places are: nothing missing, nothing twice. */
function rebuildsTo(mime: Buffer, pieces: readonly SplitPiece[]): boolean {
  let at = 0;
  for (const piece of pieces) {
    if (piece.kind === 'decoded') at += encodedLength(piece.bytes.length, piece.layout);
    else {
      if (mime.compare(piece.bytes, 0, piece.bytes.length, at, at + piece.bytes.length) !== 0) return false;
      at += piece.bytes.length;
    }
  }
  return at === mime.length;
}
