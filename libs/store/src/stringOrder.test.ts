import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compareStrings, prefixEnd } from './stringOrder.ts';

const texts = fc.string({ unit: 'binary', maxLength: 5 });

describe('the end of a prefix', () => {
  test('lies above every text with the prefix and above no other', () => {
    fc.assert(
      fc.property(texts, texts, (prefix, text) => {
        const end = prefixEnd(prefix);
        const inRange =
          compareStrings(text, prefix) >= 0 && (end === undefined || compareStrings(text, end) < 0);
        expect(inRange).toBe(text.startsWith(prefix));
        expect(compareStrings(prefix + text, prefix)).toBeGreaterThanOrEqual(0);
        if (end !== undefined) expect(compareStrings(prefix + text, end)).toBe(-1);
      }),
    );
  });

  test('steps over surrogates and past the last code point', () => {
    expect(prefixEnd('a')).toBe('b');
    expect(prefixEnd('a\ud7ff')).toBe('a\ue000');
    expect(prefixEnd('\uffff')).toBe('\u{10000}');
    expect(prefixEnd('a\u{10ffff}\u{10ffff}')).toBe('b');
    expect(prefixEnd('\u{10ffff}')).toBeUndefined();
    expect(prefixEnd('')).toBeUndefined();
  });
});
