/** Decodes contents that come in pieces. Nothing throws: what is no encoding is left out or passed on. */
export interface TransferDecoder {
  push(chunk: Uint8Array): Buffer;
  end(): Buffer;
}

/** The decoder of a Content-Transfer-Encoding; unknown names pass the bytes on. */
export function transferDecoder(encoding: string): TransferDecoder {
  const name = encoding.trim().toLowerCase();
  if (name === 'base64') return new Base64Decoder();
  if (name === 'quoted-printable') return new QuotedPrintableDecoder();
  return { push: (chunk) => Buffer.from(chunk), end: () => Buffer.alloc(0) };
}

/** Decodes a stream; pieces of the answer are as large as those of the input at most. */
export async function* decodeTransfer(
  encoding: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncIterable<Buffer> {
  const decoder = transferDecoder(encoding);
  for await (const chunk of chunks) {
    const plain = decoder.push(chunk);
    if (plain.length > 0) yield plain;
  }
  const rest = decoder.end();
  if (rest.length > 0) yield rest;
}

const PAD = 61;

/** Base64; letters of other alphabets and white space are skipped, padding in the middle begins anew. */
export class Base64Decoder implements TransferDecoder {
  /** Letters that are not a group of four yet. */
  #carry = '';

  push(chunk: Uint8Array): Buffer {
    const letters = this.#carry + lettersOf(chunk);
    const groups: Buffer[] = [];
    let start = 0;
    for (let pad = letters.indexOf('='); pad >= 0; pad = letters.indexOf('=', start)) {
      groups.push(Buffer.from(letters.slice(start, pad), 'base64'));
      start = pad + 1;
    }
    const whole = start + Math.floor((letters.length - start) / 4) * 4;
    groups.push(Buffer.from(letters.slice(start, whole), 'base64'));
    this.#carry = letters.slice(whole);
    return groups.length === 1 && groups[0] ? groups[0] : Buffer.concat(groups);
  }

  end(): Buffer {
    const rest = this.#carry;
    this.#carry = '';
    return Buffer.from(rest, 'base64');
  }
}

function lettersOf(chunk: Uint8Array): string {
  const kept = Buffer.allocUnsafe(chunk.length);
  let size = 0;
  for (let at = 0; at < chunk.length; at++) {
    const byte = chunk[at] ?? 0;
    const isLetter = (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || (byte >= 48 && byte <= 57);
    if (isLetter || byte === 43 || byte === 47 || byte === PAD) kept[size++] = byte;
  }
  return kept.toString('latin1', 0, size);
}

const LF = 10;
const CR = 13;
/** White space before a line break is kept back until it is known whether the line ends there. */
const MOST_HELD_BACK = 1024;

/** Quoted-printable (RFC 2045); what is no escape stays as it is. */
export class QuotedPrintableDecoder implements TransferDecoder {
  #carry = Buffer.alloc(0);

  push(chunk: Uint8Array): Buffer {
    const bytes = Buffer.concat([this.#carry, chunk]);
    const usable = endOfCertain(bytes);
    this.#carry = Buffer.from(bytes.subarray(usable));
    return decodeQuoted(bytes.subarray(0, usable));
  }

  end(): Buffer {
    const rest = this.#carry;
    this.#carry = Buffer.alloc(0);
    return decodeQuoted(rest);
  }
}

/** Keeps back what may be the beginning of an escape, a soft line break or trailing white space. */
function endOfCertain(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && bytes.length - end < MOST_HELD_BACK && isBlank(bytes[end - 1])) end--;
  if (end > 0 && bytes[end - 1] === PAD) return end - 1;
  if (end === bytes.length && end > 1 && bytes[end - 2] === PAD) return end - 2;
  return end;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 32 || byte === 9 || byte === CR;
}

function decodeQuoted(bytes: Buffer): Buffer {
  const plain = Buffer.allocUnsafe(bytes.length);
  let size = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === PAD) {
      const soft = softBreakLength(bytes, at + 1);
      const value = soft > 0 ? -1 : hexValue(bytes[at + 1]) * 16 + hexValue(bytes[at + 2]);
      if (soft > 0) at += soft;
      else if (value >= 0) {
        plain[size++] = value;
        at += 2;
      } else plain[size++] = byte;
    } else if (byte === 32 || byte === 9) {
      const blanks = blanksBeforeBreak(bytes, at);
      if (blanks > 0) at += blanks - 1;
      else plain[size++] = byte;
    } else plain[size++] = byte;
  }
  return plain.subarray(0, size);
}

/** Length of white space and line break after `=`, or 0 when the line goes on. */
function softBreakLength(bytes: Buffer, start: number): number {
  let at = start;
  while (at < bytes.length && isBlank(bytes[at])) at++;
  if (at === bytes.length) return at - start || (start === bytes.length ? 1 : 0);
  return bytes[at] === LF ? at + 1 - start : 0;
}

/** White space at a line's end is no content (RFC 2045, 6.7 rule 3). */
function blanksBeforeBreak(bytes: Buffer, start: number): number {
  let at = start;
  while (at < bytes.length && (bytes[at] === 32 || bytes[at] === 9)) at++;
  const next = bytes[at] === CR ? bytes[at + 1] : bytes[at];
  return next === LF ? at - start : 0;
}

/** Far below zero when it is no digit, so that the sum of two is negative. */
function hexValue(byte: number | undefined): number {
  if (byte === undefined) return -1000;
  if (byte >= 48 && byte <= 57) return byte - 48;
  if (byte >= 65 && byte <= 70) return byte - 55;
  if (byte >= 97 && byte <= 102) return byte - 87;
  return -1000;
}
