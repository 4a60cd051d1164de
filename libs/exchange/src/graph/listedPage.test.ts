import type { JsonObject } from '@holdfast/contracts';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { cutBody, parseListedPage, wholePage } from './listedPage.ts';

const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value));
/** Puts the bodies that were cut out back into their rows. */
function joined(bytes: Uint8Array): unknown {
  const { json, bodies } = parseListedPage(bytes);
  const rows = (json.value as JsonObject[]).map((row) => {
    const text = typeof row.body === 'number' ? bodies[row.body] : undefined;
    return text === undefined ? row : { ...row, body: cutBody(text) };
  });
  return { ...json, value: rows };
}

describe('a page with bodies', () => {
  test('has them cut out as they stand', () => {
    const body = { contentType: 'html', content: '<p class="a">\\"}</p>\n' };
    const { json, bodies } = parseListedPage(bytesOf({ value: [{ id: '1', body, isRead: true }] }));
    expect(json).toEqual({ value: [{ id: '1', body: 0, isRead: true }] });
    expect(bodies.map((text) => Buffer.from(text).toString())).toEqual([JSON.stringify(body)]);
  });

  test('is the same as one that was parsed whole, whatever the texts hold', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('"}', '\\"}', '\\\\"},', '"body":{"contentType":"html","content":"x"}', '\\', '{}"'),
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
        expect(joined(bytes)).toEqual(wholePage(bytes).json);
      }),
    );
  });

  test('of another form is left whole, or its cut shows that it is wrong', () => {
    const other = [
      { content: 'x', contentType: 'html' },
      { contentType: 'a type with a long name', content: 'x' },
    ];
    for (const body of other) {
      const { json, bodies } = parseListedPage(bytesOf({ value: [{ body }] }));
      expect([json, bodies]).toEqual([{ value: [{ body }] }, []]);
    }
    const more = bytesOf({ value: [{ body: { contentType: 'html', content: 'x', more: 'y' } }] });
    const [text = new Uint8Array()] = parseListedPage(more).bodies;
    expect(cutBody(text)).toEqual({ contentType: 'html', content: 'x', more: 'y' });
    const nested = bytesOf({ value: [{ body: { contentType: 'html', content: 'x', n: { a: 'y' } } }] });
    expect(() => parseListedPage(nested).bodies.map(cutBody)).toThrow(SyntaxError);
  });

  test('may hold raw control characters', () => {
    const bytes = Buffer.from(
      '{"value":[{"body":{"contentType":"text","content":"a\u0001b"},"subject":"c\u0002"}]}',
    );
    expect(joined(bytes)).toEqual({
      value: [{ body: { contentType: 'text', content: 'a\u0001b' }, subject: 'c\u0002' }],
    });
  });
});
