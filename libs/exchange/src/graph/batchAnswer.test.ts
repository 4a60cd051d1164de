import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { partAnswersOf } from './batchAnswer.ts';

const bytesOf = (value: unknown, space?: number) => Buffer.from(JSON.stringify(value, null, space));
const read = (answer: Buffer) =>
  partAnswersOf(answer).map(({ body, ...part }) => ({
    ...part,
    body: body.length === 0 ? undefined : (JSON.parse(Buffer.from(body).toString()) as unknown),
  }));

describe('the answer to a batch', () => {
  test('has the bodies of its parts cut out as they stand', () => {
    const text = '{"value" : [ {"subject":"a \\"}],{ \\\\"} ],\r\n"x":1e3}';
    const answer = Buffer.from(
      `{"@odata.context":"x","responses":[{"id":"1","status":200,"headers":{"Retry-After":"2.5"},"body":${text}}]}`,
    );
    const [part] = partAnswersOf(answer);
    expect(part).toMatchObject({ id: '1', status: 200, headers: { 'Retry-After': '2.5' } });
    expect(Buffer.from(part?.body ?? []).toString()).toBe(text);
    expect(part?.body.buffer).toBe(answer.buffer);
  });

  test('may have parts without a body, without headers, of any order and with anything else in them', () => {
    const responses = [
      { body: { a: 1 }, status: 200, id: 'b' },
      { id: 'a', status: 429, headers: {} },
      { id: 'c', status: 200, body: 'dGV4dA==', more: [{}, [], 'x', null, true] },
    ];
    expect(read(bytesOf({ responses }))).toEqual([
      { id: 'b', status: 200, headers: {}, body: { a: 1 } },
      { id: 'a', status: 429, headers: {}, body: undefined },
      { id: 'c', status: 200, headers: {}, body: 'dGV4dA==' },
    ]);
    expect(partAnswersOf(bytesOf({}))).toEqual([]);
    expect(partAnswersOf(bytesOf({ responses: [] }))).toEqual([]);
    expect(partAnswersOf(bytesOf({ responses: [{}] }))[0]?.status).toBeNaN();
  });

  test.each([
    ['nothing', ''],
    ['a page of a proxy', '<html></html>'],
    ['a list', '[]'],
    ['what was cut off', '{"responses":[{"id":"1","status":200,"body":{"value":[{"subject":"x'],
    ['what was cut off between parts', '{"responses":[{"id":"1","status":200}'],
    ['responses that are no list', '{"responses":{}}'],
    ['parts that are no objects', '{"responses":[1]}'],
    ['a broken number', '{"responses":[{"id":"1","status":2x}]}'],
  ])('that is %s is no answer', (_, text) => {
    expect(() => partAnswersOf(Buffer.from(text))).toThrow(SyntaxError);
  });

  test('is read as a parser reads it, whatever is in the bodies', () => {
    const part = fc.record({
      id: fc.string(),
      status: fc.integer({ min: 100, max: 599 }),
      headers: fc.dictionary(fc.string(), fc.string()),
      body: fc.jsonValue(),
    });
    fc.assert(
      fc.property(fc.array(part), fc.constantFrom(undefined, 1, 2), (responses, space) => {
        const plain = JSON.parse(JSON.stringify(responses)) as unknown;
        expect(JSON.stringify(read(bytesOf({ responses }, space)))).toBe(JSON.stringify(plain));
      }),
    );
  });
});
