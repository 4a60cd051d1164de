import type { JsonObject } from '@holdfast/contracts';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bodyJson } from '../message/listedBody.ts';
import { parseListedPage } from './listedPage.ts';

const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value));
const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString();

/** Puts the bodies that were cut out back into their rows. */
function joined(bytes: Uint8Array): unknown {
  const { json, bodies } = parseListedPage(Buffer.from(bytes));
  const rows = (json.value as JsonObject[]).map((row) => {
    const body = typeof row.body === 'number' ? bodies[row.body] : undefined;
    return body === undefined ? row : { ...row, body: JSON.parse(textOf(bodyJson(body))) };
  });
  return { ...json, value: rows };
}

describe('a page with bodies', () => {
  test('has them cut out as they stand', () => {
    const body = { contentType: 'html', content: '<p class="a">\\"}</p>\n' };
    const page = bytesOf({ value: [{ id: '1', body, isRead: true }] });
    const { json, bodies } = parseListedPage(page);
    expect(json).toEqual({ value: [{ id: '1', body: 0, isRead: true }] });
    const [cut] = bodies;
    expect([cut?.contentType, textOf(cut?.content ?? page)]).toEqual(['html', JSON.stringify(body.content)]);
    expect(cut?.content.buffer).toBe(page.buffer);
  });

  test('has room for their texts, or they are copied', () => {
    const body = { contentType: 'html', content: 'é' };
    const text = JSON.stringify({ content: 'é', contentType: 'html' });
    const { bodies } = parseListedPage(
      bytesOf({
        value: [
          { id: '1', body, after: 'long enough to be written over' },
          { id: '2', body },
        ],
      }),
    );
    expect(bodies.map((one) => textOf(bodyJson(one)))).toEqual([text, text]);
    expect(bodies.map(({ json }) => json !== undefined)).toEqual([true, false]);
  });

  test('is the same as one that was parsed whole, whatever the texts hold', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '"}',
        '\\"}',
        '\\\\"},',
        '"body":{"contentType":"html","content":"x"}',
        '\\',
        '{}"',
        '\ud800',
      ),
    );
    const row = fc.record({
      id: fc.string(),
      subject: text,
      body: fc.record(
        { contentType: fc.constantFrom('html', 'text'), content: text },
        { noNullPrototype: true },
      ),
      preview: text,
    });
    fc.assert(
      fc.property(fc.array(row), (value) => {
        const bytes = bytesOf({ value });
        expect(joined(bytes)).toEqual(JSON.parse(bytes.toString()));
        for (const [at, body] of parseListedPage(bytes).bodies.entries()) {
          const { contentType = '', content = '' } = value[at]?.body ?? {};
          expect(textOf(body.content)).toBe(JSON.stringify(content));
          expect(textOf(bodyJson(body))).toBe(JSON.stringify({ content, contentType }));
        }
      }),
    );
  });

  test('whose service escapes in another way gives the same texts', () => {
    const { bodies } = parseListedPage(
      Buffer.from('{"value":[{"body":{"contentType":"text","content":"\\u003Ca\\/\\u00e9\\u001F\\n"}}]}'),
    );
    expect(bodies.map(({ content }) => textOf(content))).toEqual(['"<a/é\\u001f\\n"']);
  });

  test('of another form is left whole', () => {
    const others: JsonObject[] = [
      { content: 'x', contentType: 'html' },
      { contentType: 'html', content: null },
      { contentType: 'html', content: 'x', more: 'y' },
      { contentType: 'html', content: 'x', more: { a: 'y' } },
    ];
    for (const body of others) {
      const { json, bodies } = parseListedPage(bytesOf({ value: [{ body }] }));
      expect([json, bodies]).toEqual([{ value: [{ body }] }, []]);
    }
  });

  test('may hold raw control characters', () => {
    const bytes = Buffer.from(
      '{"value":[{"body":{"contentType":"text","content":"a\u0001b"},"subject":"c\u0002"}]}',
    );
    expect(joined(bytes)).toEqual({
      value: [{ body: { contentType: 'text', content: 'a\u0001b' }, subject: 'c\u0002' }],
    });
  });

  test.each([
    ['a control character', '\u0001', '\\u0001'],
    ['an escape that is not needed', '\\/', '/'],
    ['an escaped quote', '\\"', '\\"'],
    ['an escaped backslash before the end', '\\\\', '\\\\'],
  ])('finds %s at every place of a word', (_, raw, canonical) => {
    for (let before = 0; before < 9; before++) {
      for (let after = 0; after < 9; after++) {
        const around = (text: string) => `"${'a'.repeat(before)}${text}${'b'.repeat(after)}"`;
        const page = `{"value":[{"body":{"contentType":"text","content":${around(raw)}}}]}`;
        const { bodies } = parseListedPage(Buffer.from(page));
        expect(bodies.map(({ content }) => textOf(content))).toEqual([around(canonical)]);
      }
    }
  });

  test('that was cut off or holds bytes that are no text is refused or read as before', () => {
    expect(() =>
      parseListedPage(Buffer.from('{"value":[{"body":{"contentType":"text","content":"a')),
    ).toThrow(SyntaxError);
    const odd = Buffer.from('{"value":[{"body":{"contentType":"text","content":"a?b"}}]}');
    odd[odd.indexOf('?')] = 0xff;
    expect(joined(odd)).toEqual({ value: [{ body: { contentType: 'text', content: 'a\ufffdb' } }] });
  });
});
