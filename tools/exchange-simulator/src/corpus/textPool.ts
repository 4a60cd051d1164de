import { Random } from '../random.ts';
import { paragraphSource } from './paragraphs.ts';

/**
 * Text for message bodies, built once per process: a message's body is two slices of it (the same paragraphs as
 * plain text and as HTML), so that generating a body is two copies. The pool is large against the window of any
 * compressor, so messages differ from each other as real ones do; alone they compress about four times.
 */
export interface TextPool {
  /** Number of paragraphs. */
  readonly paragraphs: number;
  /** Encoded plain text, as it stands in the MIME part. */
  readonly text: Buffer;
  readonly textOffsets: Uint32Array;
  /** Encoded HTML, as it stands in the MIME part. */
  readonly html: Buffer;
  readonly htmlOffsets: Uint32Array;
  /** The transfer encoding of both. */
  readonly encoding: '7bit' | 'quoted-printable';
  /** Decoded HTML and text of paragraphs [from, to). */
  decodedHtml(from: number, to: number): string;
  decodedText(from: number, to: number): string;
  /** The same as it stands inside a JSON string, UTF-8. */
  json(form: 'html' | 'text', from: number, to: number): Buffer;
}

const STYLES = [
  '<p class="MsoNormal" style="margin:0cm 0cm 8pt;line-height:107%;font-size:11pt;font-family:Calibri,sans-serif">',
  '<p style="margin:0 0 10px 0;font-family:Arial,Helvetica,sans-serif;font-size:14px;line-height:1.5;color:#333333;mso-fareast-language:EN-US">',
  '<div style="padding:4px 0;font-family:&quot;Segoe UI&quot;,Tahoma,sans-serif;font-size:10.5pt"><span lang="EN-GB">',
];
const CLOSES = [
  '<o:p></o:p></p>\r\n<p class="MsoNormal" style="margin:0cm 0cm 8pt;line-height:107%;font-size:11pt"><o:p>&nbsp;</o:p></p>\r\n',
  '</p>\r\n<p style="margin:0 0 10px 0;font-family:Arial,Helvetica,sans-serif;font-size:14px">&nbsp;</p>\r\n',
  '</span></div>\r\n<div style="padding:4px 0"><br class="Apple-interchange-newline"></div>\r\n',
];
const QUOTED: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const plain = byte >= 32 && byte < 127 && byte !== 61;
  return plain ? String.fromCharCode(byte) : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
});

/** Quoted-printable of one line of text, with soft breaks (RFC 2045 section 6.7). */
export function quotedPrintable(line: string): string {
  let out = '';
  let width = 0;
  for (const byte of Buffer.from(line)) {
    const token = QUOTED[byte] ?? '';
    if (width + token.length > 72) {
      out += '=\r\n';
      width = 0;
    }
    out += token;
    width += token.length;
  }
  return out.endsWith(' ') ? `${out.slice(0, -1)}=20` : out;
}

const encodeLines = (text: string) => text.split('\r\n').map(quotedPrintable).join('\r\n');

function offsets(parts: readonly { length: number }[]): Uint32Array {
  const result = new Uint32Array(parts.length + 1);
  let sum = 0;
  parts.forEach((part, index) => {
    sum += part.length;
    result[index + 1] = sum;
  });
  return result;
}

/** The byte that stands behind a backslash for this one inside a JSON string; 0 where there is none. */
const ESCAPES = new Uint8Array(256);
for (const [plain, after] of ['""', '\\\\', '\rr', '\nn'])
  ESCAPES[(plain ?? '').charCodeAt(0)] = (after ?? '').charCodeAt(0);

/** UTF-8 without other control characters than line ends, as it stands inside a JSON string. */
function escapedForm(plain: Buffer, plainOffsets: Uint32Array): { bytes: Buffer; at: Uint32Array } {
  const room = Buffer.allocUnsafe(plain.length * 2);
  const at = new Uint32Array(plainOffsets.length);
  let end = 0;
  let index = 0;
  for (let paragraph = 0; paragraph < at.length; paragraph++) {
    const last = plainOffsets[paragraph] ?? 0;
    for (; index < last; index++) {
      const byte = plain[index] ?? 0;
      const after = ESCAPES[byte] ?? 0;
      if (after !== 0) room[end++] = 0x5c;
      room[end++] = after === 0 ? byte : after;
    }
    at[paragraph] = end;
  }
  return { bytes: Buffer.from(room.subarray(0, end)), at };
}

type Decoded = () => { bytes: Buffer; at: Uint32Array };

/** Paragraphs as they stand inside a JSON string; made when they are first asked for. */
function jsonOf(decoded: Readonly<Record<'html' | 'text', Decoded>>): TextPool['json'] {
  const made: { html?: ReturnType<typeof escapedForm>; text?: ReturnType<typeof escapedForm> } = {};
  return (form, from, to) => {
    let pool = made[form];
    if (pool === undefined) {
      const { bytes, at } = decoded[form]();
      pool = escapedForm(bytes, at);
      made[form] = pool;
    }
    return pool.bytes.subarray(pool.at[from], pool.at[to]);
  };
}

const TEXT_END = '\r\n\r\n';
const HTML_STARTS = STYLES.map((style) => `${style}\r\n`);

function unicodePool(paragraphs: number): TextPool {
  const random = new Random(0x9b17);
  const next = paragraphSource(random, true);
  const texts: string[] = [];
  const htmls: string[] = [];
  for (let index = 0; index < paragraphs; index++) {
    let text = '';
    next((piece) => {
      text += piece;
    });
    const style = random.below(STYLES.length);
    texts.push(text + TEXT_END);
    htmls.push(`${HTML_STARTS[style] ?? ''}${text}${CLOSES[style] ?? ''}`);
  }
  const encodedTexts = texts.map(encodeLines);
  const encodedHtmls = htmls.map(encodeLines);
  const utf8 = (decoded: readonly string[]) => {
    const pieces = decoded.map((text) => Buffer.from(text));
    return { bytes: Buffer.concat(pieces), at: offsets(pieces) };
  };
  return {
    paragraphs,
    text: Buffer.from(encodedTexts.join(''), 'latin1'),
    textOffsets: offsets(encodedTexts),
    html: Buffer.from(encodedHtmls.join(''), 'latin1'),
    htmlOffsets: offsets(encodedHtmls),
    encoding: 'quoted-printable',
    decodedHtml: (from, to) => htmls.slice(from, to).join(''),
    decodedText: (from, to) => texts.slice(from, to).join(''),
    json: jsonOf({ html: () => utf8(htmls), text: () => utf8(texts) }),
  };
}

/** The paragraphs as bytes from the start: of so many, strings cost several times as much. */
function asciiPool(paragraphs: number): TextPool {
  const random = new Random(0x7b17);
  const next = paragraphSource(random, false);
  const styles = new Uint8Array(paragraphs);
  const textOffsets = new Uint32Array(paragraphs + 1);
  let room = Buffer.allocUnsafe(8 * 1024 * 1024);
  let end = 0;
  const write = (piece: string) => {
    if (end + piece.length > room.length) room = Buffer.concat([room], room.length * 2);
    for (let index = 0; index < piece.length; index++) room[end++] = piece.charCodeAt(index);
  };
  for (let index = 0; index < paragraphs; index++) {
    next(write);
    styles[index] = random.below(STYLES.length);
    write(TEXT_END);
    textOffsets[index + 1] = end;
  }
  const text = Buffer.from(room.subarray(0, end));
  const { html, htmlOffsets } = htmlOf(text, textOffsets, styles);
  return {
    paragraphs,
    text,
    textOffsets,
    html,
    htmlOffsets,
    encoding: '7bit',
    decodedHtml: (from, to) => html.toString('latin1', htmlOffsets[from], htmlOffsets[to]),
    decodedText: (from, to) => text.toString('latin1', textOffsets[from], textOffsets[to]),
    json: jsonOf({
      html: () => ({ bytes: html, at: htmlOffsets }),
      text: () => ({ bytes: text, at: textOffsets }),
    }),
  };
}

function htmlOf(text: Buffer, textOffsets: Uint32Array, styles: Uint8Array) {
  const starts = HTML_STARTS.map((start) => Buffer.from(start));
  const closes = CLOSES.map((close) => Buffer.from(close));
  const pieces: Buffer[] = [];
  const htmlOffsets = new Uint32Array(textOffsets.length);
  let end = 0;
  for (const [index, style] of styles.entries()) {
    const inner = text.subarray(textOffsets[index], (textOffsets[index + 1] ?? 0) - TEXT_END.length);
    const paragraph = [starts[style] ?? inner, inner, closes[style] ?? inner];
    for (const piece of paragraph) end += piece.length;
    pieces.push(...paragraph);
    htmlOffsets[index + 1] = end;
  }
  return { html: Buffer.concat(pieces, end), htmlOffsets };
}

let ascii: TextPool | undefined;
let unicode: TextPool | undefined;

/** The pool of plain ASCII paragraphs (most messages). Built on first use, then shared by the process. */
export function asciiText(): TextPool {
  ascii ??= asciiPool(14000);
  return ascii;
}

/** The pool of paragraphs with accents, other scripts and emoji, quoted-printable in MIME. */
export function unicodeText(): TextPool {
  unicode ??= unicodePool(900);
  return unicode;
}
