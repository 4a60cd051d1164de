import { isUtf8 } from 'node:buffer';
import type { JsonObject } from '@holdfast/contracts';
import { objectOf } from '../message/graphMessage.ts';
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
const opening = '"body":{"contentType":"';
const middle = '","content":';
const nameLength = '"body":'.length;
/** Control characters, which strict JSON does not have, and escapes that `JSON.stringify` does not write. */
const notCanonical = /[^ -\xff]|\\[u/]/;

/** Parses a page; bodies of the form that the service writes are left out of it. @throws SyntaxError */
export function parseListedPage(bytes: Uint8Array): ListedPage {
  const page = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = () => ({ json: objectOf(parseJsonText(page.toString('utf8'))), bodies: [] });
  if (!isUtf8(page)) return whole();
  // One character a byte, so that places in it are places in the page.
  const text = page.toString('latin1');
  const bodies: ListedBody[] = [];
  let rest = '';
  let from = 0;
  for (let at = text.indexOf(opening); at >= 0; at = text.indexOf(opening, from)) {
    const cut = bodyAt(text, at + opening.length);
    if (cut === undefined) return whole();
    rest += page.toString('utf8', from, at + nameLength) + String(bodies.length);
    const { contentType, start, end } = cut;
    bodies.push({ contentType, content: canonical(text.slice(start, end), page.subarray(start, end)) });
    from = end + 1;
  }
  rest += page.toString('utf8', from);
  return { json: objectOf(parseJsonText(rest)), bodies };
}

/** Type, and place of the content with its quotes; undefined when the object holds something else. */
function bodyAt(
  text: string,
  typeAt: number,
): { contentType: string; start: number; end: number } | undefined {
  const typeEnd = text.indexOf('"', typeAt);
  if (typeEnd < 0 || !text.startsWith(middle, typeEnd)) return undefined;
  const start = typeEnd + middle.length;
  if (text[start] !== '"') return undefined;
  let quote = text.indexOf('"', start + 1);
  while (quote >= 0 && isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  if (quote < 0 || text[quote + 1] !== '}') return undefined;
  return { contentType: text.slice(typeAt, typeEnd), start, end: quote + 1 };
}

function isEscaped(text: string, at: number): boolean {
  let before = at;
  while (text[before - 1] === '\\') before--;
  return (at - before) % 2 === 1;
}

/** The text as `JSON.stringify` would write it; most often it is that already. */
function canonical(text: string, bytes: Buffer): Uint8Array {
  if (!notCanonical.test(text)) return bytes;
  return Buffer.from(JSON.stringify(parseJsonText(bytes.toString('utf8'))));
}
