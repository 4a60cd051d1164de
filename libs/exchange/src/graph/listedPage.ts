import type { JsonObject } from '@holdfast/contracts';
import { objectOf } from '../message/graphMessage.ts';
import { parseJsonText } from './jsonText.ts';

/** A page of messages whose bodies were left as they came: they are most of it, and each is read much later. */
export interface ListedPage {
  /** The page; a body that was cut out is a number, its place in `bodies`. */
  json: JsonObject;
  /** JSON texts of bodies, views of the bytes of the page. */
  bodies: readonly Uint8Array[];
}

// A quote inside a JSON text is escaped, so none of these can stand inside a subject or a body.
const opening = Buffer.from('"body":{"contentType":"');
const content = Buffer.from('","content":"');
const closing = Buffer.from('"}');
const nameBytes = '"body":'.length;
/** `html` or `text`. */
const longestType = 16;
const backslash = 0x5c;

/**
 * Parses a page, leaving out bodies of the form that the service writes. Whether a cut body is sound shows when it is
 * parsed (`cutBody`). @throws SyntaxError
 */
export function parseListedPage(bytes: Uint8Array): ListedPage {
  const page = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bodies: Uint8Array[] = [];
  let text = '';
  let from = 0;
  for (let at = page.indexOf(opening); at >= 0; at = page.indexOf(opening, from)) {
    const end = endOfBody(page, at + opening.length);
    if (end === undefined) return wholePage(bytes);
    text += `${page.toString('utf8', from, at + nameBytes)}${bodies.length}`;
    bodies.push(page.subarray(at + nameBytes, end));
    from = end;
  }
  text += page.toString('utf8', from);
  return { json: objectOf(parseJsonText(text)), bodies };
}

/** The same page with its bodies in place. @throws SyntaxError */
export function wholePage(bytes: Uint8Array): ListedPage {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return { json: objectOf(parseJsonText(text)), bodies: [] };
}

/** A body that was cut out. @throws SyntaxError when the cut was wrong: the text ended somewhere else */
export function cutBody(text: Uint8Array): JsonObject {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  return objectOf(parseJsonText(bytes.toString('utf8')));
}

/** Where the object ends that holds type and content and nothing else; undefined for one of another form. */
function endOfBody(page: Buffer, typeAt: number): number | undefined {
  const contentAt = page.subarray(typeAt, typeAt + longestType + content.length).indexOf(content);
  if (contentAt < 0) return undefined;
  const start = typeAt + contentAt + content.length;
  for (let at = page.indexOf(closing, start); at >= 0; at = page.indexOf(closing, at + 1)) {
    let escapes = 0;
    while (at - escapes > start && page[at - escapes - 1] === backslash) escapes++;
    if (escapes % 2 === 0) return at + closing.length;
  }
  return undefined;
}
