import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { safeFileName } from './safeFileName.ts';

describe('a safe file name', () => {
  test('is short and plain for any text, and different for different texts', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 300 }),
        fc.string({ unit: 'binary', maxLength: 300 }),
        (a, b) => {
          expect(safeFileName(a)).toMatch(/^[A-Za-z0-9_-]{1,80}$/);
          if (a !== b) expect(safeFileName(a)).not.toBe(safeFileName(b));
        },
      ),
    );
  });

  test('leaves a plain id as it is', () => {
    expect(safeFileName('AAMkAD-_09')).toBe('AAMkAD-_09');
  });
});
