import { expect, test } from '@jest/globals';
import { JsonText, jsonBytes } from './jsonText.ts';

const ready = (text: string) => {
  const bytes = Buffer.from(JSON.stringify(text));
  return new JsonText([bytes.toString('utf8', 0, 1), bytes.subarray(1)]);
};

test('texts that are at hand stand in an answer as if they had been written there', () => {
  const texts = ['', '<p class="a">\r\n\\é\u0001</p>', '{"x":"y"}', '\ud83c\udf89'];
  const value = { before: 'ü', value: texts.map((text) => ({ body: { content: ready(text) }, text })), n: 1 };
  const plain = { before: 'ü', value: texts.map((text) => ({ body: { content: text }, text })), n: 1 };
  expect(jsonBytes(value).toString()).toBe(JSON.stringify(plain));
  expect(JSON.stringify(value)).toBe(JSON.stringify(plain));
  expect(jsonBytes({ a: [1, 'b'] }).toString()).toBe('{"a":[1,"b"]}');
});
