import { randomUUID } from 'node:crypto';

/** A piece of JSON text; bytes are UTF-8. */
export type JsonPiece = string | Buffer;

const mark = randomUUID();
const quotedMark = `"${mark}"`;
let met: JsonText[] | undefined;

/** A value that is at hand as JSON text: it goes into an answer without being escaped and encoded again. */
export class JsonText {
  readonly pieces: readonly JsonPiece[];

  constructor(pieces: readonly JsonPiece[]) {
    this.pieces = pieces;
  }

  toJSON(): unknown {
    if (met === undefined) return JSON.parse(joined(this.pieces).toString());
    met.push(this);
    return mark;
  }
}

/** The JSON text of a value; texts that are at hand are in it as they are. */
function piecesOf(value: unknown): JsonPiece[] {
  const texts: JsonText[] = [];
  met = texts;
  let text: string;
  try {
    text = JSON.stringify(value);
  } finally {
    met = undefined;
  }
  if (texts.length === 0) return [text];
  const pieces: JsonPiece[] = [];
  for (const [at, piece] of text.split(quotedMark).entries())
    pieces.push(piece, ...(texts[at]?.pieces ?? []));
  return pieces;
}

/** One buffer with room for the longest UTF-8 of the strings: measuring them costs more than the room. */
function joined(pieces: readonly JsonPiece[]): Buffer {
  let room = 0;
  for (const piece of pieces) room += typeof piece === 'string' ? piece.length * 3 : piece.length;
  const bytes = Buffer.allocUnsafe(room);
  let at = 0;
  for (const piece of pieces)
    at += typeof piece === 'string' ? bytes.write(piece, at) : piece.copy(bytes, at);
  return bytes.subarray(0, at);
}

/** The JSON text of a value, UTF-8. */
export function jsonBytes(value: unknown): Buffer {
  const pieces = piecesOf(value);
  const [only] = pieces;
  return pieces.length === 1 && typeof only === 'string' ? Buffer.from(only) : joined(pieces);
}

/** Writes the text of an object member by member; with many members that is half the work of making the object. */
export class JsonMembers {
  readonly #pieces: JsonPiece[] = [];
  #text = '';

  /** Each name once, and none that needs escaping. What is undefined is left out, as JSON does. */
  add(name: string, value: unknown): void {
    if (value === undefined) return;
    this.#text += `${this.#text === '' && this.#pieces.length === 0 ? '{' : ','}"${name}":`;
    if (typeof value !== 'object') this.#text += JSON.stringify(value);
    else for (const piece of piecesOf(value)) this.#append(piece);
  }

  end(): JsonText {
    this.#append(this.#text === '' && this.#pieces.length === 0 ? '{}' : '}');
    return new JsonText([...this.#pieces, this.#text]);
  }

  #append(piece: JsonPiece): void {
    if (typeof piece === 'string') {
      this.#text += piece;
      return;
    }
    this.#pieces.push(this.#text, piece);
    this.#text = '';
  }
}
