import { expect, test } from '@jest/globals';
import { customHeadersOf } from './customHeaders.ts';

const headers = (...lines: string[]) =>
  customHeadersOf(Buffer.from(`${lines.join('\r\n')}\r\n\r\nx-body: no\r\n`));

test("the sender's own headers are found, folded ones unfolded, those of servers left out", () => {
  expect(
    headers(
      'Subject: a',
      'X-Mailer: Example',
      ' 1.0',
      'X-MS-Exchange-Organization-SCL: -1',
      'X-Microsoft-Antispam: x',
      'x-priority: 1',
    ),
  ).toEqual([
    { name: 'X-Mailer', value: 'Example 1.0' },
    { name: 'x-priority', value: '1' },
  ]);
});

test('five at most, none of them empty, endless or of other characters', () => {
  const many = Array.from({ length: 9 }, (_, n) => `x-h${n}: v`);
  expect(headers(`x-long: ${'y'.repeat(2_000)}`, 'x-empty:', 'x-umlaut: ü', ...many)).toHaveLength(5);
});

test('a message without a body, without an end or without headers does no harm', () => {
  expect(customHeadersOf(Buffer.from('X-A: b'))).toEqual([{ name: 'X-A', value: 'b' }]);
  expect(customHeadersOf(Buffer.alloc(0))).toEqual([]);
  expect(customHeadersOf(Buffer.from('\n\nx-a: b'))).toEqual([]);
});
