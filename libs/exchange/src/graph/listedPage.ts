import { isUtf8 } from 'node:buffer';
import type { JsonObject } from '@holdfast/contracts';
import { objectOf } from '../message/graphMessage.ts';
import { bodyTail } from '../message/listedBody.ts';
import type { ListedBody } from '../ports.ts';
import { parseJsonText } from './jsonText.ts';

/** A page of messages whose bodies were left as they came: they are most of it, and nothing here reads them. */
export interface ListedPage {
  /** The page; a body that was cut out is a number, its place in `bodies`. */
  json: JsonObject;
  /** Views of the bytes of the page. */
  bodies: readonly ListedBody[];
}

// A quote inside a JSON text is escaped, so these cannot stand inside a subject or a body.
const opening = Buffer.from('"body":{"contentType":"');
const middle = Buffer.from('","content":');
const nameLength = '"body":'.length;
/** Where `,"content":` begins before the content: the place of the brace in the text of the property. */
const braceBefore = ',"content":'.length;

const quote = 0x22;
const backslash = 0x5c;
const closingBrace = 0x7d;

/** Where a body stands in a page. */
interface Cut {
  /** Of its name. */
  at: number;
  contentType: string;
  /** Of the content with its quotes. */
  start: number;
  end: number;
  isCanonical: boolean;
}

/**
 * Parses a page; bodies of the form that the service writes are left out of it. The page is used up: its bytes are
 * rewritten around the bodies. @throws SyntaxError
 */
export function parseListedPage(bytes: Uint8Array): ListedPage {
  const page = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = () => ({ json: objectOf(parseJsonText(page.toString('utf8'))), bodies: [] });
  if (!isUtf8(page)) return whole();
  const cuts: Cut[] = [];
  let rest = '';
  let from = 0;
  for (let at = page.indexOf(opening); at >= 0; at = page.indexOf(opening, from)) {
    const cut = bodyAt(page, at);
    if (cut === undefined) return whole();
    rest += page.toString('utf8', from, at + nameLength) + String(cuts.length);
    cuts.push(cut);
    from = cut.end + 1;
  }
  rest += page.toString('utf8', from);
  const json = objectOf(parseJsonText(rest));
  return { json, bodies: cuts.map((cut, n) => listedBody(page, cut, cuts[n + 1]?.at ?? page.length)) };
}

/** Undefined when the object holds something else. */
function bodyAt(page: Buffer, at: number): Cut | undefined {
  const typeAt = at + opening.length;
  const typeEnd = page.indexOf(quote, typeAt);
  const start = typeEnd + middle.length;
  if (typeEnd < 0 || middle.compare(page, typeEnd, start) !== 0 || page[start] !== quote) return undefined;
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  let isCanonical = true;
  let end = afterPlain(view, start + 1);
  for (; page[end] !== quote; end = afterPlain(view, end + 1)) {
    const byte = page[end];
    if (byte === undefined) return undefined;
    // Raw control characters, which strict JSON does not have, and escapes that `JSON.stringify` does not write.
    if (byte < 0x20) isCanonical = false;
    else if (byte === backslash) {
      const escaped = page[++end];
      if (escaped === 0x75 || escaped === 0x2f) isCanonical = false;
    }
  }
  end++;
  if (page[end] !== closingBrace) return undefined;
  return { at, contentType: page.toString('utf8', typeAt, typeEnd), start, end, isCanonical };
}

/** The next place whose four bytes are not all plain: a quote, a backslash or a control character is near. */
function afterPlain(page: DataView, start: number): number {
  const last = page.byteLength - 4;
  let at = start;
  while (at <= last && isPlain(page.getInt32(at))) at += 4;
  return at;
}

/** Four bytes at a time: each term has the highest bit of a byte set where there is what it looks for. */
function isPlain(bytes: number): boolean {
  const quotes = bytes ^ 0x22222222;
  const backslashes = bytes ^ 0x5c5c5c5c;
  const found =
    ((bytes - 0x20202020) & ~bytes) |
    ((quotes - 0x01010101) & ~quotes) |
    ((backslashes - 0x01010101) & ~backslashes);
  return (found & 0x80808080) === 0;
}

/** Bytes up to `room` were read already and may be overwritten. */
function listedBody(page: Buffer, { contentType, start, end, isCanonical }: Cut, room: number): ListedBody {
  const content = page.subarray(start, end);
  // As `JSON.stringify` would write it.
  if (!isCanonical)
    return { contentType, content: Buffer.from(JSON.stringify(parseJsonText(content.toString('utf8')))) };
  const tail = bodyTail(contentType);
  if (end + tail.length > room) return { contentType, content };
  // The text of the property, in the order of canonical JSON, around the content that stands there.
  page[start - braceBefore] = 0x7b;
  tail.copy(page, end);
  return { contentType, content, json: page.subarray(start - braceBefore, end + tail.length) };
}
