import { describe, expect, it, test } from '@jest/globals';
import { parseItem } from './itemObject.ts';

const id = 'ab'.repeat(32);
const facts = { name: 'a.pdf', path: '1.2', type: 'application/pdf' };
const head = (mime: unknown, more: object = {}) => ({ mime, properties: {}, v: 1, ...more });
const mime = (...ops: unknown[]) => ({ ops, sha256: id, size: 5 });

function item(value: unknown): Buffer {
  const text = Buffer.from(JSON.stringify(value));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text, Buffer.from('inline')]);
}

describe('the head of an item', () => {
  it('is what was written', () => {
    const whole = head(
      mime(['t', 2], ['b', 3, 76, 2, 1], ['o', id, 4], ['e', id, 9, 0, 0, 0], ['e', id, 9, 76, 1, 0, facts]),
      { parts: [['body', 2, id, null]] },
    );
    expect(parseItem(item(whole))).toEqual({ head: whole, inline: Buffer.from('inline') });
    const large = { propertiesIn: [id, 7], v: 1 };
    expect(parseItem(item(large)).head).toEqual(large);
  });

  test.each([
    ['no object', []],
    ['no version', { properties: {} }],
    ['another version', head(mime(), { v: 2 })],
    ['properties that are a list', { properties: [], v: 1 }],
    ['large properties without a size', { propertiesIn: [id], v: 1 }],
    ['large properties in no object', { propertiesIn: ['ab', 5], v: 1 }],
    ['a message without ops', head({ sha256: id, size: 1 })],
    ['a message of a negative size', head({ ...mime(), size: -1 })],
    ['a message without a hash', head({ ...mime(), sha256: id.toUpperCase() })],
    ['an op that is none', head(mime('t'))],
    ['an op of an unknown kind', head(mime(['x', 1]))],
    ['an op named after what every object has', head(mime(['toString', 1]))],
    ['text of half a byte', head(mime(['t', 1.5]))],
    ['text with more behind it', head(mime(['t', 1, 1]))],
    ['lines of a length that no encoder makes', head(mime(['b', 3, 75, 2, 1]))],
    ['a break of three bytes', head(mime(['b', 3, 76, 3, 1]))],
    ['a content without an id', head(mime(['o', 'ab', 4]))],
    ['a part whose facts are a text', head(mime(['e', id, 9, 76, 1, 0, 'facts']))],
    ['a part whose type is a number', head(mime(['e', id, 9, 76, 1, 0, { ...facts, type: 1 }]))],
    ['an extra part without a hash', head(mime(), { parts: [['body', 2, null, null]] })],
    ['an extra part in no object', head(mime(), { parts: [['body', 2, id, 'ab']] })],
  ])('is refused with %s', (_, value) => {
    expect(() => parseItem(item(value))).toThrow(expect.objectContaining({ code: 'damaged-item' }));
  });
});
