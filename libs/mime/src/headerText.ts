/** Decodes bytes of a named character set; an unknown set is read as UTF-8 where that fits, else as latin1. */
export function decodeBytes(bytes: Uint8Array, charset: string): string {
  const decoded = tryDecode(bytes, charset.trim().toLowerCase()) ?? tryDecode(bytes, 'utf-8');
  return decoded ?? Buffer.from(bytes).toString('latin1');
}

// To make a decoder takes longer than to decode a file name.
const UTF8 = new TextDecoder('utf-8', { fatal: true });

function tryDecode(bytes: Uint8Array, charset: string): string | undefined {
  try {
    return (charset === 'utf-8' ? UTF8 : new TextDecoder(charset, { fatal: true })).decode(bytes);
  } catch {
    // Unknown name or bytes that are none of the set: the caller has the next choice.
    return undefined;
  }
}

const PRINTABLE = /^[ -~]*$/;

const WORD = /=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=/g;

/** RFC 2047 encoded words in a header text; text that is none is kept, raw 8-bit text is read as UTF-8. */
export function decodeWords(text: string): string {
  if (!text.includes('=?') && PRINTABLE.test(text)) return text;
  const joined = text.replaceAll(/(\?=)\s+(=\?)/g, '$1$2');
  const decoded = joined.replaceAll(WORD, (_, charset: string, kind: string, content: string) =>
    decodeBytes(wordBytes(kind, content), charset.split('*')[0] ?? ''),
  );
  if (decoded !== joined) return decoded;
  // Raw 8-bit text arrives as latin1; letters beyond that were decoded by somebody else.
  const isRaw8Bit = /[\u0080-\u00ff]/.test(text) && !/[\u0100-\uffff]/.test(text);
  return isRaw8Bit ? decodeBytes(Buffer.from(text, 'latin1'), 'utf-8') : text;
}

function wordBytes(kind: string, content: string): Buffer {
  if (kind === 'b' || kind === 'B') return Buffer.from(content, 'base64');
  const plain = content
    .replaceAll('_', ' ')
    .replaceAll(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(plain, 'latin1');
}
