import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { globMatches } from './globMatches.ts';

test.each([
  ['Ann*', 'Ann Smith', true],
  ['ann*', 'ANN SMITH', true],
  ['*smith', 'Ann Smith', true],
  ['*n*s*', 'Ann Smith', true],
  ['A?n Smith', 'Ann Smith', true],
  ['A?n', 'Ann Smith', false],
  ['Ann', 'Ann Smith', false],
  ['', 'Ann', false],
  ['*', '', true],
  ['?', '', false],
  ['*(sales)*', 'Room 1 (Sales) east', true],
  ['a.c', 'abc', false],
  ['Müll*', 'MÜLLER', true],
  ['*ab', 'aab', true],
  ['*?*?*', 'x', false],
])('%j on %j: %j', (pattern, text, expected) => {
  expect(globMatches(pattern, text)).toBe(expected);
});

test('agrees with a regular expression', () => {
  const letter = fc.constantFrom('a', 'b', '*', '?');
  const pattern = fc.array(letter, { maxLength: 8 }).map((list) => list.join(''));
  const text = fc.array(fc.constantFrom('a', 'b'), { maxLength: 10 }).map((list) => list.join(''));
  fc.assert(
    fc.property(pattern, text, (wanted, given) => {
      const same = new RegExp(`^${wanted.replaceAll('*', '.*').replaceAll('?', '.')}$`);
      expect(globMatches(wanted, given)).toBe(same.test(given));
    }),
  );
});

test('a pattern made to be slow is not', () => {
  expect(globMatches('*a'.repeat(100), `${'a'.repeat(5_000)}b`)).toBe(false);
});
