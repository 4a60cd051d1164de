import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { safeText } from './screen.ts';

describe('text on a terminal', () => {
  test('drives nothing and stays on its line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(safeText(text)).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
  });
});
