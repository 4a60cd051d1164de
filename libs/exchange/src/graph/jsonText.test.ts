import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseJsonText } from './jsonText.ts';

test('raw control characters inside strings are kept as characters', () => {
  expect(parseJsonText('{"subject":"a\u0001b\tc\nd","n":[1,\n2]}')).toEqual({
    subject: 'a\u0001b\tc\nd',
    n: [1, 2],
  });
});

test('escaped quotes and backslashes do not end a string', () => {
  expect(parseJsonText('{"a":"x\\\\","b":"\\"\u0002\\""}')).toEqual({ a: 'x\\', b: '"\u0002"' });
});

test('what is broken beyond that stays an error', () => {
  expect(() => parseJsonText('{"a":"cut off')).toThrow(SyntaxError);
});

test('any JSON with raw controls put back into its strings parses to the same value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const raw = JSON.stringify(value).replace(/\\u00([01][0-9a-f])/g, (_, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      );
      const parsed = parseJsonText(raw.includes('\\\\') ? JSON.stringify(value) : raw);
      expect(parsed).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});
