import type { Json, JsonObject } from '@holdfast/contracts';
import { objectOf } from '../message/graphMessage.ts';

/** One answer within the answer to a batch. */
export interface PartAnswer {
  id: string;
  /** NaN when it says none. */
  status: number;
  headers: JsonObject;
  /** JSON text, a view of the bytes of the batch; empty when there is none. */
  body: Uint8Array;
}

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const backslash = 0x5c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

const malformed = (at: number): SyntaxError =>
  new SyntaxError(`the answer to a batch is no JSON at byte ${at}`);

/** JSON knows no other white space; there is nothing else below the space outside of strings. */
function afterSpace(bytes: Buffer, from: number): number {
  let at = from;
  for (let byte = bytes[at]; byte !== undefined && byte <= 0x20; byte = bytes[at]) at++;
  return at;
}

function afterString(bytes: Buffer, from: number): number {
  for (let at = from + 1; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === quote) return at + 1;
    if (byte === backslash) at++;
  }
  throw malformed(from);
}

/** Where the value that begins at `from` ends; what is in it is not looked at beyond strings and brackets. */
function afterValue(bytes: Buffer, from: number): number {
  let depth = 0;
  for (let at = from; at < bytes.length; ) {
    const byte = bytes[at];
    if (byte === quote) {
      at = afterString(bytes, at);
      if (depth === 0) return at;
      continue;
    }
    if (byte === openBrace || byte === openBracket) depth++;
    else if (byte === closeBrace || byte === closeBracket) {
      if (depth === 0) return at;
      if (--depth === 0) return at + 1;
    } else if (depth === 0 && (byte === comma || (byte !== undefined && byte <= 0x20))) return at;
    at++;
  }
  throw malformed(from);
}

/** Calls `each` with the place of every value of an object, in order; returns where the object ends. */
function eachMember(
  bytes: Buffer,
  from: number,
  each: (name: string, start: number, end: number) => void,
): number {
  if (bytes[from] !== openBrace) throw malformed(from);
  let at = afterSpace(bytes, from + 1);
  while (bytes[at] !== closeBrace) {
    if (bytes[at] !== quote) throw malformed(at);
    const nameEnd = afterString(bytes, at);
    const name = bytes.toString('utf8', at + 1, nameEnd - 1);
    at = afterSpace(bytes, nameEnd);
    if (bytes[at] !== colon) throw malformed(at);
    const start = afterSpace(bytes, at + 1);
    const end = afterValue(bytes, start);
    each(name, start, end);
    at = afterSpace(bytes, end);
    if (bytes[at] === comma) at = afterSpace(bytes, at + 1);
    else if (bytes[at] !== closeBrace) throw malformed(at);
  }
  return at + 1;
}

function eachElement(bytes: Buffer, from: number, each: (start: number) => number): void {
  if (bytes[from] !== openBracket) throw malformed(from);
  let at = afterSpace(bytes, from + 1);
  while (bytes[at] !== closeBracket) {
    at = afterSpace(bytes, each(at));
    if (bytes[at] === comma) at = afterSpace(bytes, at + 1);
    else if (bytes[at] !== closeBracket) throw malformed(at);
  }
}

function partAt(bytes: Buffer, from: number): { part: PartAnswer; end: number } {
  const part: PartAnswer = { id: '', status: Number.NaN, headers: {}, body: bytes.subarray(0, 0) };
  const json = (start: number, end: number) => JSON.parse(bytes.toString('utf8', start, end)) as Json;
  const end = eachMember(bytes, from, (name, start, valueEnd) => {
    if (name === 'body') part.body = bytes.subarray(start, valueEnd);
    else if (name === 'id') part.id = String(json(start, valueEnd));
    else if (name === 'status') part.status = Number(json(start, valueEnd));
    else if (name === 'headers') part.headers = objectOf(json(start, valueEnd));
  });
  return { part, end };
}

/**
 * The answers of the parts of a batch. Their bodies are cut out as they stand: a page of messages is read from its
 * bytes, and parsing it twice would cost more than the batch spares. @throws SyntaxError
 */
export function partAnswersOf(answer: Uint8Array): PartAnswer[] {
  const bytes = Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength);
  const parts: PartAnswer[] = [];
  eachMember(bytes, afterSpace(bytes, 0), (name, start) => {
    if (name !== 'responses') return;
    eachElement(bytes, start, (at) => {
      const { part, end } = partAt(bytes, at);
      parts.push(part);
      return end;
    });
  });
  return parts;
}
