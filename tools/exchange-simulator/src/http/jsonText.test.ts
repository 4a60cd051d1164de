import { expect, test } from '@jest/globals';
import { JsonMembers, JsonText, jsonBytes } from './jsonText.ts';

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

test('an object that is written member by member is the same text as one that was made', () => {
  const members = { id: 'ü"', none: null, left: undefined, list: ['a', { b: 1 }], yes: true, n: 2.5 };
  const written = new JsonMembers();
  for (const [name, value] of Object.entries(members)) written.add(name, value);
  written.add('body', { content: ready('<p>é</p>') });
  const value = { first: new JsonMembers().end(), value: [written.end(), { x: 1 }] };
  const plain = { first: {}, value: [{ ...members, body: { content: '<p>é</p>' } }, { x: 1 }] };
  expect(jsonBytes(value).toString()).toBe(JSON.stringify(plain));
  expect(JSON.stringify(value)).toBe(JSON.stringify(plain));
});
