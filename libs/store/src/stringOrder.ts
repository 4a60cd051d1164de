import type { FieldValue } from './ports.ts';

const lastCodePoint = 0x10ffff;
const firstSurrogate = 0xd800;
const afterSurrogates = 0xe000;

/**
 * The smallest string, in the order of UTF-8 bytes, that is greater than every string with this prefix; undefined
 * when there is none. Turns a prefix condition into a range that any index serves.
 */
export function prefixEnd(prefix: string): string | undefined {
  const points = Array.from(prefix, (char) => char.codePointAt(0) ?? 0);
  while (points.length > 0) {
    const last = points.pop() ?? 0;
    if (last < lastCodePoint) {
      const next = last + 1 === firstSurrogate ? afterSurrogates : last + 1;
      return String.fromCodePoint(...points, next);
    }
  }
  return undefined;
}

/** Compares strings by UTF-8 bytes as both databases do; `<` of JavaScript goes by UTF-16 units and differs. */
export function compareStrings(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Compares two values of one type. */
export function compareValues(a: FieldValue, b: FieldValue): number {
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b);
  return Number(a) - Number(b);
}
